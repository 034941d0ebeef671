// Where a frame lies, or what a framing made of it.

import type { FrameLayout } from "./framing.ts";

/** A message that a framing made: a value of the program's, which may be anything. */
export class Message {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** What a framing made of what it read, when that was no frame. */
export const NOTHING: unique symbol = Symbol("no frame");

/**
 * Where a frame lies, counted from the first byte held: [ skip ][ length: the frame ][ after ].
 *
 * A framer has one for the headers it looks at, and one for what `decode()` returns, and fills it in again for each frame:
 * to make one for each takes 10 ns on Node and 15 on Bun.
 */
export class Found {
  readonly kind = "found";
  skip = 0;
  length = 0;
  after = 0;
  /** How much of it counts towards `maxFrameLength`. */
  counted = 0;
  /** What comes after it must be this. */
  trailer: Uint8Array | undefined = undefined;
  check: FrameLayout["check"] = undefined;
  /** What the framing made: then the frame itself is not handed out. */
  made: Uint8Array | Message | typeof NOTHING | undefined = undefined;
  /** Makes the message of the frame. */
  toMessage: ((frame: Uint8Array) => unknown) | undefined = undefined;
  /** What is dropped if it comes next: the frame ended at the beginning of a longer delimiter. */
  rests: readonly Uint8Array[] | undefined = undefined;

  /** Forgets all but where it lies. */
  reset(): this {
    this.trailer =
      this.check =
      this.made =
      this.toMessage =
      this.rests =
        undefined;
    return this;
  }

  /** Says where it lies, and returns itself. */
  at(skip: number, length: number, after: number, counted: number = length): this {
    this.skip = skip;
    this.length = length;
    this.after = after;
    this.counted = counted;
    return this;
  }

  /** Whether nothing has to be done but to take it. */
  get isPlain(): boolean {
    return this.trailer === undefined && this.check === undefined &&
      this.toMessage === undefined && this.rests === undefined;
  }

  /** Where the next frame begins. */
  get end(): number {
    return this.skip + this.length + this.after;
  }
}
