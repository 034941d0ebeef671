// The options of tls(), checked.

import {
  checkBoolean,
  checkOptions,
  checkTimeout,
  describe,
  type OptionNames,
  typeName,
} from "../common/checks.ts";
import type { Pem, TlsClientOptions, TlsOptions, TlsServerOptions } from "./options.ts";

/** Options of either side, checked. */
export interface TlsSettings {
  readonly isServer: boolean;
  /** The name that the server's certificate must be for. */
  readonly servername: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string[] | undefined;
  readonly alpn: readonly string[];
  readonly minVersion: TlsOptions["minVersion"];
  /** Whether the peer must have a certificate that is in order. */
  readonly verifies: boolean;
  readonly handshakeTimeout: number;
}

/** Which side it is, as far as that is known, and the name of the server. */
export interface Side {
  readonly hostname?: string | undefined;
  readonly isServer?: boolean | undefined;
}

const DEFAULT_TIMEOUT = 10_000;

/**
 * Checks options, for one side, or, if `isServer` is not known yet, what holds for both.
 * @throws {TypeError | RangeError} If one of them is not what it should be, if a server has no certificate, or if a client
 * has no name to check the server's certificate by.
 */
export function toSettings(
  options: TlsClientOptions | TlsServerOptions,
  { hostname, isServer }: Side,
): TlsSettings {
  const settings = toSharedSettings(options, isServer);
  if (isServer) return toServerSettings(settings, options);
  return isServer === undefined ? settings : toClientSettings(settings, options, hostname);
}

function toClientSettings(
  settings: TlsSettings,
  { rejectUnauthorized = true, servername }: TlsClientOptions,
  hostname: string = "",
): TlsSettings {
  const verifies = checkBoolean("tls.rejectUnauthorized", rejectUnauthorized);
  const name = servername ?? hostname;
  if (typeof name !== "string" || servername === "" || /[\s\0]/.test(name)) {
    throw new TypeError(`tls.servername must be a host name, not ${describe(name)}`);
  }
  if (name === "" && verifies) {
    throw new TypeError(
      "tls.servername must say which name the server's certificate is for; " +
        "if this side is the server, say so: tls({ cert, key }, { isServer: true })",
    );
  }
  return { ...settings, servername: name, verifies };
}

function toServerSettings(
  settings: TlsSettings,
  { requestCert = false }: TlsServerOptions,
): TlsSettings {
  if (settings.cert === undefined) {
    throw new TypeError("a server needs tls.cert and tls.key, in PEM");
  }
  const verifies = checkBoolean("tls.requestCert", requestCert);
  if (verifies && settings.ca === undefined) {
    throw new TypeError(
      "tls.requestCert needs tls.ca: the authorities that sign the clients' certificates",
    );
  }
  return { ...settings, isServer: true, verifies };
}

const SHARED: OptionNames<TlsOptions> = {
  cert: 1,
  key: 1,
  ca: 1,
  alpn: 1,
  minVersion: 1,
  handshakeTimeout: 1,
};
const CLIENT_OPTIONS: OptionNames<TlsClientOptions> = {
  ...SHARED,
  servername: 1,
  rejectUnauthorized: 1,
};
const SERVER_OPTIONS: OptionNames<TlsServerOptions> = { ...SHARED, requestCert: 1 };

/** The names of the options of a side, or of either. */
function namesFor(isServer: boolean | undefined): Readonly<Record<string, 1>> {
  if (isServer === undefined) return { ...CLIENT_OPTIONS, ...SERVER_OPTIONS };
  return isServer ? SERVER_OPTIONS : CLIENT_OPTIONS;
}

function toSharedSettings(options: TlsOptions, isServer: boolean | undefined): TlsSettings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`tls must be an object of options, not ${describe(options)}`);
  }
  checkOptions(options, namesFor(isServer), "tls");
  const { cert, key, ca, alpn = [], minVersion, handshakeTimeout = DEFAULT_TIMEOUT } = options;
  checkTimeout("tls.handshakeTimeout", handshakeTimeout);
  if (minVersion !== undefined && minVersion !== "TLSv1.2" && minVersion !== "TLSv1.3") {
    throw new TypeError(
      `tls.minVersion must be "TLSv1.2" or "TLSv1.3", not ${describe(minVersion)}`,
    );
  }
  if (cert === undefined !== (key === undefined)) {
    throw new TypeError("tls.cert and tls.key need each other: give both, or neither");
  }
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
    isServer: false,
    servername: "",
    verifies: true,
    cert: toBlocks("cert", cert)?.join("\n"),
    key: keys?.[0],
    ca: toBlocks("ca", ca),
    alpn: checkAlpn(alpn),
    minVersion,
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
      const met = typeof text === "string" ? describe(text.slice(0, 40)) : typeName(text);
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
