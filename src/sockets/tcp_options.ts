// How the system is to treat TCP connections, as the program says it.

import { checkBoolean, checkInteger, describe } from "../common/checks.ts";

/** How the system treats a TCP connection. Over a Unix socket these mean nothing. */
export interface TcpOptions {
  /**
   * Whether what is written is sent at once (`TCP_NODELAY`), and does not wait for the peer to acknowledge what was sent
   * before. A chat gathers small pushes itself, so that waiting would only delay them. Default: `true`.
   */
  noDelay?: boolean | undefined;
  /**
   * Whether the system asks a silent peer now and then whether it is still there (`SO_KEEPALIVE`), so that a connection whose
   * peer has vanished breaks by itself, also while nothing is sent. `true` leaves the times to the system: on Linux it asks
   * after two hours. A number is how long the peer may be silent before it is asked first, in milliseconds, 1,000 to
   * 32,767,000, in whole seconds; Node and Bun then ask ten times, once a second. Deno takes no time: `true` or `false`.
   * An `idleTimeout` ends a chat sooner, and says so. Default: `false`.
   */
  keepAlive?: boolean | number | undefined;
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
