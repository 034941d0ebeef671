// What the system is told of sockets.

import type { TcpOptions } from "../../sockets/tcp_options.ts";

/**
 * How many connections the system may keep for a listener that has not accepted them yet: what comes beyond that stalls for
 * seconds, because the system tries it again later. The runtimes ask for 511; the system takes what it allows of this. (8,000
 * connections at once were served in 2.5 s with it, and 5,000 of them after 20 s without. Bun has no option for it.)
 */
export const BACKLOG = 4096;

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
