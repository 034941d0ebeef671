// What is done with bytes: they are sought, copied, joined, compared, and shown in error messages.

import { typeName } from "./checks.ts";
import { encodeLatin1, type Encoding } from "./latin1.ts";

const encoder = new TextEncoder();

interface Arrays {
  readonly prototype: { indexOf(this: Uint8Array, byte: number, from: number): number };
}

const { Buffer, Deno, Bun } = globalThis as { Buffer?: Arrays; Deno?: unknown; Bun?: unknown };
const isNode = Buffer !== undefined && !Deno && !Bun;

/** Whose search is used: on Node, a `Buffer`'s takes 25 ns to find the end of a short line, and a typed array's 65. */
const Searched: Arrays = isNode ? Buffer : Uint8Array;

/** Where the byte is, from `from` on; -1 if it is not there. */
export function indexOfByte(bytes: Uint8Array, byte: number, from: number): number {
  return Searched.prototype.indexOf.call(bytes, byte, from);
}

/**
 * Up to which distance a byte is found faster in a string: one of latin1 has the same positions. To find and cut a line of
 * 64 bytes takes 31 ns on Node and 28 on Deno instead of 42 and 55, and one of 1 KiB 71 and 68 instead of 48 and 337. (On
 * Bun a typed array's search is as fast as a string's, and nothing has to be made.)
 */
export const TEXT_PAYS_UP_TO: number = Buffer === undefined || Bun ? 0 : isNode ? 256 : Infinity;

/**
 * The same bytes as a plain `Uint8Array` of this realm: a `Buffer` behaves differently, and frames are alike on every
 * runtime.
 */
export function plainBytes(bytes: ArrayBufferView): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes as Uint8Array;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A copy, also of a `Buffer`, whose own `slice()` makes none. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** What can be sent: bytes, or a string, which is sent in the chat's encoding, or UTF-8. */
export type Data = string | ArrayBufferView | ArrayBuffer;

/**
 * The bytes of what holds some, where they lie; `undefined` if it holds none. It may be of another realm (a worker's,
 * jsdom's), for which `instanceof` is wrong.
 */
export function bytesOf(data: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(data)) return plainBytes(data);
  const isBuffer = Object.prototype.toString.call(data) === "[object ArrayBuffer]";
  return isBuffer ? new Uint8Array(data as ArrayBuffer) : undefined;
}

/**
 * The bytes of what can be sent.
 * @throws {TypeError} If it is neither a string nor bytes.
 * @throws {RangeError} If a string has a character that the encoding lacks.
 */
export function toBytes(name: string, data: Data, encoding: Encoding = "utf-8"): Uint8Array {
  if (typeof data === "string") {
    return encoding === "latin1" ? encodeLatin1(name, data) : encoder.encode(data);
  }
  const bytes = bytesOf(data);
  if (bytes !== undefined) return bytes;
  throw new TypeError(`${name} must be a string or a Uint8Array, not ${typeName(data)}`);
}

/**
 * Checks bytes.
 * @throws {TypeError} If they are something else.
 */
export function checkBytes(name: string, data: unknown): Uint8Array {
  const bytes = bytesOf(data);
  if (bytes !== undefined) return bytes;
  throw new TypeError(`${name} must be a Uint8Array, not ${typeName(data)}`);
}

/** All pieces, one after the other, in an array of their own. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    all.set(piece, end);
    end += piece.length;
  }
  return all;
}

/** Whether both are the same bytes. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && startsWith(a, 0, b, b.length);
}

/** Whether the first `count` bytes of the beginning are there, from `at` on. */
export function startsWith(
  bytes: Uint8Array,
  at: number,
  beginning: Uint8Array,
  count: number,
): boolean {
  for (let i = 0; i < count; i++) if (bytes[at + i] !== beginning[i]) return false;
  return true;
}

/**
 * How long the first of the patterns is that lies there; 0 if none does, and -1 if more bytes are needed to tell.
 * @param patterns The longest first.
 * @param isFinal Whether no more bytes are to come.
 */
export function longestMatch(
  bytes: Uint8Array,
  at: number,
  patterns: readonly Uint8Array[],
  isFinal: boolean,
): number {
  const here = bytes.length - at;
  for (const pattern of patterns) {
    if (here >= pattern.length) {
      if (startsWith(bytes, at, pattern, pattern.length)) return pattern.length;
    } else if (!isFinal && startsWith(bytes, at, pattern, here)) return -1;
  }
  return 0;
}

/** How many bytes an error message shows. */
const SHOWN = 40;

/** What JSON leaves as it is, and a terminal may obey. */
const CONTROLS = /[\u007f-\u009f]/g;

/**
 * The bytes in words for an error message, and no more than tells them: as text where they are UTF-8, and else byte by
 * byte. (A character that is cut off where the message ends is left out.)
 */
export function describeBytes(bytes: Uint8Array): string {
  const beginning = bytes.subarray(0, SHOWN);
  const isCut = bytes.length > SHOWN;
  return inQuotes(beginning, isCut) + (isCut ? "..." : "");
}

function inQuotes(bytes: Uint8Array, isCut: boolean): string {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return JSON.stringify(decoder.decode(bytes, { stream: isCut })).replace(
      CONTROLS,
      toUnicodeEscape,
    );
  } catch {
    return `"${Array.from(bytes, toEscape).join("")}"`;
  }
}

function toUnicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function toEscape(byte: number): string {
  if (byte >= 0x80) return `\\x${byte.toString(16)}`;
  return JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
}
