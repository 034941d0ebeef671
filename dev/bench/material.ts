/** What the workloads in memory are made of: the same bytes in every run, in chunks of 64 KiB. */
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";

const CHUNK = 64 * 1024;
/** The most that a header and an end add to a frame. */
const LONGEST_FRAMING = 32;

export type Chunks = readonly Uint8Array[];

/**
 * So many frames of `least` to `most` bytes, each framed by `write`: it gets the stream, where the frame begins in it, and how long
 * it is, and returns where the body is to lie, and where the frame ends.
 */
export function makeChunks(
  count: number,
  [least, most]: readonly [number, number],
  write: (stream: Uint8Array, at: number, length: number) => number,
): Chunks {
  let seed = 1;
  const lengths = Array.from({ length: count }, () => {
    // A linear congruential generator, modulus 2^31.
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return least + seed % (most - least + 1);
  });
  const total = lengths.reduce((sum, length) => sum + length + LONGEST_FRAMING, 0);
  const stream = new Uint8Array(total);
  for (let i = 0; i < total; i++) stream[i] = 97 + i % 26;
  let end = 0;
  for (const length of lengths) end = write(stream, end, length);
  return cut(stream.subarray(0, end));
}

/** Each chunk is an array of its own, as those are that a socket gives. */
export function cut(stream: Uint8Array): Chunks {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += CHUNK) chunks.push(stream.slice(at, at + CHUNK));
  return chunks;
}

/** The chunks as a stream of Node's: `Buffer`s of the same memory. */
export function readable(chunks: Chunks): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
    { objectMode: false },
  );
}
