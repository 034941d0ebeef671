/**
 * TLS over any connection.
 *
 * @module
 */
export type { Pem, TlsClientOptions, TlsInfo, TlsOptions, TlsServerOptions } from "./options.ts";
