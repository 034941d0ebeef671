/** Counts frames, and gives them to the digest while there is one. */
import type { Framer } from "../../mod.ts";
import type { Tally } from "./contest.ts";
import { currentDigest, type Digest, type Measured } from "./digest.ts";

/** Counts frames as they come. */
export class Counter implements Tally {
  readonly #digest: Digest | undefined = currentDigest();
  frames = 0;
  length = 0;

  add(frame: Measured): void {
    this.frames++;
    this.length += frame.length;
    this.#digest?.add(frame);
  }
}

/** Counts what a loop over frames gives. */
export async function countEach(frames: AsyncIterable<Measured>): Promise<Tally> {
  const digest = currentDigest();
  let [count, length] = [0, 0];
  for await (const frame of frames) {
    count++;
    length += frame.length;
    digest?.add(frame);
  }
  return { frames: count, length };
}

/** Counts what a loop over batches of frames gives. */
export async function countBatches(batches: AsyncIterable<Iterable<Measured>>): Promise<Tally> {
  const digest = currentDigest();
  let [count, length] = [0, 0];
  for await (const batch of batches) {
    for (const frame of batch) {
      count++;
      length += frame.length;
      digest?.add(frame);
    }
  }
  return { frames: count, length };
}

/** Counts what a framer cuts, chunk by chunk. */
export function countFramed(
  framer: Framer<Uint8Array | string>,
  chunks: Iterable<Uint8Array>,
): Tally {
  const counter = new Counter();
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) counter.add(frame);
  }
  return counter;
}

/** Counts what a stream of Node's gives, `data` by `data`. */
export function countData(stream: NodeJS.ReadableStream): Promise<Tally> {
  return new Promise((resolve, reject) => {
    const counter = new Counter();
    stream.on("data", (frame) => counter.add(frame));
    stream.on("end", () => resolve(counter));
    stream.on("error", reject);
  });
}
