// The sockets of Node: TCP and Unix.

import type { AbortSignalLike } from "../common/abort.ts";
import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint, tcpAddress, unixAddress } from "../connection/address.ts";
import { connectionOver } from "../connection/node.ts";
import { UnsupportedError } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { BACKLOG, tune } from "./tcp_options.ts";
import { builtin } from "../connection/builtin.ts";
import { PushedListener } from "./pushed_listener.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/**
 * How long one address of a name has, where there are several, before Node gives it up for the next. By itself Node 20
 * gives it 250 ms, in which a far host does not answer, and no host whose first packet was lost (it is sent again after a
 * second). Milliseconds.
 */
const ATTEMPT_TIMEOUT = 2_500;

/** Opens a connection over TCP or a Unix socket with `node:net`, unless `calledOff` is aborted first. */
export async function connectNode(
  endpoint: Endpoint,
  calledOff?: AbortSignalLike,
): Promise<Connection> {
  const { connect } = builtin("node:net");
  // Node destroys a socket whose signal is aborted already, and connects it all the same.
  if (calledOff?.aborted) throw calledOff.reason;
  const { hostname, port, path } = endpoint;
  const signal = calledOff && { signal: calledOff as AbortSignal };
  const tcp = { host: hostname, port, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT };
  const where = path === undefined ? tcp : { path };
  const socket = connect({ ...where, ...signal });
  const connected = new Deferred();
  const refuse = (cause: Error): void =>
    connected.reject(toConnectionError(cause, `connect to ${formatEndpoint(endpoint)}`));
  socket.once("error", refuse);
  socket.once("connect", connected.resolve);
  await connected.promise;
  tune(socket, endpoint.tcp);
  const connection = connectionOver(socket, { remote: unixAddress(path) });
  socket.off("error", refuse);
  return connection;
}

/** Listens on a TCP port or a Unix socket with `node:net`. */
export async function listenNode(endpoint: ListenEndpoint): Promise<ConnectionListener> {
  const { hostname, port, path, reusePort } = endpoint;
  if (reusePort) checkReusePort();
  const { createServer } = builtin("node:net");
  const listening = new Deferred();
  const server = createServer();
  const refuse = (cause: Error): void =>
    listening.reject(toConnectionError(cause, `listen on ${formatEndpoint(endpoint)}`));
  server.once("error", refuse);
  // Older declarations of Node do not have `reusePort`.
  const tcp = { host: hostname, port, reusePort };
  const options = { ...(path === undefined ? tcp : { path }), backlog: BACKLOG };
  server.listen(options, listening.resolve);
  await listening.promise;
  server.off("error", refuse);
  const own = server.address() as { address: string; port: number };
  const where = unixAddress(path) ?? tcpAddress(own.address, own.port)!;
  const ends = { local: isAny(where) ? undefined : where };
  const listener = new PushedListener(where, () => server.close());
  server.on("error", (cause) => listener.fail(cause));
  server.on("connection", (socket) => {
    tune(socket, endpoint.tcp);
    listener.put(connectionOver(socket, ends));
  });
  return listener;
}

/** Whether it stands for all addresses of this machine. */
function isAny({ hostname }: Address): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** Older versions of Node ignore the option. */
function checkReusePort(): void {
  const { versions } = builtin("node:process");
  const [major = 0, minor = 0] = versions.node.split(".").map(Number);
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  throw new UnsupportedError(
    `reusePort needs Node 22.12, or 23.1, or later, not ${versions.node}: use node:cluster instead`,
  );
}
