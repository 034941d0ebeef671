/** What the workloads in memory are made of: the same frames in every run. */
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import type { Tally } from "./contest.ts";

const CHUNK = 64 * 1024;
/** The most that `write` adds to a frame. */
const LONGEST_MARK = 32;

/** Numbers from 0 to 1, the same ones in every run (a linear congruential generator, modulus 2^31). */
function* numbers(): Generator<number, never> {
  for (let seed = 1;;) {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    yield seed / 0x80000000;
  }
}

/** Frames: how many there are, and how long each is, from `least` to `most` bytes. */
export interface Sizes {
  readonly count: number;
  readonly least: number;
  readonly most: number;
}

export interface Material {
  readonly chunks: readonly Uint8Array[];
  readonly tally: Tally;
}

/** A stream of frames in chunks of 64 KiB, each framed by `write`, which returns where it ends. */
export function makeMaterial(
  { count, least, most }: Sizes,
  write: (stream: Uint8Array, at: number, length: number) => number,
): Material {
  const random = numbers();
  const lengths = Array.from(
    { length: count },
    () => least + Math.floor(random.next().value * (most - least + 1)),
  );
  const length = lengths.reduce((sum, length) => sum + length, 0);
  const stream = new Uint8Array(length + LONGEST_MARK * count);
  for (let i = 0; i < stream.length; i++) stream[i] = 97 + i % 26;
  let end = 0;
  for (const length of lengths) end = write(stream, end, length);
  // Each chunk is an array of its own, as those are that a socket gives.
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < end; at += CHUNK) chunks.push(stream.slice(at, Math.min(at + CHUNK, end)));
  return { chunks, tally: { frames: count, length } };
}

/** The chunks as a stream of Node's: `Buffer`s, of the same memory. */
export function buffers(chunks: readonly Uint8Array[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
    { objectMode: false },
  );
}
