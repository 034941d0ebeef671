// From what runtimes report of a TLS handshake to a `ConnectionError`.

import { Deadline } from "../common/deadline.ts";
import type { Address } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { ChatError, ConnectionError, withHint } from "../errors.ts";
import type { TlsSettings } from "./settings.ts";

/** What the runtimes say, by their codes and messages, and behind the colon what there is to do. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /CERT_HAS_EXPIRED|certificate has expired/i,
    "the certificate has expired: the peer must renew it (or the clock is wrong here)",
  ],
  [
    /CERT_NOT_YET_VALID|not yet valid/i,
    "the certificate is not valid yet: the peer must use another (or the clock is wrong here)",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|self.signed certificate|unable to (get|verify)/i,
    "the certificate is signed by nobody who is trusted here: give the authority's certificate as tls.ca",
  ],
  [
    /PEER_DID_NOT_RETURN|NO_CERTIFICATE|CERTIFICATE_REQUIRED|HANDSHAKE_TIMEOUT_CERT/i,
    "a certificate was asked for, and there was none: the client must give tls.cert and tls.key",
  ],
  [
    /APPLICATION_PROTOCOL/i,
    "the two sides have no protocol in common: give one of the peer's as tls.alpn",
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)|ALERT.*(unknown ca|bad certificate)/i,
    "the peer does not accept the certificate of this side",
  ],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|(ENCRYPTED|DATA)_LENGTH_TOO_LONG|wrong version number|http request|(packet|data) length too long|record layer/i,
    "what the peer sent is no TLS: it may speak in clear there, or until both have agreed on startTls()",
  ],
  [
    /UNEXPECTED_MESSAGE|unexpected (handshake )?message/i,
    "what the peer sent has no place here: both sides may take themselves for the client (see isServer)",
  ],
  [
    /HANDSHAKE_?FAILURE|handshake failure|PROTOCOL_?VERSION|protocol version|(UNSUPPORTED|unsupported)[_ ]protocol|NO_SHARED_CIPHER|no shared cipher|ciphersuites in common/i,
    "the two sides have no version of TLS, or no cipher, in common",
  ],
  [
    /BAD_?RECORD_?MAC|bad record mac|cannot decrypt/i,
    "what came was damaged, or changed on the way",
  ],
  [
    /ECONNRESET|^reset |socket (hang up|disconnected)|disconnected before/i,
    "the peer ended the connection during the handshake: it may speak no TLS there, or refuse this side's certificate or protocols",
  ],
];

/** How many turns of I/O a handshake takes at most: that of TLS 1.2 goes back and forth twice. */
export const HANDSHAKE_TURNS = 4;

class HandshakeTimeout extends Error {}

/** Calls back with an error for `toHandshakeError()` when the handshake takes too long. */
export function startHandshakeTimer(
  { handshakeTimeout: timeout }: TlsSettings,
  onFailure: (error: Error) => void,
): Deadline | undefined {
  if (timeout === Infinity) return undefined;
  const message = `the TLS handshake took longer than ${timeout} ms`;
  return new Deadline(timeout, () => onFailure(new HandshakeTimeout(message)), HANDSHAKE_TURNS);
}

/**
 * The error for a handshake that failed.
 * @param cause What the runtime reported, or the error that the connection met.
 */
export function toHandshakeError(
  cause: unknown,
  { isServer, serverName }: TlsSettings,
  remote: Address | undefined,
): Error {
  const what = `cannot start TLS with ${formatEndpoint(remote)}`;
  if (cause instanceof HandshakeTimeout) {
    return new ConnectionError("timeout", `${what}: ${cause.message}`);
  }
  // Also a server that speaks no TLS resets the connection, if it ends without having read what it was sent.
  const isReset = cause instanceof ConnectionError && cause.code === "reset";
  // Any other connection that broke, or was closed, says so by itself.
  if (cause instanceof ChatError && !isReset) return cause;
  const { words, hint } = toWrongName(cause, serverName) ?? explainTls(cause, isServer);
  return withHint(new ConnectionError("tls", `${what}: ${words}`, { cause }), hint);
}

/** Whether it is TLS that says so, and not the sockets beneath. */
export function isTlsError(cause: unknown): boolean {
  const { code } = cause as { code?: unknown };
  return typeof code === "string" && /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$)/.test(code);
}

/** A failure in words for an error message, and what there is to do about it. */
export interface Explained {
  readonly words: string;
  readonly hint?: string | undefined;
}

/** What TLS says of a failure. */
export function explainTls(cause: unknown, isServer: boolean = false): Explained {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const said = `${code} ${message}`;
  const found = WORDS.find(([pattern]) => pattern.test(said))?.[1];
  if (found === undefined) return { words: reasonOf(String(message ?? cause)) };
  const [words, hint] = found.split(": ") as [string, string?];
  return {
    words: isServer ? words.replace("the certificate", "the client's certificate") : words,
    hint,
  };
}

/**
 * OpenSSL's own words, without where in its code they were said:
 * `error:0A000098:SSL routines:...:excessive message size:...`.
 */
function reasonOf(message: string): string {
  const [, reason] = message.match(/error:[\dA-F]+:[^:]*:[^:]*:([^:\n]+)/i) ?? [];
  return reason?.replaceAll("_", " ").toLowerCase() ?? message;
}

/** A certificate for another name: which, as far as the runtime tells. */
function toWrongName(cause: unknown, serverName: string): Explained | undefined {
  const { code, message, cert } = cause as {
    code?: unknown;
    message?: unknown;
    cert?: { subjectaltname?: string };
  };
  if (code !== "ERR_TLS_CERT_ALTNAME_INVALID") return undefined;
  const said = String(message).match(/ not (?:in the )?cert's (?:altnames|list|CN): (.*)$/s)?.[1];
  const list = cert?.subjectaltname ?? said ?? "";
  const names = list.split(", ").map((name) => name.replace(/^(DNS|IP Address|IP):/, "").trim());
  const whose = names.filter((name) => name !== "").join(", ") || "another name";
  return {
    words: `the certificate is for ${whose}, not ${serverName}`,
    hint: "connect by that name, or give tls.serverName",
  };
}
