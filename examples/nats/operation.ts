/**
 * The lines of the NATS client protocol. Those of a message say how many bytes follow them:
 *
 *     MSG rooms.tea 1 5\r\n
 *     hello\r\n
 *     HMSG rooms.tea 1 _INBOX.a.b 25 30\r\n         25 bytes of headers, 30 in all
 *     NATS/1.0\r\nFrom: ada\r\n\r\nhello\r\n
 */
import { NatsError } from "./error.ts";

/** What a server says. */
export type Operation =
  | { readonly type: "INFO"; readonly info: ServerInfo }
  | { readonly type: "PING" | "PONG" | "+OK" }
  | { readonly type: "-ERR"; readonly message: string }
  | MessageLine;

/** What is known of a message before its bytes are here. */
export interface MessageLine {
  readonly type: "MSG";
  readonly subject: string;
  readonly sid: number;
  readonly reply: string | undefined;
  /** How many bytes of the following are headers. */
  readonly headed: number;
  /** How many bytes follow, without the end of the line. */
  readonly size: number;
}

/** What a server tells of itself; it has more to tell. */
export interface ServerInfo {
  readonly isTlsRequired: boolean;
  readonly isTlsOffered: boolean;
  readonly takesHeaders: boolean;
  /** The longest payload, in bytes, headers included. */
  readonly maxPayload: number;
}

/** Who connects. */
export interface Hello {
  readonly name?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
}

const decoder = new TextDecoder();

/** @throws {NatsError} If the protocol has no such line. */
export function parseOperation(line: Uint8Array): Operation {
  const text = decoder.decode(line);
  const [verb = ""] = text.split(/[ \t]/, 1);
  const words = text.slice(verb.length).trim();
  switch (verb.toUpperCase()) {
    case "MSG":
      return parseMessage(text, words.split(/[ \t]+/), 1);
    case "HMSG":
      return parseMessage(text, words.split(/[ \t]+/), 2);
    case "PING":
    case "PONG":
    case "+OK":
      return { type: verb.toUpperCase() as "PING" };
    case "-ERR":
      return { type: "-ERR", message: words.replace(/^'(.*)'$/, "$1") };
    case "INFO":
      return { type: "INFO", info: parseInfo(words) };
    default:
      return fail(text);
  }
}

/** `SUBJECT SID [REPLY] SIZE`, or `SUBJECT SID [REPLY] HEADED SIZE`. */
function parseMessage(text: string, words: readonly string[], sizes: 1 | 2): MessageLine {
  const hasReply = words.length === 3 + sizes;
  if (!hasReply && words.length !== 2 + sizes) fail(text);
  const [subject, sid, reply] = words as [string, string, string];
  const numbers = [sid, ...words.slice(-sizes)];
  if (!numbers.every((number) => /^\d{1,9}$/.test(number))) fail(text);
  const size = Number(numbers.at(-1));
  const headed = sizes === 2 ? Number(numbers.at(-2)) : 0;
  if (headed > size) fail(text);
  return {
    type: "MSG",
    subject,
    sid: Number(sid),
    reply: hasReply ? reply : undefined,
    headed,
    size,
  };
}

function parseInfo(text: string): ServerInfo {
  let info: Record<string, unknown>;
  try {
    info = JSON.parse(text);
  } catch {
    return fail(`INFO ${text}`);
  }
  if (typeof info !== "object" || info === null) fail(`INFO ${text}`);
  const maxPayload = info["max_payload"];
  return {
    isTlsRequired: info["tls_required"] === true,
    isTlsOffered: info["tls_required"] === true || info["tls_available"] === true,
    takesHeaders: info["headers"] === true,
    maxPayload: Number.isSafeInteger(maxPayload) ? Number(maxPayload) : 1024 * 1024,
  };
}

function fail(text: string): never {
  throw new NatsError(
    "protocol",
    `the server has said what is not of the protocol: ${JSON.stringify(text.slice(0, 80))}`,
  );
}

export function encodeConnect({ name, user, password, token }: Hello, info: ServerInfo): string {
  const hello = {
    verbose: false,
    pedantic: false,
    lang: "asynchat",
    version: "0.1.0",
    protocol: 1,
    echo: true,
    headers: info.takesHeaders,
    no_responders: info.takesHeaders,
    name,
    user,
    pass: password,
    auth_token: token,
  };
  return `CONNECT ${JSON.stringify(hello)}\r\n`;
}

export function encodeSub(subject: string, queue: string | undefined, sid: number): string {
  return queue === undefined ? `SUB ${subject} ${sid}\r\n` : `SUB ${subject} ${queue} ${sid}\r\n`;
}

/** @param more After how many more messages; 0: at once. */
export function encodeUnsub(sid: number, more: number): string {
  return more === 0 ? `UNSUB ${sid}\r\n` : `UNSUB ${sid} ${more}\r\n`;
}

/** What stands before a payload. */
export function encodePub(subject: string, reply: string | undefined, size: number): string {
  return reply === undefined ? `PUB ${subject} ${size}\r\n` : `PUB ${subject} ${reply} ${size}\r\n`;
}

/** What stands before headers and a payload. */
export function encodeHpub(
  subject: string,
  reply: string | undefined,
  headed: number,
  size: number,
): string {
  return `HPUB ${subject} ${reply === undefined ? "" : `${reply} `}${headed} ${size}\r\n`;
}

/**
 * Checks a subject: words with dots between them. To subscribe, `*` stands for a word, and `>` at the end for all further ones.
 * @throws {TypeError} If it is none.
 */
export function checkSubject(subject: string, wildcards: boolean): string {
  const words = subject.split(".");
  const isFine = words.every((word, i) => {
    if (word === "*") return wildcards;
    if (word === ">") return wildcards && i === words.length - 1;
    return word !== "" && !hasForbidden(word);
  });
  if (isFine && subject.length <= LONGEST_SUBJECT) return subject;
  const shown = JSON.stringify(subject.slice(0, 80));
  throw new TypeError(
    `a subject must be words with dots between them${
      wildcards ? "" : ", without wildcards"
    }, not ${shown}`,
  );
}

/** @throws {TypeError} If it cannot be the name of a queue. */
export function checkQueue(queue: string): string {
  if (queue !== "" && !hasForbidden(queue)) return queue;
  throw new TypeError(`a queue must be one word, not ${JSON.stringify(queue)}`);
}

/** The servers take lines of 4,096 bytes. */
const LONGEST_SUBJECT = 1_000;

function hasForbidden(word: string): boolean {
  return /[\s\p{Cc}]/u.test(word);
}
