/** Frames of any length, as they are taken whose growth is measured. */
import type { Chat } from "../../../mod.ts";
import type { Tally } from "../contest.ts";

/** How a frame is told from the next one, and how it is taken: whole, or piece by piece. */
export const FRAME_KINDS = ["delimiter", "count", "stream()"] as const;

export type FrameKind = typeof FRAME_KINDS[number];

const FILL = 120;
const NEWLINE = 10;

/** One chunk: frames of so many bytes, the last of each a newline; or a part of a frame, without its end or with it. */
export function makeChunk(size: number, frameLength: number): Uint8Array {
  const chunk = new Uint8Array(size).fill(FILL);
  for (let end = frameLength; end <= size; end += frameLength) chunk[end - 1] = NEWLINE;
  return chunk;
}

/** So many frames, each of so many bytes with its newline, in chunks of that size; one of both must be a multiple of the other. */
export function* chunksOf(
  count: number,
  frameLength: number,
  size: number,
): Generator<Uint8Array> {
  const total = count * frameLength;
  const chunk = makeChunk(size, frameLength);
  // Where a frame is longer than a chunk, only its last chunk has its end.
  const last = makeChunk(size, Math.min(frameLength, size));
  for (let end = size; end <= total; end += size) yield end % frameLength === 0 ? last : chunk;
}

/** What is counted of frames that take so many bytes each, with their newlines. */
export function tallyOf(kind: FrameKind, count: number, frameLength: number): Tally {
  return { frames: count, length: count * (kind === "count" ? frameLength : frameLength - 1) };
}

/** Takes all frames of a chat, each of which takes so many bytes. */
export async function takeFrames(
  chat: Chat,
  kind: FrameKind,
  count: number,
  frameLength: number,
): Promise<Tally> {
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
  return { frames, length };
}
