// headed(): frames whose header tells, by a rule of its own, how long they are.

import { concat, copyOf, type Data, toBytes } from "../common/bytes.ts";
import {
  checkBoolean,
  checkFunction,
  checkInteger,
  checkOptions,
  describe,
  type OptionNames,
} from "../common/checks.ts";
import { FrameInjectionError, FramingError, MalformedFrameError } from "../errors.ts";
import type { Found } from "../framer/found.ts";
import { reject, type Rejected } from "../framer/frame_in_transit.ts";
import { type Codec, LONGEST_HEADER } from "../framer/framing.ts";
import { HeaderFraming } from "../framer/header_framing.ts";

/**
 * Frames with a header that tells, by a rule of your own, how many bytes follow it.
 *
 * Used by: MQTT (below), HTTP/2 (RFC 9113, section 4.1: 9 bytes, of which the first three are the length), WebSocket
 * (RFC 6455, section 5.2), TLS records (RFC 8446, section 5.1), and every header that `lengthPrefixed()` cannot express.
 *
 * A body length that is no whole number is a {@linkcode MalformedFrameError}; what `bodyLength` throws, the read
 * rejects with.
 *
 * @param n How many bytes the header has, 1 to 1,024; or a function that is given the header as far as it was read
 * (nothing at first), and returns how long it is as far as that tells: it is whole when that is its own length.
 * @param bodyLength Computes from the header how many bytes follow it.
 * @param options Whether to drop the header, and how to make one.
 * @returns The framing. It encodes a frame with its header by checking that this is the right one; a body, with `strip`,
 * by adding the header that `header` makes.
 * @throws {TypeError} If an option or an argument is of a wrong type.
 * @throws {RangeError} If `n` is a number that is not 1 to 1,024.
 *
 * @example MQTT's fixed header (MQTT 3.1.1, section 2.2): a byte, and the length in one to four bytes of 7 bits
 * ```ts
 * import { Framer, headed, MalformedFrameError } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const mqtt = headed(
 *   (header) => {
 *     if (header.length < 2) return 2;
 *     if (header.at(-1)! < 128) return header.length; // it is whole
 *     if (header.length < 5) return header.length + 1;
 *     throw new MalformedFrameError("the length has more than four bytes", { bytes: header });
 *   },
 *   (header) => header.subarray(1).reduce((sum, byte, i) => sum + (byte % 128) * 128 ** i, 0),
 * );
 * const framer = new Framer({ terminator: mqtt });
 * const pingreq = Uint8Array.of(0xc0, 0);
 * framer.push(pingreq);
 * assertEquals(framer.next(), pingreq);
 * ```
 */
export function headed(
  n: number | ((header: Uint8Array) => number),
  bodyLength: (header: Uint8Array) => number,
  options: {
    /** Whether the header is dropped, and the frame is the body alone. Default: `false`. */
    strip?: boolean | undefined;
    /** Makes the header of a body of so many bytes, to encode frames where `strip` drops it. */
    header?: ((bodyLength: number) => Uint8Array | string) | undefined;
  } = {},
): Codec {
  return new Headed(n, bodyLength, options);
}

type HeadedOptions = NonNullable<Parameters<typeof headed>[2]>;

const OPTIONS: OptionNames<HeadedOptions> = { strip: 1, header: 1 };

class Headed extends HeaderFraming {
  readonly #headerLength: (header: Uint8Array) => number;
  readonly #bodyLength: (header: Uint8Array) => number;
  readonly #strip: boolean;
  readonly #header: HeadedOptions["header"];

  constructor(
    n: number | ((header: Uint8Array) => number),
    bodyLength: (header: Uint8Array) => number,
    options: HeadedOptions,
  ) {
    super();
    const { strip = false, header } = checkOptions(options, OPTIONS);
    if (typeof n !== "function") checkInteger("n", n, 1, LONGEST_HEADER);
    checkFunction("bodyLength", bodyLength);
    if (header !== undefined) checkFunction("header", header);
    this.#headerLength = typeof n === "function" ? n : () => n;
    this.#bodyLength = bodyLength;
    this.#strip = checkBoolean("strip", strip);
    this.#header = header;
  }

  locate(bytes: Uint8Array, start: number, found: Found): Found | Rejected | number {
    let header = bytes.subarray(start, start);
    try {
      for (let missing; (missing = this.#missing(header)) > 0;) {
        const end = header.length + missing;
        if (start + end > bytes.length) return end;
        header = bytes.subarray(start, start + end);
      }
      const length = this.#bodyLength(header);
      const end = header.length + length;
      if (end === 0) {
        throw new FramingError("a frame must have a byte: its header and its body have none");
      }
      if (Number.isSafeInteger(end) && length >= 0) {
        return this.#strip ? found.at(header.length, length, 0) : found.at(0, end, 0);
      }
      throw new MalformedFrameError(
        `the header says that ${
          describe(length)
        } bytes follow it: expected a whole number of bytes`,
        { bytes: header },
      );
    } catch (error) {
      return reject(error, header.length);
    }
  }

  encode(payload: Data): Uint8Array {
    const bytes = toBytes("payload", payload);
    const frame = this.#strip ? concat(this.#makeHeader(bytes.length), bytes) : copyOf(bytes);
    const header = this.#headerOf(frame);
    const length = header.length + this.#bodyLength(header);
    if (length !== frame.length) {
      throw new FrameInjectionError(
        `the frame has ${frame.length} bytes, and its header says ${describe(length)}`,
      );
    }
    const made = frame.length - bytes.length;
    if (!this.#strip || header.length === made) return frame;
    throw new FrameInjectionError(
      `the option header made ${made} bytes, of which the header is read as ${header.length}`,
    );
  }

  /** What of the frame is its header. */
  #headerOf(frame: Uint8Array): Uint8Array {
    let header = frame.subarray(0, 0);
    for (let missing; (missing = this.#missing(header)) > 0;) {
      if (header.length + missing > frame.length) {
        throw new FrameInjectionError(
          `a frame must have a header of ${
            header.length + missing
          } bytes or more, not ${frame.length} bytes in all`,
        );
      }
      header = frame.subarray(0, header.length + missing);
    }
    return header;
  }

  /** How many bytes more of the header are to be read. */
  #missing(header: Uint8Array): number {
    const length = this.#headerLength(header);
    if (length > LONGEST_HEADER) {
      throw new MalformedFrameError(`the header has more than ${LONGEST_HEADER} bytes`, {
        bytes: header,
      });
    }
    if (Number.isInteger(length) && length >= header.length) return length - header.length;
    throw new FramingError(
      `the length of the header must be a whole number, at least the ${header.length} bytes read, not ${
        describe(length)
      }`,
    );
  }

  #makeHeader(bodyLength: number): Uint8Array {
    if (this.#header !== undefined) return toBytes("header", this.#header(bodyLength));
    throw new TypeError("a framing that drops the header needs the option header to encode");
  }
}
