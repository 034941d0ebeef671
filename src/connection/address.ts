// The addresses of both ends, and how they are written in error messages.

import type { Address } from "./connection.ts";

/** The addresses of both ends, where they are known otherwise than from the socket. */
export interface Ends {
  readonly local?: Address | undefined;
  readonly remote?: Address | undefined;
}

/** The address of a socket, if it has one: other streams do not, nor does a socket whose peer has reset it by then. */
export function tcpAddress(
  hostname: string | undefined,
  port: number | undefined,
): Address | undefined {
  if (hostname === undefined || port === undefined) return undefined;
  return { transport: "tcp", hostname, port };
}

/** The address of a Unix socket, if it has one. */
export function unixAddress(path: string | null | undefined): Address | undefined {
  return path ? { transport: "unix", hostname: "", port: 0, path } : undefined;
}

/** An endpoint as one writes it: `127.0.0.1:6000`, `[::1]:6000`, `/run/app.sock`. */
export function formatEndpoint(endpoint: Omit<Address, "transport"> | undefined): string {
  if (endpoint === undefined) return "the peer";
  const { hostname, port, path } = endpoint;
  if (path !== undefined) return path;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
