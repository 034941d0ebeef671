// TLS: what it is told, and what it settles with the peer.

/** PEM text, as it stands in a `.pem` file: one, or several. */
export type Pem = string | readonly string[];

/** What both sides of TLS may say. */
export interface TlsOptions {
  /** This side's certificate, in PEM, and behind it those of the authorities between it and the one that is trusted. */
  cert?: Pem | undefined;
  /** The private key of `cert`, in PEM, not encrypted. */
  key?: string | undefined;
  /**
   * The certificates of the authorities that are trusted, in PEM. Default: those that the runtime trusts; what is given
   * here is trusted instead of them.
   */
  ca?: Pem | undefined;
  /** The protocols to choose from (RFC 7301), the preferred one first: `["h2", "http/1.1"]`. Default: none. */
  alpn?: readonly string[] | undefined;
  /** How long the handshake may take, in milliseconds, 0 to 2,147,483,647, or `Infinity`. Default: 10,000. */
  handshakeTimeout?: number | undefined;
}

/** TLS, as a client. */
export interface TlsClientOptions extends TlsOptions {
  /**
   * The name that the server's certificate must be for, and that it is asked for (SNI). Default: the host name
   * connected to.
   */
  serverName?: string | undefined;
  /**
   * Whether the server's certificate must be valid, be signed by a trusted authority, and be for `serverName`. Without
   * that anybody on the way can read and change what passes. Default: `true`.
   */
  rejectUnauthorized?: boolean | undefined;
}

/** TLS, as a server: it needs `cert` and `key`. */
export interface TlsServerOptions extends TlsOptions {
  /** Whether clients must have a certificate, too, signed by one of `ca`, which must be given then. Default: `false`. */
  requestCert?: boolean | undefined;
}

/** What {@linkcode Chat.startTls} is told: as a client, or with `isServer` as a server. */
export type StartTlsOptions =
  | (TlsClientOptions & {
    /** Whether this is the server's side. Default: `false`. */
    isServer?: false | undefined;
  })
  | (TlsServerOptions & {
    /** Whether this is the server's side. */
    isServer: true;
  });

/** What TLS settled with the peer. */
export interface TlsInfo {
  /** The protocol that was chosen by ALPN, if any was. */
  readonly alpn: string | undefined;
  /** The peer's certificate, in DER, if it has sent one: `new X509Certificate(...)` of `node:crypto` reads it. */
  readonly peerCertificate: Uint8Array | undefined;
}
