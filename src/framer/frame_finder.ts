// Where the next frame lies in the buffer.

import { FrameTooLongError } from "../errors.ts";
import type { Framing } from "../framing.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";
import { Decoding, type Found, reachOf, Refusal } from "./decoding.ts";
import { DelimitedFraming } from "./delimited_framing.ts";
import { Passage } from "./passage.ts";

/**
 * Finds the frame at the beginning of the buffer, and goes on where it stopped when more has arrived. Nothing is taken:
 * until it is, another framing may look for another frame there.
 */
export class FrameFinder {
  readonly #buffer: ReceiveBuffer;
  #framing: Framing | undefined;
  #decoding: Decoding | undefined;
  #found: Found | Refusal | undefined;

  constructor(buffer: ReceiveBuffer) {
    this.#buffer = buffer;
  }

  /** Whether nothing is known yet of the frame. */
  get isIdle(): boolean {
    return this.#found === undefined && this.#decoding === undefined;
  }

  /**
   * Finds the frame.
   * @param framing What it ends by.
   * @param limit The `maxFrameLength`; it bounds what a framing may read, but not yet the frame.
   * @param final Whether no more bytes are to come.
   * @returns Where it lies, also if it is not here as a whole; `undefined` if more bytes are needed to know that.
   */
  find(framing: Framing, limit: number, final: boolean): Found | Refusal | undefined {
    if (framing !== this.#framing) this.forget();
    this.#framing = framing;
    if (this.#buffer.length === 0) return undefined;
    return this.#found ??= framing instanceof DelimitedFraming
      ? this.#search(framing, final)
      : (this.#decoding ??= new Decoding(framing)).run(this.#buffer, limit, final);
  }

  /** Finds the frame, if it is not longer than the limit, or known to become so. */
  findWithin(framing: Framing, limit: number, final: boolean): Found | Refusal | undefined {
    const found = this.find(framing, limit, final);
    if (found instanceof Refusal) return found;
    if (found === undefined) {
      const { undelimited } = this.#buffer;
      if (!(framing instanceof DelimitedFraming) || undelimited <= limit) return undefined;
      return new Refusal(new FrameTooLongError(limit, undelimited), Passage.upTo(framing));
    }
    const { skip, length, after, counted, made } = found;
    // What surrounds the frame is held, too, until all is here.
    const isHeld = made !== undefined || skip + after <= reachOf(limit);
    if (counted <= limit && isHeld) return found;
    const error = new FrameTooLongError(limit, counted > limit ? counted : skip + after);
    return new Refusal(error, Passage.past(skip + length + after));
  }

  /** Gives up what is known of the frame, but not how far a delimiter was sought. */
  forget(): void {
    if (this.isIdle) return;
    this.#decoding?.abandon();
    this.#buffer.rewind();
    this.reset();
  }

  /** Is told that the limit was changed: what was refused may be looked at anew. */
  reconsider(): void {
    if (this.#found instanceof Refusal) this.forget();
  }

  /** Is told that the frame that was found is being taken. */
  reset(): void {
    this.#decoding = undefined;
    this.#found = undefined;
  }

  #search({ delimiters, keep }: DelimitedFraming, final: boolean): Found | undefined {
    const length = this.#buffer.find(delimiters, final);
    if (length < 0) return undefined;
    const { delimiterLength: found } = this.#buffer;
    return keep
      ? { skip: 0, length: length + found, after: 0, counted: length }
      : { skip: 0, length, after: found, counted: length };
  }
}
