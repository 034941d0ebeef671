/** What a good programmer writes without a library, for one framing, with no limit, and no terminator that changes. */
import type { Add } from "../contest.ts";

const [SPACE, ZERO, NEWLINE] = [32, 48, 10];
const CRLF = 2;

/** Takes chunks. A chunk may be written into again when it was taken: what is kept of it is a copy. */
export type Cutter = (chunk: Uint8Array) => void;

/** Lines: the engine's own search for the delimiter, and one view a line. */
export function lines(add: Add): Cutter {
  let rest: Uint8Array | undefined;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      add(rest === undefined ? line : join(rest, line));
      rest = undefined;
      start = end + 1;
    }
    if (start === chunk.length) return;
    const left = chunk.subarray(start);
    rest = rest === undefined ? left.slice() : join(rest, left);
  };
}

/** Lines of text, all those of a chunk at a time. */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield lines;
  }
  if (rest !== "") yield [rest];
}

/** Reads one byte of a length; returns whether it was the last, and keeps the length. */
interface Prefix {
  length: number;
  bytes: number;
  take(byte: number): boolean;
}

/** A length of four bytes, the highest first. */
export const uint32 = (): Prefix => ({
  length: 0,
  bytes: 0,
  take(byte) {
    this.length = this.length * 256 + byte;
    return ++this.bytes === 4;
  },
});

/** A length of 7 bits a byte, the lowest first. */
export const varint = (): Prefix => ({
  length: 0,
  bytes: 0,
  take(byte) {
    this.length += (byte & 127) * 2 ** (7 * this.bytes++);
    return byte < 128;
  },
});

/** Frames with their length before them. */
export function prefixed(add: Add, newPrefix: () => Prefix): Cutter {
  const prefix = newPrefix();
  let isHeader = true;
  let gathered: Uint8Array | undefined;
  let filled = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      if (isHeader) {
        isHeader = !prefix.take(chunk[at++]!);
        continue;
      }
      const { length } = prefix;
      const end = Math.min(at + length - filled, chunk.length);
      let frame = chunk.subarray(at, end);
      at = end;
      if (frame.length < length) {
        gathered ??= new Uint8Array(length);
        gathered.set(frame, filled);
        filled += frame.length;
        if (filled < length) return;
        frame = gathered;
      }
      add(frame);
      [prefix.length, prefix.bytes, isHeader, gathered, filled] = [0, 0, true, undefined, 0];
    }
  };
}

/** The length that a line of NATS ends with: `MSG subject 1 LENGTH`. */
export function lengthIn(line: Uint8Array): number {
  let length = 0;
  for (let at = line.length - 1, weight = 1; line[at] !== SPACE; at--, weight *= 10) {
    length += (line[at]! - ZERO) * weight;
  }
  return length;
}

/** Messages of NATS: a line, a body of as many bytes as it says, `\r\n`. */
export function messages(add: Add): Cutter {
  /** How long the body is that comes next, with its `\r\n`; `undefined` where a line does. */
  let expected: number | undefined;
  let rest = new Uint8Array(0);
  return (chunk) => {
    let [bytes, at] = [rest.length === 0 ? chunk : join(rest, chunk), 0];
    for (;;) {
      if (expected === undefined) {
        const end = bytes.indexOf(NEWLINE, at);
        if (end < 0) break;
        expected = lengthIn(bytes.subarray(at, end + 1 - CRLF)) + CRLF;
        at = end + 1;
      }
      if (bytes.length - at < expected) break;
      add(bytes.subarray(at, at + expected - CRLF));
      at += expected;
      expected = undefined;
    }
    bytes = bytes.subarray(at);
    rest = bytes.slice();
  };
}

export function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
