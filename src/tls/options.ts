// What tls() may be asked for.

/** PEM text, as it stands in a `.pem` file: one, or several. */
export type Pem = string | readonly string[];

/** The options that both sides of TLS have. */
export interface TlsOptions {
  /** This side's certificate, in PEM, followed by those of the authorities between it and the one that is trusted. */
  cert?: Pem | undefined;
  /** The private key of `cert`, in PEM, not encrypted. */
  key?: string | undefined;
  /**
   * The certificates of the authorities that are trusted, in PEM. They replace those that the runtime trusts, which are
   * the default.
   */
  ca?: Pem | undefined;
  /** The protocols to choose from (RFC 7301), the preferred one first: `["h2", "http/1.1"]`. Default: none. */
  alpn?: readonly string[] | undefined;
  /** The oldest version of TLS that is spoken. Default: the runtime's, `"TLSv1.2"`. */
  minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /** How long the handshake may take, in milliseconds, 0 to 2,147,483,647, or `Infinity`. Default: 10,000. */
  handshakeTimeout?: number | undefined;
}

/** The options of a client. */
export interface TlsClientOptions extends TlsOptions {
  /**
   * The name that the server's certificate must be for, and that the client asks the server for (SNI). Default: the host
   * name connected to.
   */
  servername?: string | undefined;
  /**
   * Whether the server's certificate must be valid, be signed by a trusted authority, and be for `servername`. Without
   * that check anybody between the two can read and change what passes. Default: `true`.
   */
  rejectUnauthorized?: boolean | undefined;
}

/** The options of a server, which needs `cert` and `key`. */
export interface TlsServerOptions extends TlsOptions {
  /** Whether each client must have a certificate, too, signed by one of `ca`, which must be given then. Default: `false`. */
  requestCert?: boolean | undefined;
}
