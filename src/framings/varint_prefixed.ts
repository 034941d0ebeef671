// varintPrefixed(): frames with their length before them, as a varint.

import { concat, toBytes } from "../common/bytes.ts";
import { MalformedFrameError } from "../errors.ts";
import { ChunkFraming } from "../framer/chunk_framing.ts";
import type { Codec, FrameLayout, Portion } from "../framing.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";

/** A 64-bit number takes ten bytes of 7 bits. */
const LONGEST_VARINT = 10;

/**
 * Frames with their length before them as a varint: 7 bits a byte, the lowest first, and the highest bit set in all bytes
 * but the last.
 *
 * Used by: Protocol Buffers' delimited messages (`writeDelimitedTo`), libp2p, Minecraft.
 *
 * A varint of more than ten bytes, one with a needless zero at its end, and one above `Number.MAX_SAFE_INTEGER` are a
 * {@linkcode MalformedFrameError} as soon as that byte is here.
 *
 * @returns The framing. It encodes a payload by writing its length before it.
 *
 * @example
 * ```ts
 * import { Framer, varintPrefixed } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: varintPrefixed() });
 * framer.push(Uint8Array.of(0x80, 0x01, ...new Uint8Array(128)));
 * assertEquals(framer.next(), new Uint8Array(128));
 * ```
 */
export function varintPrefixed(): Codec {
  return new VarintPrefixed();
}

class VarintPrefixed extends ChunkFraming {
  cutFromChunk(buffer: ReceiveBuffer, limit: number): Uint8Array | undefined {
    const chunk = buffer.fresh;
    if (chunk === undefined) return undefined;
    const begin = buffer.freshStart;
    const longest = Math.min(chunk.length - begin, LONGEST_VARINT);
    let length = 0;
    for (let read = 0, weight = 1; read < longest; weight *= 128) {
      const byte = chunk[begin + read++]!;
      length += (byte % 128) * weight;
      if (byte >= 128) continue;
      const isWrong = byte === 0 && read > 1;
      return isWrong || length > limit ? undefined : buffer.takeFresh(read, length);
    }
    return undefined;
  }

  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    const varint: number[] = [];
    let length = 0;
    for (let weight = 1;; weight *= 128) {
      const byte = (yield 1)[0]!;
      varint.push(byte);
      length += (byte % 128) * weight;
      if (byte < 128) break;
      if (varint.length === LONGEST_VARINT) throw malformed(varint, "has more than ten bytes");
    }
    if (length > Number.MAX_SAFE_INTEGER) {
      throw malformed(varint, `is more than ${Number.MAX_SAFE_INTEGER}`);
    }
    if (varint.length > 1 && varint.at(-1) === 0) {
      throw malformed(varint, "has a needless zero at its end");
    }
    return { length };
  }

  encode(payload: Uint8Array | string): Uint8Array {
    const bytes = toBytes("payload", payload);
    const varint: number[] = [];
    let rest = bytes.length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) varint.push(rest % 128 + 128);
    return concat(Uint8Array.of(...varint, rest), bytes);
  }
}

function malformed(varint: readonly number[], problem: string): MalformedFrameError {
  const hex = varint.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return new MalformedFrameError(
    `the length, the varint ${hex}, ${problem}`,
    Uint8Array.from(varint),
  );
}
