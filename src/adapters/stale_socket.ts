import type { Connection, ConnectionListener, Endpoint, ListenEndpoint } from "../connection.ts";
import { ConnectionError } from "../errors.ts";
import type { Sockets } from "../sockets.ts";
import { toConnectionError } from "./system_error.ts";

/**
 * Listens on a Unix socket. A program that was killed leaves its socket behind, and nobody could listen there again: what
 * nobody listens on any more is removed.
 *
 * ```text
 *   in use? ──▶ move it aside ──▶ does it answer? ── no: remove it, and listen
 *                                                └── yes: move it back: it is in use
 * ```
 *
 * It is moved before it is asked, so that what answers is what was moved: between asking and removing, another program might
 * have begun to listen there.
 */
export async function listenOnPath(
  sockets: Sockets,
  endpoint: ListenEndpoint & { readonly path: string },
): Promise<ConnectionListener> {
  await checkFolder(endpoint.path);
  try {
    return await sockets.listen(endpoint);
  } catch (error) {
    const isInUse = error instanceof ConnectionError && error.code === "in-use";
    if (!isInUse || !await removeIfStale(sockets, endpoint)) throw error;
    return await sockets.listen(endpoint);
  }
}

/** Node calls a folder that is not there a lack of permission. */
async function checkFolder(path: string): Promise<void> {
  const [{ stat }, { dirname }] = await Promise.all([
    import("node:fs/promises"),
    import("node:path"),
  ]);
  try {
    await stat(dirname(path));
  } catch (cause) {
    throw toConnectionError(cause, `listen on ${path}`);
  }
}

async function removeIfStale(
  sockets: Sockets,
  endpoint: Endpoint & { readonly path: string },
): Promise<boolean> {
  const { link, lstat, rename, rm } = await import("node:fs/promises");
  const { path } = endpoint;
  if (!await answersNot(sockets, endpoint)) return false;
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    if (!(await lstat(path)).isSocket()) return false; // somebody's file
    await rename(path, aside);
  } catch {
    return false; // it is gone, or not ours to move: whoever listens again will be told
  }
  const isStale = await answersNot(sockets, { ...endpoint, path: aside });
  if (!isStale) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
  return isStale;
}

/** Whether nobody listens there: it is refused. */
async function answersNot(sockets: Sockets, endpoint: Endpoint): Promise<boolean> {
  let connection: Connection;
  try {
    connection = await sockets.connect(endpoint);
  } catch (error) {
    return error instanceof ConnectionError && error.code === "refused";
  }
  connection.close();
  return false;
}
