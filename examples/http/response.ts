import type { Producer } from "../../mod.ts";
import { exactly, inChunks, isAscii, type Pieces } from "./body.ts";
import { checkField } from "./fields.ts";
import { REASONS } from "./reasons.ts";

/** What is answered. */
export interface Response {
  /** Default: 200. */
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  /** Text and bytes go with their length. What yields them goes in chunks, unless `fields` have a `content-length`. */
  readonly body?: string | Uint8Array | Pieces | undefined;
}

/** What an answer depends on. */
export interface Asked {
  readonly method: string;
  readonly version: "1.0" | "1.1";
}

/** An answer, as it is sent. */
export interface Encoded {
  readonly items: readonly (string | Uint8Array | Producer)[];
  /** Whether the connection is kept: a body of unknown length ends with it, in HTTP/1.0. */
  readonly keep: boolean;
}

const encoder = new TextEncoder();

/**
 * Makes an answer of what a handler has returned.
 * @param keep Whether both sides want to keep the connection.
 * @throws {TypeError | RangeError} If the handler has returned what cannot be sent.
 */
export function encodeResponse(
  { status = 200, fields = {}, body = "" }: Response,
  { method, version }: Asked,
  keep: boolean,
): Encoded {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`status must be 200 to 599, not ${status}`);
  }
  const { lines, length } = fieldLines(fields);
  const mayHaveBody = status !== 204 && status !== 304;
  const data = typeof body === "string" && !isAscii(body) ? encoder.encode(body) : body;
  const isWhole = typeof data === "string" || data instanceof Uint8Array;
  const known = isWhole ? data.length : length;
  if (isWhole && length !== undefined && length !== data.length && method !== "HEAD") {
    throw new RangeError(`content-length must be ${data.length}, not ${length}`);
  }
  const isChunked = known === undefined && version === "1.1";
  const goesOn = keep && (known !== undefined || isChunked || !mayHaveBody);
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\nDate: ${date()}\r\n${lines}`;
  if (mayHaveBody) {
    if (isChunked) head += "Transfer-Encoding: chunked\r\n";
    else if (length === undefined && known !== undefined) head += `Content-Length: ${known}\r\n`;
  }
  if (!goesOn) head += "Connection: close\r\n\r\n";
  else head += version === "1.0" ? "Connection: keep-alive\r\n\r\n" : "\r\n";
  if (method === "HEAD" || !mayHaveBody) return { items: [head], keep: goesOn };
  if (typeof data === "string") return { items: [head + data], keep: goesOn };
  if (isWhole) return { items: [head, data], keep: goesOn };
  const sent = isChunked ? inChunks(data) : known === undefined ? data : exactly(known, data);
  return { items: [head, sent], keep: goesOn };
}

/** Fields that only the server itself knows how to say. */
const OWN = new Set(["connection", "date", "transfer-encoding"]);

function fieldLines(
  fields: NonNullable<Response["fields"]>,
): { lines: string; length: number | undefined } {
  let lines = "";
  let length: number | undefined;
  for (const [name, values] of Object.entries(fields)) {
    const key = name.toLowerCase();
    if (OWN.has(key)) throw new TypeError(`${name} is for the server to say`);
    for (const value of typeof values === "string" ? [values] : values) {
      checkField(name, value);
      lines += `${name}: ${value}\r\n`;
      if (key !== "content-length") continue;
      if (length !== undefined || !/^\d{1,15}$/.test(value)) {
        throw new TypeError(`content-length must be one number, not ${JSON.stringify(values)}`);
      }
      length = Number(value);
    }
  }
  return { lines, length };
}

let [second, text] = [0, ""];

/** The date, which is made once a second (RFC 9110, section 6.6.1). */
function date(): string {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) [second, text] = [now, new Date(now * 1_000).toUTCString()];
  return text;
}
