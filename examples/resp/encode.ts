import { Buffer } from "node:buffer";
import { Push, RespError, type Value } from "./value.ts";

/** Versions of the protocol. */
export type Version = 2 | 3;

/** What is sent: text or bytes. */
export type Piece = string | Uint8Array;

/** A command, as a client sends it: words, each of any bytes. */
export function encodeCommand(words: readonly (Piece | number)[]): Piece[] {
  const items: Piece[] = [];
  let text = `*${words.length}\r\n`; // what is text is put together: few long items are sent sooner than many short ones
  for (const word of words) {
    const bytes = typeof word === "number" ? String(word) : word;
    if (typeof bytes === "string" && ASCII.test(bytes)) text += `$${bytes.length}\r\n${bytes}\r\n`;
    else {
      const all = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
      items.push(`${text}$${all.length}\r\n`, all);
      text = "\r\n";
    }
  }
  items.push(text);
  return items;
}

/**
 * Adds a value, as a server sends it, to what is to be sent. What version 2 does not have goes as what is nearest: a map as an array
 * of keys and values.
 */
export function addValue(items: Piece[], value: Value, version: Version): void {
  if (value instanceof Uint8Array) addBulk(items, value);
  else if (typeof value === "string") addText(items, `+${withoutLineEnds(value)}\r\n`);
  else if (value instanceof RespError) addText(items, `-${withoutLineEnds(value.message)}\r\n`);
  else if (value === null) addText(items, version === 3 ? "_\r\n" : "$-1\r\n");
  else if (typeof value === "bigint") addText(items, encodeBig(value, version));
  else if (typeof value === "number") addText(items, encodeNumber(value, version));
  else if (typeof value === "boolean") {
    addText(items, version === 3 ? `#${value ? "t" : "f"}\r\n` : `:${Number(value)}\r\n`);
  } else if (value instanceof Map) {
    addText(items, version === 3 ? `%${value.size}\r\n` : `*${2 * value.size}\r\n`);
    for (const pair of value) addAll(items, pair, version);
  } else {
    const [type, values] = value instanceof Push
      ? [">", value.items]
      : value instanceof Set
      ? ["~", [...value]]
      : ["*", value];
    addText(items, `${version === 3 ? type : "*"}${values.length}\r\n`);
    addAll(items, values, version);
  }
}

function addAll(items: Piece[], values: Iterable<Value>, version: Version): void {
  for (const value of values) addValue(items, value, version);
}

function addBulk(items: Piece[], bytes: Uint8Array): void {
  addText(items, `$${bytes.length}\r\n`);
  items.push(bytes, "\r\n");
}

/** Text goes behind text: few long items are sent sooner than many short ones. */
function addText(items: Piece[], text: string): void {
  const last = items.length - 1;
  const before = items[last];
  if (typeof before === "string" && before.length < LONGEST_TEXT) items[last] = before + text;
  else items.push(text);
}

function encodeNumber(value: number, version: Version): string {
  if (Number.isSafeInteger(value)) return `:${value}\r\n`;
  const text = String(value).replace("Infinity", "inf").replace("NaN", "nan");
  return version === 3 ? `,${text}\r\n` : `$${text.length}\r\n${text}\r\n`;
}

/** A whole number of 64 bits is one in both versions. */
function encodeBig(value: bigint, version: Version): string {
  if (BigInt.asIntN(64, value) === value) return `:${value}\r\n`;
  return version === 3 ? `(${value}\r\n` : `$${String(value).length}\r\n${value}\r\n`;
}

/** All of it in one array. */
export const join = (pieces: readonly Piece[]): Uint8Array =>
  Buffer.concat(
    pieces.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece),
  );

/** A line end in a line would forge a value. */
const withoutLineEnds = (line: string): string =>
  LINE_END.test(line) ? line.replace(/[\r\n]+/g, " ") : line;

const LINE_END = /[\r\n]/;
/** The chat copies text up to such a length into what it sends next, and longer text takes an array of its own. */
const LONGEST_TEXT = 512;

const encoder = new TextEncoder();
/** Text that has as many bytes as characters. */
const ASCII = /^[\0-\x7f]*$/;
