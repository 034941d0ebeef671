// A frame that passes without being held: piece by piece to the reader, or dropped.

import { areEqual, describeBytes } from "../common/bytes.ts";
import { describe } from "../common/checks.ts";
import { FramingError, MalformedFrameError } from "../errors.ts";
import type { DelimitedFraming } from "./delimited.ts";
import type { Found } from "./found.ts";
import type { Window } from "./window.ts";

/**
 * ```text
 *   [ skip: dropped ][ left: the pieces ][ after: dropped, and checked if it must be something ]
 *                              └ grows while a delimiter is sought: where the frame ends is not known yet
 * ```
 */
export class FrameInTransit {
  readonly kind = "in transit";
  /** Whether its pieces are handed out, and not dropped. */
  isHandedOut = false;
  /** How many bytes of it were handed out. */
  handedOut = 0;

  #skip: number;
  #left: number;
  #after = 0;
  #trailer: Uint8Array | undefined;
  #until: DelimitedFraming | undefined;
  #isUntilKept = false;
  #rests: readonly Uint8Array[] | undefined;
  /** A frame that is here as a whole. */
  #whole: Uint8Array | undefined;

  /**
   * @param skip How many bytes are dropped.
   * @param left How many pass after them: `Infinity` for what has no end, or ends with the stream.
   */
  constructor(skip: number, left: number = 0) {
    this.#skip = skip;
    this.#left = left;
  }

  /** A frame that a delimiter ends. */
  static until(delimiter: DelimitedFraming, skip: number = 0): FrameInTransit {
    const transit = new FrameInTransit(skip);
    transit.#until = delimiter;
    return transit;
  }

  /** What comes before a delimiter, which may begin a frame, and stays. */
  static upTo(delimiter: DelimitedFraming): FrameInTransit {
    const transit = FrameInTransit.until(delimiter);
    transit.#isUntilKept = true;
    return transit;
  }

  /** A frame whose place is known. */
  static of(found: Found): FrameInTransit {
    const transit = new FrameInTransit(found.skip, found.length);
    transit.#after = found.after;
    transit.#trailer = found.trailer;
    transit.#rests = found.rests;
    return transit;
  }

  /** A frame that was taken already: it passes in one piece. */
  static whole(frame: Uint8Array): FrameInTransit {
    const transit = new FrameInTransit(0);
    if (frame.length > 0) transit.#whole = frame;
    return transit;
  }

  /** How many bytes are dropped before its pieces. */
  get skipped(): number {
    return this.#skip;
  }

  /** Whether it ends only with the stream. */
  get isEndless(): boolean {
    return this.#left === Infinity;
  }

  /** Whether a delimiter ends it, which was not found yet. */
  get isSought(): boolean {
    return this.#until !== undefined;
  }

  /** How long the delimiter is that stayed. */
  get kept(): number {
    return this.#isUntilKept ? this.#after : 0;
  }

  /**
   * The next piece; `null` when there is none left; `undefined` when more bytes are needed.
   * @throws {MalformedFrameError} If it is not followed by what must follow it.
   */
  next(window: Window, isFinal: boolean): Uint8Array | null | undefined {
    if (this.#whole !== undefined) {
      const whole = this.#whole;
      this.#whole = undefined;
      return whole;
    }
    this.#skip -= dropUpTo(this.#skip, window);
    if (this.#skip > 0) return undefined;
    if (this.#until !== undefined) this.#seekEnd(this.#until, window, isFinal);
    if (this.#left > 0) {
      if (window.length === 0) return isFinal && this.isEndless ? null : undefined;
      const piece = window.take(Math.min(this.#left, window.bytes.length - window.start));
      this.#left -= piece.length;
      return piece;
    }
    if (this.#until !== undefined) return undefined;
    return this.#pass(window) ? null : undefined;
  }

  #seekEnd(until: DelimitedFraming, window: Window, isFinal: boolean): void {
    const length = until.search(window, 0, isFinal);
    const { found, rests } = until;
    if (length >= 0) {
      this.#left = until.keep ? length + found : length;
      this.#after = until.keep ? 0 : found;
      this.#rests = this.#isUntilKept ? undefined : rests;
      this.#until = undefined;
    } else if (isFinal && until.orEnd) {
      this.#left = window.length;
      this.#until = undefined;
    } else this.#left = until.before(window, 0);
  }

  /** Drops what follows the frame. Returns whether all of it was here. */
  #pass(window: Window): boolean {
    if (this.#isUntilKept) return true;
    if (this.#trailer !== undefined) {
      if (!window.reach(this.#after)) return false;
      const after = window.take(this.#after);
      this.#after = 0;
      checkTrailer(after, this.#trailer);
    }
    this.#after -= dropUpTo(this.#after, window);
    if (this.#after > 0) return false;
    if (this.#rests !== undefined) window.expectRest(this.#rests);
    return true;
  }
}

function dropUpTo(most: number, window: Window): number {
  const count = Math.min(most, window.length);
  if (count > 0) window.skip(count);
  return count;
}

/** @throws {MalformedFrameError} If the bytes that follow a frame are not what they must be. */
export function checkTrailer(found: Uint8Array, expected: Uint8Array | undefined): void {
  if (expected === undefined || areEqual(found, expected)) return;
  throw new MalformedFrameError(
    `the frame must be followed by ${describeBytes(expected)}, not ${describeBytes(found)}`,
    { bytes: found },
  );
}

/** A frame that cannot be had: what the reader is told, and what is dropped. */
export class Rejected {
  readonly kind = "rejected";
  readonly error: unknown;
  readonly drop: FrameInTransit;

  constructor(error: unknown, drop: FrameInTransit) {
    this.error = error;
    this.drop = drop;
  }
}

/**
 * What is dropped when a framing throws: as many bytes as it says, or all that it read.
 * @param read How many bytes were read for the frame.
 */
export function reject(error: unknown, read: number): Rejected {
  const skip = error instanceof MalformedFrameError ? error.skip : undefined;
  if (skip === undefined) return new Rejected(error, new FrameInTransit(read));
  if (Number.isSafeInteger(skip) && skip > 0 && skip <= read) {
    return new Rejected(error, new FrameInTransit(skip));
  }
  const wrong = new FramingError(
    `the skip of a MalformedFrameError must be 1 to the ${read} bytes that were read, not ${
      describe(skip)
    }`,
  );
  return new Rejected(wrong, new FrameInTransit(read));
}
