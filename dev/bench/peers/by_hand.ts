/** What one writes oneself, where nothing may change midway: the loops that the library is compared with. */
import type { Tally } from "../contest.ts";
import { currentDigest, type Digest } from "../digest.ts";

const NEWLINE = 10;

/** The limit: the engine's own search for the delimiter, and one view a frame. */
export class LineScanner implements Tally {
  frames = 0;
  length = 0;
  readonly #digest: Digest | undefined = currentDigest();
  #rest: Uint8Array | undefined;

  push(chunk: Uint8Array): void {
    let [frames, length, start] = [0, 0, 0];
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      let frame = chunk.subarray(start, end);
      if (this.#rest !== undefined) {
        frame = join(this.#rest, frame);
        this.#rest = undefined;
      }
      frames++;
      length += frame.length;
      this.#digest?.add(frame);
      start = end + 1;
    }
    if (start < chunk.length) {
      const rest = chunk.subarray(start);
      this.#rest = this.#rest === undefined ? rest.slice() : join(this.#rest, rest);
    }
    this.frames += frames;
    this.length += length;
  }
}

/** Scans all chunks. */
export function scanLines(chunks: Iterable<Uint8Array>): Tally {
  const scanner = new LineScanner();
  for (const chunk of chunks) scanner.push(chunk);
  return scanner;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Lines of text: each chunk is decoded and split. */
export async function* decodeAndSplit(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** The same, all lines of a chunk at a time. */
export async function* decodeAndSplitAll(
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
