/** Libraries for frames with their length before them, as their documentation says to use them. */
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import { decode, type LengthDecoderFunction } from "it-length-prefixed";

/** (It has no types.) */
const lengthPrefixedStream: { decode(): Duplex } = createRequire(import.meta.url)(
  "length-prefixed-stream",
);

/** Of the package length-prefixed-stream, for frames with a varint before them. */
export function varintStream(): Duplex {
  return lengthPrefixedStream.decode();
}

/** Lists of chunks, that are a frame together. */
type Lists = AsyncIterable<{ readonly length: number; subarray(): Uint8Array }>;

const uint32: LengthDecoderFunction = Object.assign(
  (data: Parameters<LengthDecoderFunction>[0]): number => data.getUint32(0),
  { bytes: 4 },
);

/** Of the package it-length-prefixed: a varint is what it takes by default. */
export function itVarints(chunks: AsyncIterable<Uint8Array>): Lists {
  return decode(chunks);
}

/** The same, where the length is a uint32. */
export function itUint32s(chunks: AsyncIterable<Uint8Array>): Lists {
  return decode(chunks, { lengthDecoder: uint32 });
}
