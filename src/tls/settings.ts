// The options of TLS, checked.

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
  readonly serverName: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly ca: string[] | undefined;
  readonly alpn: readonly string[];
  /** Whether the peer must have a certificate that is in order. */
  readonly verifies: boolean;
  readonly handshakeTimeout: number;
}

const DEFAULT_TIMEOUT = 10_000;

/**
 * Checks a client's options, `true` being all defaults.
 * @param serverName The name that the certificate must be for if the options say nothing of it.
 * @throws {TypeError | RangeError} If one of them is not what it should be, or there is no name to check the
 * certificate by.
 */
export function toClientSettings(
  tls: TlsClientOptions | true,
  serverName: string = "",
): TlsSettings {
  const options: TlsClientOptions = tls === true ? {} : tls;
  const settings = toSettings(options, CLIENT_OPTIONS);
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
  const settings = toSettings(options, SERVER_OPTIONS);
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

type SharedSettings = Pick<TlsSettings, "cert" | "key" | "ca" | "alpn" | "handshakeTimeout">;

const SHARED: OptionNames<TlsOptions> = { cert: 1, key: 1, ca: 1, alpn: 1, handshakeTimeout: 1 };

const CLIENT_OPTIONS: OptionNames<TlsClientOptions & { isServer: false }> = {
  ...SHARED,
  serverName: 1,
  rejectUnauthorized: 1,
  isServer: 1,
};

const SERVER_OPTIONS: OptionNames<TlsServerOptions & { isServer: true; onError: unknown }> = {
  ...SHARED,
  requestCert: 1,
  isServer: 1,
  onError: 1,
};

function toSettings(
  options: TlsOptions,
  known: OptionNames<TlsClientOptions> | OptionNames<TlsServerOptions>,
): SharedSettings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`tls must be an object of options, not ${describe(options)}`);
  }
  checkOptions(options, known, "tls");
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
