// Listening on a Unix socket, whatever others have left at its path.

import type { BigIntStats } from "node:fs";
import { attempt } from "../common/attempt.ts";
import { builtin } from "../connection/builtin.ts";
import type { ConnectionListener } from "../connection/connection.ts";
import { toConnectionError } from "../connection/error_codes.ts";
import { ConnectionError, type ConnectionErrorCode } from "../errors.ts";
import type { ListenEndpoint } from "./endpoint.ts";
import type { Sockets } from "./sockets.ts";

type PathEndpoint = ListenEndpoint & { readonly path: string };

/**
 * Listens on a Unix socket. A program that was killed leaves its socket behind, and nobody could listen there again: a
 * socket that refuses a connection is removed first.
 */
export async function listenOnPath(
  sockets: Sockets,
  endpoint: PathEndpoint,
): Promise<ConnectionListener> {
  const { path } = endpoint;
  try {
    return keepSuccessor(await sockets.listen(endpoint), path);
  } catch (error) {
    checkFolder(path);
    const found = statOf(path);
    if (!isCode(error, "in-use") || !found?.isSocket()) throw error;
    if (!await isRefused(sockets, endpoint)) throw error;
    // Another program may have removed it meanwhile, and listen there.
    if (isSame(found, statOf(path))) builtin("node:fs").rmSync(path);
    return keepSuccessor(await sockets.listen(endpoint), path);
  }
}

/** Where the folder is missing, or is none, Node says that permission is denied, and Bun that a host name has no address. */
function checkFolder(path: string): void {
  try {
    builtin("node:fs").statSync(`${builtin("node:path").dirname(path)}/.`);
  } catch (cause) {
    const error = toConnectionError(cause, `listen on ${path}`);
    // That the program may not look says nothing.
    if (error.code === "not-found") throw error;
  }
}

async function isRefused(sockets: Sockets, endpoint: PathEndpoint): Promise<boolean> {
  try {
    (await sockets.connect(endpoint)).close();
    return false;
  } catch (error) {
    return isCode(error, "refused");
  }
}

function isCode(error: unknown, code: ConnectionErrorCode): boolean {
  return error instanceof ConnectionError && error.code === code;
}

/**
 * The runtimes remove what is at the path of a listener that closes, whatever it is. What is not the socket that this
 * listener made has a second name until that is done.
 */
function keepSuccessor(listener: ConnectionListener, path: string): ConnectionListener {
  const { linkSync, renameSync, rmSync } = builtin("node:fs");
  const own = statOf(path);
  const aside = `${path}.${crypto.randomUUID()}`;
  let isClosed = false;
  const close = (): void => {
    const found = statOf(path);
    if (!isClosed && found !== undefined && !isSame(found, own)) {
      attempt(() => linkSync(path, aside));
    }
    isClosed = true;
    listener.close();
  };
  // Deno removes it some time after close() has returned.
  const closed = listener.closed.then(() => {
    attempt(() => renameSync(aside, path));
    attempt(() => rmSync(aside)); // renaming does nothing where both are names of one file
  });
  return { address: listener.address, accept: () => listener.accept(), closed, close };
}

function statOf(path: string): BigIntStats | undefined {
  return attempt(() => builtin("node:fs").lstatSync(path, { bigint: true }));
}

/** Whether it is the same file: its number alone may be another's after it was removed. */
function isSame(left: BigIntStats, right: BigIntStats | undefined): boolean {
  return left.dev === right?.dev && left.ino === right.ino &&
    left.birthtimeNs === right.birthtimeNs;
}
