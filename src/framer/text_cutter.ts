// The short way that most frames of text take: out of one chunk, of which much is decoded at once.

import { indexOfByte } from "../common/bytes.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";
import type { DelimitedFraming } from "./delimited_framing.ts";
import type { FrameText } from "./frame_text.ts";

/** How many bytes are decoded together. What is decoded, and then read otherwise, was decoded for nothing. */
const WINDOW = 16 * 1024;

/**
 * Frames of text that follow each other in a chunk are decoded together, and each is a slice of that.
 *
 * ```text
 *   chunk   [ one\n two\n thrée\n fo ]
 *   window        "two\n thrée\n"           from the second frame on: the first one may be the only one
 *                       ^at                 and ^next in the chunk, where the bytes lie that come from there on
 * ```
 *
 * A delimiter that ends with an ASCII character ends in the text where it ends in the bytes, also where these are no
 * text: in UTF-8 no such byte is part of another character.
 *
 * A million lines of 32 to 95 bytes took 102 ms instead of 331 on Node, 75 instead of 317 on Deno, and 83 instead of
 * 194 on Bun (`Framer`, fastest of 10 rounds).
 */
export class TextCutter {
  readonly #text: FrameText;
  /** What the frame before was cut from, if more of it is left. */
  #chunk: Uint8Array | undefined;
  /** Where in the chunk that frame ended. */
  #next = 0;
  /** What is decoded of the chunk; empty if nothing is. */
  #window = "";
  #at = 0;
  /** Whether each character of the window is one byte. */
  #isPlain = false;
  /** Up to where the chunk is no text as a whole. */
  #unfit = 0;

  /** @param text Decodes the frames. */
  constructor(text: FrameText) {
    this.#text = text;
  }

  /** @returns The frame; `undefined` if it has to be cut as bytes, and {@linkcode TextCutter.follow} called behind it. */
  cut(
    buffer: ReceiveBuffer,
    { delimiters, keep }: DelimitedFraming,
    limit: number,
  ): string | undefined {
    const chunk = buffer.fresh;
    const start = buffer.freshStart;
    if (chunk === undefined || chunk !== this.#chunk || start !== this.#next) return undefined;
    const { last, lastCharacter } = delimiters;
    if (lastCharacter === "" || (this.#window === "" && !this.#open(chunk, last))) return undefined;
    const from = this.#at;
    for (
      let end = this.#window.indexOf(lastCharacter, from), next = start;
      end >= 0;
      end = this.#window.indexOf(lastCharacter, end + 1)
    ) {
      const byte = this.#isPlain ? start + end - from : indexOfByte(chunk, last, next);
      next = byte + 1;
      const length = delimiters.lengthBefore(chunk, start, byte);
      if (length === 0) continue;
      if (next - length - start > limit) return undefined;
      const frame = this.#window.slice(from, keep ? end + 1 : end + 1 - length);
      buffer.skipFresh(next - start);
      this.#at = end + 1;
      this.#next = next;
      if (this.#at === this.#window.length) this.#window = "";
      if (next === chunk.length) this.#chunk = undefined;
      return frame;
    }
    return undefined;
  }

  /** Is told that a frame was cut as bytes: others may follow it. */
  follow(buffer: ReceiveBuffer): void {
    const { fresh } = buffer;
    if (fresh !== this.#chunk) this.#unfit = 0;
    this.#chunk = fresh;
    this.#next = buffer.freshStart;
    this.#window = "";
  }

  /** Decodes what comes next, up to the end of a delimiter: so no character is cut in two. Returns whether that can be done. */
  #open(chunk: Uint8Array, last: number): boolean {
    if (this.#next < this.#unfit) return false;
    const end = 1 + chunk.lastIndexOf(last, this.#next + WINDOW - 1);
    if (end <= this.#next) return false;
    const window = this.#text.decodeTogether(chunk.subarray(this.#next, end));
    this.#unfit = window === undefined ? end : 0;
    this.#window = window ?? "";
    this.#at = 0;
    this.#isPlain = this.#window.length === end - this.#next;
    return window !== undefined;
  }
}
