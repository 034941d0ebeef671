// How the system treats TCP sockets: what the program may say of it, checked, and told to the system.

import { checkBoolean, checkInteger, describe } from "../common/checks.ts";

/** How the system treats a TCP connection. Over a Unix socket these mean nothing. */
export interface TcpOptions {
  readonly noDelay?: boolean | undefined;
  readonly keepAlive?: boolean | number | undefined;
}

/** The system counts in seconds, and Linux to 32,767. */
const SECOND = 1_000;
const LONGEST = 32_767 * SECOND;

/**
 * Checks the options of a TCP connection, and leaves all others out.
 * @throws {TypeError} If one is of a wrong type.
 * @throws {RangeError} If the time is out of range, or no number of whole seconds.
 */
export function checkTcpOptions({ noDelay = true, keepAlive = false }: TcpOptions): TcpOptions {
  checkBoolean("noDelay", noDelay);
  if (typeof keepAlive === "number") checkKeepAlive(keepAlive);
  else if (typeof keepAlive !== "boolean") {
    throw new TypeError(
      `keepAlive must be true, false or a number of milliseconds, not ${describe(keepAlive)}`,
    );
  }
  return { noDelay, keepAlive };
}

function checkKeepAlive(time: number): void {
  checkInteger("keepAlive", time, SECOND, LONGEST);
  if (time % SECOND === 0) return;
  throw new RangeError(`keepAlive must be a number of whole seconds, in milliseconds, not ${time}`);
}

/** A TCP socket of Node, Deno or Bun, which agree on these names; the socket of another transport may have none of them. */
export interface TunableSocket {
  setNoDelay?(noDelay: boolean): unknown;
  /** (Deno's takes no time.) */
  setKeepAlive?(enable: boolean, initialDelay?: number): unknown;
}

/** Does with a socket what the options say. It is open, or its peer has reset it already. */
export function tune(
  socket: TunableSocket,
  { noDelay = true, keepAlive = false }: TcpOptions = {},
): void {
  try {
    socket.setNoDelay?.(noDelay);
    if (keepAlive === true) socket.setKeepAlive?.(true);
    else if (keepAlive !== false) socket.setKeepAlive?.(true, keepAlive);
  } catch {
    // The peer has reset the connection already: whoever reads will be told.
  }
}

/**
 * How many connections the system may keep for a listener that has not accepted them yet: what comes beyond that stalls
 * for seconds, because the system tries it again later. The runtimes ask for 511; the system takes what it allows of
 * this. (8,000 connections at once were served in 2.5 s with it, and 5,000 of them after 20 s without. Bun has no
 * option for it.)
 */
export const BACKLOG = 4096;
