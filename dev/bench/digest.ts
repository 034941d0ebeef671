/** What frames are, all of them, as one number: so that contestants are seen to give the same ones, and not merely as many. */

/** A frame as a peer gives it: text, bytes, or a list of bytes that can be asked for all of them. */
export type Measured = string | Uint8Array | {
  readonly length: number;
  subarray(): Uint8Array;
};

/** The hash of Fowler, Noll and Vo, of 32 bits, over each frame and its length. */
const [BASIS, PRIME] = [0x811c9dc5, 0x01000193];

export class Digest {
  frames = 0;
  #hash = BASIS;

  add(frame: Measured): void {
    this.frames++;
    let hash = this.#hash ^ frame.length;
    if (typeof frame === "string") {
      for (let i = 0; i < frame.length; i++) hash = Math.imul(hash ^ frame.charCodeAt(i), PRIME);
    } else {
      const bytes = frame instanceof Uint8Array ? frame : frame.subarray();
      for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
    }
    this.#hash = Math.imul(hash, PRIME);
  }

  get value(): number {
    return this.#hash >>> 0;
  }
}

let current: Digest | undefined;

/** Whatever counts frames gives them to it as well, while there is one. */
export function currentDigest(): Digest | undefined {
  return current;
}

/** Runs what counts frames; returns their digest, which has none where they were counted otherwise. */
export async function digestOf(run: () => unknown): Promise<Digest> {
  const digest = current = new Digest();
  try {
    await run();
  } finally {
    current = undefined;
  }
  return digest;
}
