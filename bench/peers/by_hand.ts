/** What one writes oneself, where nothing may change midway: the loops that the library is compared with. */
import type { Tally } from "../contest.ts";

const NEWLINE = 10;

/** The limit: the engine's own search for the delimiter, and one view a frame. */
export function scanLines(chunks: Iterable<Uint8Array>): Tally {
  let [frames, length] = [0, 0];
  let rest: Uint8Array | undefined;
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      let frame = chunk.subarray(start, end);
      if (rest !== undefined) {
        const joined = new Uint8Array(rest.length + frame.length);
        joined.set(rest);
        joined.set(frame, rest.length);
        frame = joined;
        rest = undefined;
      }
      frames++;
      length += frame.length;
      start = end + 1;
    }
    if (start < chunk.length) rest = chunk.subarray(start);
  }
  return { frames, length };
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
