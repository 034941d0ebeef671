// From what runtimes report of a TLS handshake to a `ConnectionError`.

import { Deadline } from "../common/deadline.ts";
import type { Address } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { type Explained, explainTls } from "../connection/tls_words.ts";
import { ChatError, ConnectionError, withHint } from "../errors.ts";
import type { TlsSettings } from "./settings.ts";

/** How many turns of I/O a handshake takes at most: that of TLS 1.2 goes back and forth twice. */
const HANDSHAKE_TURNS = 4;

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
  { isServer, servername }: TlsSettings,
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
  const { words, hint } = toWrongName(cause, servername) ?? explainTls(cause, isServer);
  return withHint(new ConnectionError("tls", `${what}: ${words}`, { cause }), hint);
}

/** A certificate for another name: which, as far as the runtime tells. */
function toWrongName(cause: unknown, servername: string): Explained | undefined {
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
    words: `the certificate is for ${whose}, not ${servername}`,
    hint: "connect by that name, or give tls.servername",
  };
}
