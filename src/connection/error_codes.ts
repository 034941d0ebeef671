// From what runtimes report of their sockets to a `ConnectionError`.

import { describe, isError } from "../common/checks.ts";
import { ConnectionError, type ConnectionErrorCode, withHint } from "../errors.ts";
import { type Explained, explainTls, isTlsError } from "./tls_words.ts";

/** The system's error codes, which Node, Deno and Bun all report by these names. */
const CODES: Readonly<Record<string, ConnectionErrorCode>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  ECANCELED: "reset",
  ETIMEDOUT: "timeout",
  ENETUNREACH: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  EHOSTDOWN: "unreachable",
  ENOTFOUND: "not-found",
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  EADDRINUSE: "in-use",
  EADDRNOTAVAIL: "unavailable",
  EACCES: "permission",
  EPERM: "permission",
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  ENOBUFS: "exhausted",
  ENOMEM: "exhausted",
};

const WORDS: Readonly<Record<ConnectionErrorCode, string>> = {
  refused: "connection refused: nothing listens there",
  reset: "the connection was reset by the peer",
  timeout: "the peer did not answer in time",
  unreachable: "no way leads there",
  "not-found": "the host name has no address",
  "in-use": "the address is in use",
  unavailable: "the address is not one of this machine's",
  permission: "permission denied",
  tls: "TLS failed",
  exhausted: "too many open files, or no memory for another socket",
  other: "the runtime does not say why",
};

const HINTS: Readonly<Partial<Record<ConnectionErrorCode, string>>> = {
  "in-use": "close what has it, or choose another",
  exhausted: "raise the limit (ulimit -n), or have fewer connections (maxConnections)",
};

/**
 * The library's error for what a runtime's sockets reported.
 * @param cause The runtime's own error.
 * @param tried What was tried, with what address: `"connect to 127.0.0.1:6000"`.
 */
export function toConnectionError(cause: unknown, tried: string): ConnectionError {
  // One connection over another passes on what that has met.
  if (cause instanceof ConnectionError) return cause;
  const code = codeOf(cause);
  const { words, hint } = explain(code, cause);
  return withHint(new ConnectionError(code, `cannot ${tried}: ${words}`, { cause }), hint);
}

function explain(code: ConnectionErrorCode, cause: unknown): Explained {
  if (code === "tls") return explainTls(cause);
  return { words: wordsFor(code, cause), hint: HINTS[code] };
}

function wordsFor(code: ConnectionErrorCode, cause: unknown): string {
  if (code === "other") return messageOf(cause) || WORDS.other;
  if (isClosedStream(cause)) return "it was closed";
  // Deno's own words name the flag that it wants.
  if (isDenied(cause)) return `${WORDS[code]}: ${messageOf(cause)}`;
  const isPath = /^(ENOENT|ENOTDIR)$/.test(String(Object(cause).code));
  // The system's own words name the path where what was tried does not.
  return isPath ? `there is no such file: ${messageOf(cause)}` : WORDS[code];
}

function codeOf(cause: unknown): ConnectionErrorCode {
  const { code, name } = Object(cause) as { code?: unknown; name?: unknown };
  const known = typeof code === "string" ? CODES[code] : undefined;
  if (known !== undefined) return known;
  if (typeof code === "string" && code.startsWith("EAI_")) return "not-found";
  if (isClosedStream(cause)) return "reset";
  if (isTlsError(Object(cause))) return "tls";
  if (isDenied(cause) || name === "PermissionDenied") return "permission";
  // Deno reports a failed look-up and an impossible name, and Bun a failed look-up for `listen`, by a message alone.
  if (/^(failed to (lookup address|listen at)|invalid host)/i.test(messageOf(cause))) {
    return "not-found";
  }
  // A Cloudflare Worker's sockets.
  if (/^network connection lost/i.test(messageOf(cause))) return "reset";
  return "other";
}

/** Whether Node says no more than that the stream was ended or destroyed before. */
function isClosedStream(cause: unknown): boolean {
  return String(Object(cause).code).startsWith("ERR_STREAM_");
}

/** Whether Deno forbids it, and not the system. */
function isDenied(cause: unknown): boolean {
  return Object(cause).name === "NotCapable";
}

function messageOf(cause: unknown): string {
  return isError(cause) ? cause.message.trim() : describe(cause);
}
