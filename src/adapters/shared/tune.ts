import type { TcpOptions } from "../../sockets/tcp_options.ts";

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
