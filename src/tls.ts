import { checkBoolean, checkTimeout, describe, nameOf } from "./common/checks.ts";
import type { Connection } from "./connection.ts";
import { handOn } from "./connection/hand_on.ts";
import type { Endpoint } from "./sockets/endpoint.ts";

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

/** Options of either side, checked. */
export interface TlsSettings {
  readonly isServer: boolean;
  /** The name that the server's certificate must be for. */
  readonly serverName: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string[] | undefined;
  readonly alpn: readonly string[];
  /** Whether the peer must have a certificate that is in order. */
  readonly verifies: boolean;
  readonly handshakeTimeout: number;
}

/** A connection that puts TLS over itself in a way of its own. */
export interface TlsCapable extends Connection {
  /**
   * Puts TLS over the connection, of which nothing must be written or read any more: a read that is under way gives nothing.
   * @returns The connection over it; `undefined` if it must be done in the way of all others.
   */
  startTls(settings: TlsSettings): Promise<Connection> | undefined;
}

const DEFAULT_TIMEOUT = 10_000;

/**
 * Checks a client's options, `true` being all defaults.
 * @param serverName The name that the certificate must be for if the options say nothing of it.
 * @throws {TypeError | RangeError} If one of them is not what it should be, or there is no name to check the certificate by.
 */
export function toClientSettings(
  tls: TlsClientOptions | true,
  serverName: string = "",
): TlsSettings {
  const options: TlsClientOptions = tls === true ? {} : tls;
  const settings = toSettings(options);
  if (settings.cert !== undefined !== (settings.key !== undefined)) {
    throw new TypeError("tls.cert and tls.key need each other: give both, or neither");
  }
  const verifies = checkBoolean("tls.rejectUnauthorized", options.rejectUnauthorized ?? true);
  const name = options.serverName ?? serverName;
  if (typeof name !== "string" || options.serverName === "") {
    throw new TypeError(`tls.serverName must be a host name, not ${describe(name)}`);
  }
  if (name === "" && verifies) {
    throw new TypeError("tls.serverName must say which name the server's certificate is for");
  }
  return { ...settings, isServer: false, serverName: name, verifies };
}

/**
 * Checks a server's options.
 * @throws {TypeError | RangeError} If one of them is not what it should be, or there is no certificate.
 */
export function toServerSettings(options: TlsServerOptions): TlsSettings {
  const settings = toSettings(options);
  if (settings.cert === undefined || settings.key === undefined) {
    throw new TypeError("a server needs tls.cert and tls.key, in PEM");
  }
  const verifies = checkBoolean("tls.requestCert", options.requestCert ?? false);
  if (verifies && settings.ca === undefined) {
    throw new TypeError(
      "tls.requestCert needs tls.ca: the authorities that sign the clients' certificates",
    );
  }
  return { ...settings, isServer: true, serverName: "", verifies };
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

/** What the certificate of whoever listens there must be for: nothing is known of a path. */
export function nameOfEndpoint({ hostname, path }: Endpoint): string {
  return path === undefined ? hostname : "";
}

type SharedSettings = Pick<TlsSettings, "cert" | "key" | "ca" | "alpn" | "handshakeTimeout">;

function toSettings(options: TlsOptions): SharedSettings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`tls must be an object of options, not ${describe(options)}`);
  }
  const { cert, key, ca, alpn = [], handshakeTimeout = DEFAULT_TIMEOUT } = options;
  checkTimeout("tls.handshakeTimeout", handshakeTimeout);
  // Said by the block's name, or by its first line.
  if (typeof key === "string" && /^(-----BEGIN |Proc-Type:.*)ENCRYPTED/m.test(key)) {
    throw new TypeError(
      "tls.key is encrypted: decrypt it first, as openssl pkey -in encrypted.pem -out key.pem does",
    );
  }
  const keys = toBlocks("key", key);
  if (keys !== undefined && keys.length > 1) {
    throw new TypeError(`tls.key must be one private key, not ${keys.length}`);
  }
  return {
    cert: toBlocks("cert", cert)?.join("\n"),
    key: keys?.[0],
    ca: toBlocks("ca", ca),
    alpn: checkAlpn(alpn),
    handshakeTimeout,
  };
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** The blocks of a PEM text, without what else stands around them. */
function toBlocks(name: string, pem: Pem | undefined): string[] | undefined {
  if (pem === undefined) return undefined;
  const blocks: string[] = [];
  for (const text of Array.isArray(pem) ? pem : [pem]) {
    const found = typeof text === "string" ? text.match(BLOCK) : null;
    if (found === null) {
      const met = typeof text === "string" ? describe(text.slice(0, 40)) : nameOf(text);
      throw new TypeError(
        `tls.${name} must be PEM text, from "-----BEGIN" to the line of its "-----END", not ${met}`,
      );
    }
    // Parameters of elliptic curves, that `openssl ecparam` writes before a key, are no key.
    blocks.push(...found.filter((block) => !block.startsWith("-----BEGIN EC PARAMETERS")));
  }
  return blocks;
}

function checkAlpn(alpn: readonly string[]): readonly string[] {
  const isProtocol = (name: unknown): boolean =>
    typeof name === "string" && /^[\x21-\x7e]{1,255}$/.test(name);
  if (Array.isArray(alpn) && alpn.every(isProtocol)) return alpn;
  throw new TypeError(
    `tls.alpn must be an array of protocol names of 1 to 255 ASCII characters, not ${
      Array.isArray(alpn) ? `[${alpn.map(describe).join(", ")}]` : describe(alpn)
    }`,
  );
}
