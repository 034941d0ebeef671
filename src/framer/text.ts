// From the bytes of frames to text.

import { checkBoolean, describe } from "../common/checks.ts";
import { decodeLatin1, type Encoding } from "../common/latin1.ts";
import { MalformedFrameError, withHint } from "../errors.ts";

interface TextOptions {
  readonly encoding?: Encoding | undefined;
  readonly fatal?: boolean | undefined;
}

/**
 * Checks an encoding, and `fatal`.
 * @throws {TypeError} If one is of a wrong type.
 * @throws {RangeError} If there is no such encoding.
 */
export function checkText({ encoding, fatal = false }: TextOptions): void {
  checkBoolean("fatal", fatal);
  if (encoding === undefined || encoding === "utf-8" || encoding === "latin1") return;
  const ErrorClass = typeof encoding === "string" ? RangeError : TypeError;
  throw new ErrorClass(
    `encoding must be "utf-8" or "latin1", not ${
      describe(encoding)
    }: frames in another charset are a codec() with a TextDecoder`,
  );
}

const BYTE_ORDER_MARK = "\ufeff";

/** Decodes frames, each by itself. */
export class FrameText {
  readonly encoding: Encoding;
  readonly #decoder: InstanceType<typeof TextDecoder>;

  constructor({ encoding = "utf-8", fatal = false }: TextOptions) {
    this.encoding = encoding;
    this.#decoder = fatal ? new TextDecoder("utf-8", { fatal, ignoreBOM: true }) : LENIENT;
  }

  /**
   * @param isFirst Whether the stream begins with these bytes: then a byte order mark is dropped.
   * @throws {MalformedFrameError} If the bytes are not text, and `fatal` is set.
   */
  decode(bytes: Uint8Array, isFirst: boolean): string {
    if (this.encoding === "latin1") return decodeLatin1(bytes);
    try {
      const text = this.#decoder.decode(bytes);
      return isFirst && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    } catch {
      const error = new MalformedFrameError("the frame is not UTF-8 throughout", { bytes });
      throw withHint(error, "without fatal, each wrong byte becomes U+FFFD");
    }
  }

  /** Decodes frames together, with their delimiters; `undefined` where each must be decoded by itself. */
  decodeTogether(bytes: Uint8Array): string | undefined {
    if (this.encoding === "latin1") return decodeLatin1(bytes);
    // Deno decodes four times as fast without `fatal` (22 MB in 2.7 ms, and in 9.9 with it).
    const text = LENIENT.decode(bytes);
    return this.#decoder !== LENIENT && text.includes("\ufffd") ? undefined : text;
  }

  /** How many bytes at the end begin a character whose rest has not arrived. */
  unfinished(bytes: Uint8Array): number {
    if (this.encoding === "latin1") return 0;
    for (let count = 1; count <= Math.min(3, bytes.length); count++) {
      const first = bytes[bytes.length - count]!;
      if (first < 0x80) return 0;
      if (first >= 0xc0) return mayContinue(bytes.subarray(bytes.length - count)) ? count : 0;
    }
    return 0;
  }
}

/** Without `fatal` a decoder has no state, so one serves all. */
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Whether bytes that begin with a lead byte are the beginning of a longer character (Unicode, table 3-7). */
function mayContinue(bytes: Uint8Array): boolean {
  const [lead, second] = bytes;
  const length = lead! >= 0xf0 ? 4 : lead! >= 0xe0 ? 3 : 2;
  if (lead! < 0xc2 || lead! > 0xf4 || bytes.length >= length) return false;
  if (second === undefined) return true;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= lowest && second <= highest;
}
