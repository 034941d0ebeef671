/** NATS' messages, cut by a state machine that one writes oneself: a line that ends with a length, and as many bytes. */
import type { Tally } from "../contest.ts";
import { currentDigest, type Digest } from "../digest.ts";

const [SPACE, ZERO, NEWLINE] = [32, 48, 10];
const CRLF = 2;

/** The length that the line ends with: `MSG subject 1 LENGTH`. */
export function lengthIn(line: Uint8Array): number {
  let length = 0;
  for (let at = line.length - 1, weight = 1; line[at] !== SPACE; at--, weight *= 10) {
    length += (line[at]! - ZERO) * weight;
  }
  return length;
}

/**
 * Counts the bodies. A chunk may be written into again when it was scanned: what is kept of it is a copy.
 *
 * ```text
 *   ┌─▶ [ the line ] ──"\r\n"──▶ [ the body, and its "\r\n" ]─┐
 *   │       └ what does not lie in one chunk is gathered ┘    │
 *   └─────────────────────────────────────────────────────────┘
 * ```
 */
export class MessageScanner implements Tally {
  frames = 0;
  length = 0;
  readonly #digest: Digest | undefined = currentDigest();
  /** How long the body is that comes next, with its "\r\n"; `undefined` where a line does. */
  #expected: number | undefined;
  #line: Uint8Array | undefined;
  #body: Uint8Array | undefined;
  #filled = 0;

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      at = this.#expected === undefined
        ? this.#takeLine(chunk, at)
        : this.#takeBody(chunk, at, this.#expected);
    }
  }

  #takeLine(chunk: Uint8Array, at: number): number {
    const end = chunk.indexOf(NEWLINE, at);
    const part = chunk.subarray(at, end < 0 ? chunk.length : end + 1);
    const whole = this.#line === undefined ? part : join(this.#line, part);
    if (end < 0) this.#line = whole === part ? part.slice() : whole;
    else {
      this.#line = undefined;
      this.#expected = lengthIn(whole.subarray(0, -CRLF)) + CRLF;
    }
    return at + part.length;
  }

  #takeBody(chunk: Uint8Array, at: number, expected: number): number {
    const here = Math.min(expected - this.#filled, chunk.length - at);
    let body = chunk.subarray(at, at + here);
    if (here < expected) {
      this.#body ??= new Uint8Array(expected);
      this.#body.set(body, this.#filled);
      this.#filled += here;
      if (this.#filled < expected) return at + here;
      body = this.#body;
    }
    const frame = body.subarray(0, -CRLF);
    this.frames++;
    this.length += frame.length;
    this.#digest?.add(frame);
    this.#expected = this.#body = undefined;
    this.#filled = 0;
    return at + here;
  }
}

/** Scans all chunks. */
export function scanMessages(chunks: Iterable<Uint8Array>): Tally {
  const scanner = new MessageScanner();
  for (const chunk of chunks) scanner.push(chunk);
  return scanner;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
