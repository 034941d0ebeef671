// TLS: what it is told, what it settles, and how it is put over a connection.

import type { Connection } from "./connection.ts";
import { handOn } from "./connection/hand_on.ts";
import { type TlsSettings, toClientSettings, toServerSettings } from "./tls/tls_settings.ts";

/** PEM text, as it stands in a `.pem` file: one, or several. */
export type Pem = string | readonly string[];

/** What both sides of TLS may say. */
export interface TlsOptions {
  /** This side's certificate, in PEM, and behind it those of the authorities between it and the one that is trusted. */
  cert?: Pem | undefined;
  /** The private key of `cert`, in PEM, not encrypted. */
  key?: string | undefined;
  /**
   * The certificates of the authorities that are trusted, in PEM. Default: those that the runtime trusts; what is given here is
   * trusted instead of them.
   */
  ca?: Pem | undefined;
  /** The protocols to choose from (RFC 7301), the preferred one first: `["h2", "http/1.1"]`. Default: none. */
  alpn?: readonly string[] | undefined;
  /** How long the handshake may take, in milliseconds, 0 to 2,147,483,647, or `Infinity`. Default: 10,000. */
  handshakeTimeout?: number | undefined;
}

/** TLS, as a client. */
export interface TlsClientOptions extends TlsOptions {
  /** The name that the server's certificate must be for, and that it is asked for (SNI). Default: the host name connected to. */
  serverName?: string | undefined;
  /**
   * Whether the server's certificate must be valid, be signed by a trusted authority, and be for `serverName`. Without that
   * anybody on the way can read and change what passes. Default: `true`.
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

/** A connection that puts TLS over itself in a way of its own. */
export interface TlsCapable extends Connection {
  /**
   * Puts TLS over the connection, of which nothing must be written or read any more: a read that is under way gives nothing.
   * @returns The connection over it; `undefined` if it must be done in the way of all others.
   */
  startTls(settings: TlsSettings): Promise<Connection> | undefined;
}

/**
 * Puts TLS over a connection, which is closed if that fails.
 * @param underWay A read of the connection that is under way: what it brings is TLS already.
 */
export async function secure(
  connection: Connection,
  settings: TlsSettings,
  underWay?: Promise<Uint8Array | null>,
): Promise<Connection> {
  const { startTls } = connection as Partial<TlsCapable>;
  const own = startTls?.call(connection, settings);
  if (own !== undefined) return await own;
  const { tlsOver } = await import("./adapters/tls.ts");
  return await tlsOver(handOn(connection, underWay, false), settings);
}

/** The host names that connections were asked for. */
const names: WeakMap<Connection, string> = new WeakMap();

/** Keeps the host name that was connected to, which a certificate may have to be for later. */
export function rememberName(connection: Connection, name: string): void {
  names.set(connection, name);
}

/** Checks the options of {@linkcode Chat.startTls}. */
export function toSettingsFor(connection: Connection, options: StartTlsOptions): TlsSettings {
  if (options?.isServer) return toServerSettings(options);
  return toClientSettings(options, names.get(connection));
}

/**
 * Checks certificates and keys before there is a connection for them.
 * @throws {TypeError} If they are not what they say, or do not belong together.
 */
export async function checkCertificates(settings: TlsSettings): Promise<void> {
  if (settings.cert === undefined && settings.ca === undefined) return;
  const { checkContext } = await import("./adapters/tls.ts");
  checkContext(settings);
}
