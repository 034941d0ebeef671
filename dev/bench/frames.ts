/** Frames of any length, for the workloads that measure growth. */
import type { Chat } from "../../mod.ts";

export const KIB = 1024;
export const MIB: number = 1024 * KIB;

/** How a frame ends, and how it is taken: whole, or piece by piece. */
export const FRAME_KINDS = ["delimiter", "count", "stream()"] as const;
export type FrameKind = typeof FRAME_KINDS[number];

/** One chunk: frames of so many bytes, the last byte of each a newline; or a part of a frame without its end. */
export function makeChunk(size: number, frameLength: number): Uint8Array {
  const chunk = new Uint8Array(size).fill(120);
  for (let end = frameLength; end <= size; end += frameLength) chunk[end - 1] = 10;
  return chunk;
}

/** So many frames, each of so many bytes, in chunks of that size: one of both must be a multiple of the other. */
export function* chunksOf(count: number, frameLength: number, size: number): Generator<Uint8Array> {
  const chunk = makeChunk(size, frameLength);
  // Where a frame is longer than a chunk, only its last chunk has its end.
  const last = makeChunk(size, Math.min(frameLength, size));
  for (let end = size; end <= count * frameLength; end += size) {
    yield end % frameLength === 0 ? last : chunk;
  }
}

/** Takes all frames of a chat. Throws unless each took so many bytes with its newline. */
export async function takeFrames(
  chat: Chat,
  kind: FrameKind,
  count: number,
  frameLength: number,
): Promise<void> {
  let [frames, length] = [0, 0];
  if (kind === "stream()") {
    for (; frames < count; frames++) {
      for await (const piece of chat.stream("\n")) length += piece.length;
    }
  } else {
    chat.maxFrameLength = Infinity;
    chat.terminator = kind === "count" ? frameLength : "\n";
    for await (const frame of chat) {
      frames++;
      length += frame.length;
    }
  }
  const expected = count * (kind === "count" ? frameLength : frameLength - 1);
  if (frames === count && length === expected) return;
  throw new Error(`${frames} frames of ${length} bytes, not ${count} of ${expected}`);
}

/** A size in words. */
export function inBytes(size: number): string {
  if (size < KIB) return `${size} B`;
  return size < MIB ? `${size / KIB} KiB` : `${size / MIB} MiB`;
}
