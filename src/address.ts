import type { Address, TcpEndpoint } from "./connection.ts";

/** The address of a socket, if it has one: other streams do not, nor does a socket whose peer has reset it by then. */
export function toAddress(
  hostname: string | undefined,
  port: number | undefined,
): Address | undefined {
  if (hostname === undefined || port === undefined) return undefined;
  return { transport: "tcp", hostname, port };
}

/** An endpoint as one writes it: `127.0.0.1:6000`, `[::1]:6000`. */
export function formatEndpoint(endpoint: TcpEndpoint | undefined): string {
  if (endpoint === undefined) return "the peer";
  const { hostname, port } = endpoint;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
