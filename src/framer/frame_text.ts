// From the bytes of frames to text.

import { checkBoolean, describe, typeName } from "../common/checks.ts";
import { MalformedFrameError } from "../errors.ts";
import { decodeWindows1252 } from "./windows_1252.ts";

/** How frames become text. */
export interface TextOptions {
  /**
   * The encoding of the frames, by any label that `TextDecoder` knows (WHATWG Encoding, section 4.2), such as
   * `"utf-8"`. Frames are handed out as text then, each decoded by itself; with the terminator `null` they end between
   * two characters. A byte order mark is handed out like any other character. (With `null` no encoding that shifts,
   * such as `"iso-2022-jp"`: what it shifts to does not carry over.) Terminators are not concerned: a string is sought
   * as UTF-8.
   */
  encoding?: string | undefined;
  /** Whether bytes that are no text are an error, and not replaced by U+FFFD. Default: `false`. */
  fatal?: boolean | undefined;
}

/** A character has at most four bytes in any encoding, so at most three wait for the rest. */
const LONGEST_CHARACTER = 4;

/** Decodes frames, each by itself. A byte order mark is a character like any other. */
export class FrameText {
  readonly #decoder: InstanceType<typeof TextDecoder>;
  readonly #encoding: string;

  /**
   * @throws {TypeError} If an option is of a wrong type.
   * @throws {RangeError} If the runtime does not know the encoding.
   */
  constructor({ encoding = "utf-8", fatal = false }: TextOptions) {
    if (typeof encoding !== "string") {
      throw new TypeError(`encoding must be a string such as "utf-8", not ${typeName(encoding)}`);
    }
    checkBoolean("fatal", fatal);
    try {
      this.#decoder = new TextDecoder(encoding, { fatal, ignoreBOM: true });
    } catch (cause) {
      throw new RangeError(
        `encoding must be a label that TextDecoder knows, such as "utf-8", not ${
          describe(encoding)
        }`,
        { cause },
      );
    }
    this.#encoding = encoding;
  }

  /** @throws {MalformedFrameError} If the bytes are no text, and `fatal` is set. */
  decode(bytes: Uint8Array): string {
    if (this.#decoder.encoding === "windows-1252") return decodeWindows1252(bytes);
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw new MalformedFrameError(
        `the frame is not ${this.#encoding} throughout: without fatal, what is not would be U+FFFD`,
        bytes,
      );
    }
  }

  /**
   * Decodes frames together, with their delimiters, which are ASCII. `undefined` where each must be decoded by itself:
   * in encodings in which such a byte may be part of another character, and, with `fatal`, where bytes are no text.
   */
  decodeTogether(bytes: Uint8Array): string | undefined {
    const { encoding } = this.#decoder;
    if (encoding === "windows-1252") return decodeWindows1252(bytes);
    if (encoding !== "utf-8") return undefined;
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return undefined;
    }
  }

  /** How many bytes at the end begin a character whose rest has not arrived. */
  unfinished(bytes: Uint8Array): number {
    const { encoding } = this.#decoder;
    if (encoding === "windows-1252") return 0;
    if (encoding.startsWith("utf-16")) return unfinishedUtf16(bytes, encoding === "utf-16le");
    const decoder = this.#lenient();
    const text = decoder.decode(bytes, { stream: true });
    if (decoder.decode() === "") return 0;
    for (let count = 1; count < LONGEST_CHARACTER; count++) {
      const whole = bytes.subarray(0, Math.max(0, bytes.length - count));
      if (this.#lenient().decode(whole) === text) return count;
    }
    return 0;
  }

  #lenient(): InstanceType<typeof TextDecoder> {
    return new TextDecoder(this.#encoding, { ignoreBOM: true });
  }
}

/** A unit has two bytes, and a high surrogate (0xD800 to 0xDBFF) begins a pair. */
function unfinishedUtf16(bytes: Uint8Array, littleEndian: boolean): number {
  const odd = bytes.length % 2;
  const end = bytes.length - odd;
  const high = bytes[littleEndian ? end - 1 : end - 2];
  return high !== undefined && high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
}
