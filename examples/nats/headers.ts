import { NatsError } from "./error.ts";

/** Headers of a message, by their names, which are case-sensitive. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/** What stands before a payload: perhaps what the server has to say, and headers. */
export interface Head {
  /** 503 if nobody could answer; `undefined` for a message of somebody's. */
  readonly status: number | undefined;
  readonly headers: Headers;
}

const FIRST_LINE = "NATS/1.0";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Headers as they are sent.
 * @throws {TypeError} If one would be read otherwise.
 */
export function encodeHeaders(headers: Headers): Uint8Array {
  let text = `${FIRST_LINE}\r\n`;
  for (const [name, values] of headers) {
    if (!/^[!-9;-~]+$/.test(name)) {
      throw new TypeError(
        `a header's name must be printable ASCII without a colon, not ${JSON.stringify(name)}`,
      );
    }
    for (const value of values) {
      if (/[\r\n]/.test(value)) throw new TypeError(`the header ${name} must be one line`);
      text += `${name}: ${value}\r\n`;
    }
  }
  return encoder.encode(`${text}\r\n`);
}

/** @throws {NatsError} If these are no headers. */
export function parseHeaders(bytes: Uint8Array): Head {
  const text = decoder.decode(bytes);
  const [first = "", ...lines] = text.split("\r\n");
  const [, status] = first.match(/^NATS\/1\.0(?:[ \t]+(\d{3})(?:[ \t].*)?)?[ \t]*$/) ?? [];
  if (!first.startsWith(FIRST_LINE) || !text.endsWith("\r\n\r\n")) fail(text);
  if (first.trimEnd() !== FIRST_LINE && status === undefined) fail(text);
  const headers = new Map<string, string[]>();
  for (const line of lines.slice(0, -2)) {
    const colon = line.indexOf(":");
    if (colon < 1) fail(line);
    const name = line.slice(0, colon);
    const values = headers.get(name) ?? [];
    values.push(line.slice(colon + 1).trim());
    headers.set(name, values);
  }
  return { status: status === undefined ? undefined : Number(status), headers };
}

function fail(text: string): never {
  throw new NatsError("protocol", `these are no headers: ${JSON.stringify(text.slice(0, 80))}`);
}
