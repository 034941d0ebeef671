/** Frames with their length before them, cut by a state machine that one writes oneself. */
import type { Tally } from "../contest.ts";
import { currentDigest } from "../digest.ts";

/**
 * ```text
 *   ┌─▶ [ the header, byte by byte ] ──whole──▶ [ the body ]─┐
 *   │        └ goes on in the next chunk           │ a view, or gathered where it does not lie in one chunk
 *   └──────────────────────────────────────────────┴─────────┘
 * ```
 *
 * @param isLast Whether a byte ends the header, the how many-th it is.
 * @param add What the length becomes with one more byte of the header.
 */
function scan(
  chunks: Iterable<Uint8Array>,
  isLast: (byte: number, at: number) => boolean,
  add: (length: number, byte: number, at: number) => number,
): Tally {
  const digest = currentDigest();
  let [frames, total] = [0, 0];
  let [length, headerBytes, isHeader] = [0, 0, true];
  let gathered: Uint8Array | undefined;
  let filled = 0;
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (isHeader) {
        const byte = chunk[at++]!;
        length = add(length, byte, headerBytes);
        isHeader = !isLast(byte, headerBytes++);
        continue;
      }
      const missing = length - filled;
      const here = Math.min(missing, chunk.length - at);
      let frame: Uint8Array | undefined;
      if (here === length) frame = chunk.subarray(at, at + here);
      else {
        gathered ??= new Uint8Array(length);
        gathered.set(chunk.subarray(at, at + here), filled);
        filled += here;
        if (here === missing) frame = gathered;
      }
      at += here;
      if (frame === undefined) continue;
      frames++;
      total += frame.length;
      digest?.add(frame);
      [length, headerBytes, isHeader, filled, gathered] = [0, 0, true, 0, undefined];
    }
  }
  return { frames, length: total };
}

/** A length of 7 bits a byte, the lowest first. */
export function scanVarints(chunks: Iterable<Uint8Array>): Tally {
  return scan(
    chunks,
    (byte) => byte < 128,
    (length, byte, at) => length + (byte & 127) * 2 ** (7 * at),
  );
}

/** A length of four bytes, the highest first. */
export function scanUint32s(chunks: Iterable<Uint8Array>): Tally {
  return scan(chunks, (_byte, at) => at === 3, (length, byte) => length * 256 + byte);
}
