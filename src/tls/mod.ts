/**
 * TLS over any connection, as a client and as a server. `connect()`, `listen()` and `serve()` load this entry by
 * themselves when they have the option `tls`.
 *
 * @module
 */
export type { TlsInfo } from "../connection/connection.ts";
export { tls } from "./tls.ts";
export type { Pem, TlsClientOptions, TlsOptions, TlsServerOptions } from "./options.ts";
