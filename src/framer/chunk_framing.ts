// The short way that most frames take: out of one chunk.

import type { Codec, FrameLayout, Portion } from "../framing.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";

/**
 * A framing that knows a short way to the frame, that most take: the frame lies in one chunk, with all that tells where
 * it ends. Nothing is remembered between two of them, so there is no state to be kept, and no generator to be asked.
 *
 * `Framer`, the fastest rounds: a million lines of 32 to 95 bytes took 87 ms instead of 265 on Node, and a million
 * such frames behind a uint32 76 instead of 472, and behind a varint 60 instead of 420.
 */
export abstract class ChunkFraming implements Codec {
  /**
   * @param buffer Whose frame it is; nothing is known of that yet.
   * @param limit The longest frame.
   * @returns The frame; `undefined` if it has to be read in the usual way, because not all of it is here, or something
   * is wrong.
   */
  abstract cutFromChunk(buffer: ReceiveBuffer, limit: number): Uint8Array | undefined;

  abstract decode(): Generator<Portion, FrameLayout | Uint8Array, Uint8Array>;

  abstract encode(payload: Uint8Array | string): Uint8Array;
}
