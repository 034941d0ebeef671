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

/** Where a frame lies, counted from the first byte held: [ skip ][ length: the frame ][ after ]. */
export class Found {
  readonly kind = "found";
  readonly skip: number;
  readonly length: number;
  readonly after: number;
  /** How much of it counts towards `maxFrameLength`. */
  readonly counted: number;
  /** What comes after it must be this. */
  readonly trailer: Uint8Array | undefined;
  readonly check: FrameLayout["check"];
  /** What the framing made: then the frame itself is not handed out. */
  readonly made: Uint8Array | Message | typeof NOTHING | undefined;
  /** Makes the message of the frame. */
  readonly toMessage: ((frame: Uint8Array) => unknown) | undefined;
  /** What is dropped if it comes next: the frame ended at the beginning of a longer delimiter. */
  readonly rests: readonly Uint8Array[] | undefined;

  constructor(
    skip: number,
    length: number,
    after: number,
    counted: number,
    trailer?: Uint8Array,
    check?: FrameLayout["check"],
    made?: Found["made"],
    toMessage?: Found["toMessage"],
    rests?: readonly Uint8Array[],
  ) {
    this.skip = skip;
    this.length = length;
    this.after = after;
    this.counted = counted;
    this.trailer = trailer;
    this.check = check;
    this.made = made;
    this.toMessage = toMessage;
    this.rests = rests;
  }

  /** Where the next frame begins. */
  get end(): number {
    return this.skip + this.length + this.after;
  }
}
