/** NATS' messages, cut by a state machine that one writes oneself: a line that ends with a length, and as many bytes. */
import type { Tally } from "../contest.ts";

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
 * Counts the bodies.
 *
 * ```text
 *   ┌─▶ [ the line ] ──"\r\n"──▶ [ the body, and its "\r\n" ]─┐
 *   │       └ what does not lie in one chunk is gathered ┘    │
 *   └─────────────────────────────────────────────────────────┘
 * ```
 */
export function scanMessages(chunks: Iterable<Uint8Array>): Tally {
  let [frames, total] = [0, 0];
  /** How long the body is that comes next, with its "\r\n"; `undefined` where a line does. */
  let length: number | undefined;
  let line: Uint8Array | undefined;
  let body: Uint8Array | undefined;
  let filled = 0;
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (length === undefined) {
        const end = chunk.indexOf(NEWLINE, at);
        const part = chunk.subarray(at, end < 0 ? chunk.length : end + 1);
        const whole = line === undefined ? part : join(line, part);
        at += part.length;
        if (end < 0) line = whole;
        else {
          line = undefined;
          length = lengthIn(whole.subarray(0, -CRLF)) + CRLF;
        }
        continue;
      }
      const here = Math.min(length - filled, chunk.length - at);
      if (here < length) {
        body ??= new Uint8Array(length);
        body.set(chunk.subarray(at, at + here), filled);
        filled += here;
        at += here;
        if (filled < length) continue;
      } else {
        body = chunk.subarray(at, at + here);
        at += here;
      }
      frames++;
      total += body!.subarray(0, -CRLF).length;
      [length, body, filled] = [undefined, undefined, 0];
    }
  }
  return { frames, length: total };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
