// Listening on a Unix socket, whatever others have left at its path.

import type { BigIntStats } from "node:fs";
import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";
import { Deferred } from "../common/deferred.ts";
import { attempt } from "../common/attempt.ts";
import type { Connection, ConnectionListener } from "../connection/connection.ts";
import { ConnectionError } from "../errors.ts";
import { type Endpoint, type ListenEndpoint, LONGEST_PATH } from "./endpoint.ts";
import type { Sockets } from "./sockets.ts";

/**
 * Listens on a Unix socket. A program that was killed leaves its socket behind, and nobody could listen there again: what
 * nobody listens on any more is removed.
 *
 * ```text
 *   in use? ──▶ does it answer? ── no, and it is still the same: move it aside ──▶ does it answer? ── no: remove it, and listen
 *                                                                                                 └── yes: move it back
 * ```
 *
 * Between asking and moving, another program might have begun to listen there: so it is compared with what was asked, and
 * asked again when it is out of the way.
 */
export async function listenOnPath(
  sockets: Sockets,
  endpoint: ListenEndpoint & { readonly path: string },
): Promise<ConnectionListener> {
  await checkFolder(endpoint.path);
  return keepOthers(await listenInPlace(sockets, endpoint), endpoint.path);
}

async function listenInPlace(
  sockets: Sockets,
  endpoint: ListenEndpoint & { readonly path: string },
): Promise<ConnectionListener> {
  try {
    return await sockets.listen(endpoint);
  } catch (error) {
    const isInUse = error instanceof ConnectionError && error.code === "in-use";
    if (!isInUse || !await removeIfStale(sockets, endpoint)) throw error;
    return await sockets.listen(endpoint);
  }
}

/** Where the folder is missing, or is none, Node says that permission is denied, and Bun that a host name has no address. */
async function checkFolder(path: string): Promise<void> {
  const { promises: { stat } } = builtin("node:fs");
  const { dirname } = builtin("node:path");
  try {
    await stat(dirname(path));
  } catch (cause) {
    const error = toConnectionError(cause, `listen on ${path}`);
    // That the program may not look says nothing.
    if (error.code === "not-found") throw error;
  }
}

async function removeIfStale(
  sockets: Sockets,
  endpoint: Endpoint & { readonly path: string },
): Promise<boolean> {
  const { linkSync, lstatSync, renameSync, rmSync } = builtin("node:fs");
  const { path } = endpoint;
  const aside = nameBeside(path);
  try {
    const asked = lstatSync(path, BIGINT);
    if (!asked.isSocket() || !await answersNot(sockets, endpoint)) return false;
    if (!isSame(asked, lstatSync(path, BIGINT))) return false; // it is somebody else's by now
    renameSync(path, aside);
  } catch {
    return false; // it is gone, or not ours to move: whoever listens again will be told
  }
  const isStale = await answersNot(sockets, { ...endpoint, path: aside });
  if (!isStale) attempt(() => linkSync(aside, path));
  rmSync(aside, { force: true });
  return isStale;
}

/**
 * The runtimes remove what is at their path when they are closed, whatever it is: somebody may have removed the socket
 * meanwhile, and another program listen there. So what is not this listener's own has a second name until that is done.
 */
function keepOthers(listener: ConnectionListener, path: string): ConnectionListener {
  const { linkSync, lstatSync, rmSync } = builtin("node:fs");
  const find = (): BigIntStats | undefined => attempt(() => lstatSync(path, BIGINT));
  const own = find();
  const aside = nameBeside(path);
  const closed = new Deferred();
  const keep = (): boolean => {
    const found = find();
    if (own === undefined || found === undefined || isSame(own, found)) return false;
    return attempt(() => (linkSync(path, aside), true)) ?? false;
  };
  const giveBack = (): void => {
    attempt(() => linkSync(aside, path));
    rmSync(aside, { force: true });
  };
  let isClosed = false;
  return {
    address: listener.address,
    accept: () => listener.accept(),
    closed: closed.promise,
    close() {
      if (isClosed) return;
      isClosed = true;
      const isKept = keep();
      listener.close();
      listener.closed.then(() => {
        if (isKept) giveBack();
        closed.resolve();
      });
    },
  };
}

const BIGINT = { bigint: true } as const;

/** Whether it is the same file: its number alone may be another's after it was removed. */
function isSame(left: BigIntStats, right: BigIntStats): boolean {
  return left.dev === right.dev && left.ino === right.ino && left.birthtimeNs === right.birthtimeNs;
}

/** A name that nobody has, in the same folder, which must be no longer than a socket's can be. */
function nameBeside(path: string): string {
  const { dirname, join } = builtin("node:path");
  const id = crypto.randomUUID();
  const name = `${path}.${id.slice(0, 8)}`;
  const { length } = new TextEncoder().encode(name);
  return length <= LONGEST_PATH ? name : join(dirname(path), id.slice(0, 5));
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
