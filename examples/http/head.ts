import { HttpError } from "./error.ts";
import { type Fields, parseFields, TOKEN } from "./fields.ts";

/** The terminator of a head: the first empty line. One whose lines end with `\n` alone has no end, and is refused when no more comes. */
export const HEAD = "\r\n\r\n";
/** The longest head, in bytes. */
export const LONGEST_HEAD: number = 32 * 1024;
const LONGEST_TARGET = 8 * 1024;
const MOST_FIELDS = 200;

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** As it was sent: `/path?query`, mostly. */
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly fields: Fields;
}

/** The head of a response. */
export interface ResponseHead {
  readonly version: "1.0" | "1.1";
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
}

/**
 * Reads the head of a request (RFC 9112, sections 3 and 5).
 * @throws {HttpError} 400, 414, 431, 505
 */
export function parseRequestHead(head: string): RequestHead {
  const [first, ...lines] = linesOf(head);
  const [, method = "", target = "", major, minor] =
    first.match(/^(\S+) ([^\s\p{Cc}]+) HTTP\/(\d)\.(\d)$/u) ?? [];
  if (!TOKEN.test(method)) throw new HttpError(400, `no line of a request: ${shown(first)}`);
  if (target.length > LONGEST_TARGET) {
    throw new HttpError(414, `the target must be at most ${LONGEST_TARGET} characters long`);
  }
  const version = toVersion(major, minor);
  const fields = parseFields(lines);
  // RFC 9112, section 3.2
  const hosts = fields.all("host");
  if (hosts.length > 1 || (version === "1.1" && hosts.length === 0)) {
    throw new HttpError(400, `a request must have one Host, not ${hosts.length}`);
  }
  if (hosts.some((host) => !/^[^\s/?#@\\]*$/.test(host))) {
    throw new HttpError(400, `Host cannot be ${shown(hosts[0]!)}`);
  }
  return { method, target, version, fields };
}

/**
 * Reads the head of a response (RFC 9112, sections 4 and 5).
 * @throws {HttpError} 502
 */
export function parseResponseHead(head: string): ResponseHead {
  const [first, ...lines] = linesOf(head);
  const [, major, minor, status, reason = ""] =
    first.match(/^HTTP\/(\d)\.(\d) (\d{3})(?: (.*))?$/) ?? [];
  if (status === undefined) throw new HttpError(502, `no line of a response: ${shown(first)}`);
  return {
    version: toVersion(major, minor),
    status: Number(status),
    reason,
    fields: parseFields(lines),
  };
}

function linesOf(head: string): [string, ...string[]] {
  // An empty line before a request is passed over (RFC 9112, section 2.2).
  const text = head.startsWith("\r\n") ? head.slice(2) : head;
  const lines = text.split("\r\n") as [string, ...string[]];
  if (/\r(?!\n)|(?:^|[^\r])\n/.test(text)) {
    throw new HttpError(400, "lines must end with \\r\\n, and have neither elsewhere");
  }
  if (lines.length > MOST_FIELDS) throw new HttpError(431, `more than ${MOST_FIELDS} fields`);
  return lines;
}

/** A later version of 1 is understood as this one (RFC 9110, section 2.5). */
function toVersion(major: string | undefined, minor: string | undefined): "1.0" | "1.1" {
  if (major !== "1") {
    throw new HttpError(505, `HTTP/1.1 is spoken here, not HTTP/${major}.${minor}`);
  }
  return minor === "0" ? "1.0" : "1.1";
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 80));
