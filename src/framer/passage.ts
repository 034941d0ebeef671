// A frame on its way through: piece by piece to the reader, or dropped.

import { areEqual, describeBytes } from "../common/bytes.ts";
import { MalformedFrameError } from "../errors.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";
import type { DelimitedFraming } from "./delimited_framing.ts";

/** Where a frame lies at the beginning of the buffer. */
export interface Bounds {
  /** How many bytes come before it. */
  readonly skip: number;
  /** How long it is. */
  readonly length: number;
  /** How many bytes follow it before the next frame begins. */
  readonly after: number;
  /** What these must be. */
  readonly trailer?: Uint8Array | undefined;
}

/**
 * ```text
 *   [ skip: dropped ][ left: the pieces ][ after: dropped, and checked if it must be something ]
 *                              └ grows while a delimiter is sought: it is not known yet where the frame ends
 * ```
 */
export class Passage {
  #delimited: DelimitedFraming | undefined;
  #skip: number;
  #left: number;
  #after: number;
  readonly #trailer: Uint8Array | undefined;
  /** A frame that is here already. */
  #whole: Uint8Array | undefined;

  constructor({ skip, length, after, trailer }: Bounds, delimited?: DelimitedFraming) {
    this.#skip = skip;
    this.#left = length;
    this.#after = after;
    this.#trailer = trailer;
    this.#delimited = delimited;
  }

  /** All that comes, to the end of the stream. */
  static ofAll(): Passage {
    return new Passage({ skip: 0, length: Infinity, after: 0 });
  }

  /** So many bytes to drop. */
  static past(count: number): Passage {
    return new Passage({ skip: count, length: 0, after: 0 });
  }

  /** A frame that ends at a delimiter, after `skip` bytes that are none of it. */
  static upTo(delimited: DelimitedFraming, skip: number = 0): Passage {
    return new Passage({ skip, length: 0, after: 0 }, delimited);
  }

  /** A frame that is here already, and no part of the buffer any more. */
  static of(frame: Uint8Array): Passage {
    const passage = Passage.past(0);
    if (frame.length > 0) passage.#whole = frame;
    return passage;
  }

  /** Whether it has no end but that of the stream: nothing of it is to be dropped when it is left. */
  get isEndless(): boolean {
    return this.#left === Infinity;
  }

  /**
   * The next piece; `null` when there is none left; `undefined` when more bytes are needed.
   * @throws {MalformedFrameError} If what follows the frame is not what it must be.
   */
  next(buffer: ReceiveBuffer, final: boolean): Uint8Array | null | undefined {
    if (this.#whole !== undefined) {
      const whole = this.#whole;
      this.#whole = undefined;
      return whole;
    }
    this.#skip -= dropUpTo(this.#skip, buffer);
    if (this.#skip > 0) return undefined;
    if (this.#delimited !== undefined) this.#search(this.#delimited, buffer, final);
    if (this.#left > 0) {
      if (buffer.length === 0) return final && this.isEndless ? null : undefined;
      const piece = buffer.takeContiguous(this.#left);
      this.#left -= piece.length;
      return piece;
    }
    if (this.#delimited !== undefined) return undefined;
    if (this.#trailer === undefined) this.#after -= dropUpTo(this.#after, buffer);
    else if (buffer.length >= this.#after) {
      checkTrailer(buffer.take(this.#after), this.#trailer);
      this.#after = 0;
    }
    return this.#after > 0 ? undefined : null;
  }

  #search(delimited: DelimitedFraming, buffer: ReceiveBuffer, final: boolean): void {
    const length = buffer.find(delimited.delimiters, final);
    if (length < 0) this.#left = buffer.undelimited;
    else {
      this.#left = delimited.keep ? length + buffer.delimiterLength : length;
      this.#after = delimited.keep ? 0 : buffer.delimiterLength;
      this.#delimited = undefined;
    }
  }
}

/** Drops as many bytes as are here, up to `most`, and returns how many. */
function dropUpTo(most: number, buffer: ReceiveBuffer): number {
  const count = Math.min(most, buffer.length);
  if (count > 0) buffer.skip(count);
  return count;
}

/** @throws {MalformedFrameError} If the bytes that follow a frame are not what they must be. */
export function checkTrailer(found: Uint8Array, expected: Uint8Array | undefined): void {
  if (expected === undefined || areEqual(found, expected)) return;
  throw new MalformedFrameError(
    `the frame must be followed by ${describeBytes(expected)}, not ${describeBytes(found)}`,
    found,
  );
}
