// lengthPrefixed(): frames with their length before them, as a number of fixed size.

import { areEqual, type Data, describeBytes, toBytes } from "../common/bytes.ts";
import {
  checkBoolean,
  checkInteger,
  checkOptions,
  describe,
  type OptionNames,
} from "../common/checks.ts";
import { FrameInjectionError, MalformedFrameError, withHint } from "../errors.ts";
import type { Found } from "../framer/found.ts";
import { reject, type Rejected } from "../framer/frame_in_transit.ts";
import { type Codec, LONGEST_HEADER } from "../framer/framing.ts";
import { HeaderFraming } from "../framer/header_framing.ts";

/**
 * Frames that say how long they are: a header with a length in it, and as many bytes.
 *
 * ```text
 *   ┌─ offset ─┬─ bytes ─┬─ length + adjust ──────────┐
 *   │          │ length  │                            │
 *   └──────────┴─────────┴────────────────────────────┘
 *   ├─ strip: dropped ───┼─ the frame ────────────────┤
 * ```
 *
 * | protocol | options |
 * | --- | --- |
 * | DNS over TCP (RFC 1035, section 4.2.2) | `{ bytes: 2 }` |
 * | Kafka: int32 size, request | `{ bytes: 4, signed: true }` |
 * | PostgreSQL: type, int32 length that counts itself, message | `{ bytes: 4, signed: true, offset: 1, adjust: -4, strip: 0 }` |
 * | AMQP 0-9-1: type, channel, uint32 size, payload, 0xCE | `{ bytes: 4, offset: 3, adjust: 1, strip: 0 }` |
 * | MySQL: 3-byte length, sequence number, payload | `{ bytes: 3, littleEndian: true, adjust: 1 }` |
 * | Chrome's native messaging | `{ bytes: 4, littleEndian: true }` |
 *
 * A length that makes no frame (negative, above `Number.MAX_SAFE_INTEGER`, or so small that the frame would end before its
 * header) is a {@linkcode MalformedFrameError}, and one that makes a frame longer than `maxFrameLength` a
 * {@linkcode FrameTooLongError}, before any of the body is waited for.
 *
 * @param options Where the length is, and what it counts.
 * @returns The framing. It encodes a frame by writing its length. Other bytes of the header that `strip` drops are
 * sent as zeros; a length that `strip` keeps is checked.
 * @throws {TypeError} If an option is of a wrong type.
 * @throws {RangeError} If a number is out of range.
 *
 * @example
 * ```ts
 * import { Framer, lengthPrefixed } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const dns = lengthPrefixed({ bytes: 2 });
 * const framer = new Framer({ terminator: dns });
 * framer.push(dns.encode("a query"));
 * assertEquals(framer.next(), new TextEncoder().encode("a query"));
 * ```
 *
 * @example A header that is kept: the frame has it, and is sent with it
 * ```ts
 * import { Framer, lengthPrefixed } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * // PostgreSQL: a type, a length that counts itself, and the message.
 * const postgres = lengthPrefixed({ bytes: 4, signed: true, offset: 1, adjust: -4, strip: 0 });
 *
 * function message(type: string, content: Uint8Array): Uint8Array {
 *   const frame = new Uint8Array(5 + content.length);
 *   frame[0] = type.charCodeAt(0);
 *   new DataView(frame.buffer).setInt32(1, 4 + content.length);
 *   frame.set(content, 5);
 *   return postgres.encode(frame); // checks the length
 * }
 *
 * const framer = new Framer({ terminator: postgres });
 * framer.push(message("Q", new TextEncoder().encode("SELECT 1\0")));
 * assertEquals(framer.next()?.length, 14);
 * ```
 */
export function lengthPrefixed(options: {
  /** How many bytes the length takes: 1, 2, 3, 4 or 8. Default: 4. */
  bytes?: 1 | 2 | 3 | 4 | 8 | undefined;
  /** Whether its lowest byte comes first. Default: `false`, network byte order. */
  littleEndian?: boolean | undefined;
  /** Whether it is a signed number: a negative length is an error then, not a large one. Default: `false`. */
  signed?: boolean | undefined;
  /** How many bytes of header come before the length. Default: 0. */
  offset?: number | undefined;
  /**
   * What is added to the length to give the number of bytes that follow it. Default: 0. It is negative where the length
   * counts itself, or more of the header; positive where something follows that it does not count.
   */
  adjust?: number | undefined;
  /** How many bytes are dropped from the beginning. Default: all up to the end of the length; 0 keeps the header. */
  strip?: number | undefined;
} = {}): Codec {
  return new LengthPrefixed(options);
}

type LengthPrefixedOptions = NonNullable<Parameters<typeof lengthPrefixed>[0]>;

const OPTIONS: OptionNames<LengthPrefixedOptions> = {
  bytes: 1,
  littleEndian: 1,
  signed: 1,
  offset: 1,
  adjust: 1,
  strip: 1,
};

class LengthPrefixed extends HeaderFraming {
  readonly #bytes: 1 | 2 | 3 | 4 | 8;
  readonly #littleEndian: boolean;
  readonly #signed: boolean;
  readonly #offset: number;
  readonly #adjust: number;
  readonly #strip: number;
  readonly #headerLength: number;
  /** The commonest of them, and the default. */
  readonly #isUint32: boolean;
  /** The fewest bytes that header and body may have together. */
  readonly #shortest: number;

  constructor(options: LengthPrefixedOptions) {
    super();
    const { bytes = 4, littleEndian = false, signed = false, offset = 0, adjust = 0 } =
      checkOptions(options, OPTIONS);
    if (![1, 2, 3, 4, 8].includes(bytes)) {
      throw new RangeError(`bytes must be 1, 2, 3, 4 or 8, not ${describe(bytes)}`);
    }
    this.#bytes = bytes;
    this.#littleEndian = checkBoolean("littleEndian", littleEndian);
    this.#signed = checkBoolean("signed", signed);
    this.#offset = checkInteger("offset", offset, 0, LONGEST_HEADER - bytes);
    this.#adjust = checkInteger("adjust", adjust, -LONGEST_HEADER, LONGEST_HEADER);
    const { strip = offset + bytes } = options;
    this.#strip = checkInteger("strip", strip, 0, LONGEST_HEADER);
    this.#headerLength = offset + bytes;
    this.#isUint32 = bytes === 4 && !littleEndian && !signed;
    this.#shortest = Math.max(this.#headerLength, strip);
  }

  locate(bytes: Uint8Array, start: number, found: Found): Found | Rejected | number {
    if (bytes.length - start < this.#headerLength) return this.#headerLength;
    const length = this.#readLength(bytes, start + this.#offset);
    const end = this.#headerLength + length + this.#adjust;
    if (length >= 0 && end >= this.#shortest && Math.max(length, end) <= Number.MAX_SAFE_INTEGER) {
      const counted = end - this.#strip;
      return found.at(this.#strip, counted, 0);
    }
    const error = new MalformedFrameError(
      `the length must make a frame of ${this.#shortest} to ${Number.MAX_SAFE_INTEGER} bytes with its ` +
        `header, and not ${length}, which makes one of ${end}`,
      { bytes: bytes.slice(start, start + this.#headerLength) },
    );
    return reject(error, this.#headerLength);
  }

  encode(payload: Data): Uint8Array {
    const bytes = toBytes("payload", payload);
    const frame = new Uint8Array(this.#strip + bytes.length);
    frame.set(bytes, this.#strip);
    const kept = this.#headerLength - this.#strip;
    if (bytes.length < kept) {
      throw new FrameInjectionError(
        `the payload must begin with its header, which ends after ${kept} bytes: it has ${bytes.length}`,
      );
    }
    const length = bytes.length - kept - this.#adjust;
    if (length < 0 || length > this.#longest) {
      const error = new FrameInjectionError(
        `a payload of ${bytes.length} bytes does not fit: its length would be ${length}, ` +
          `and must be 0 to ${this.#longest}`,
      );
      throw withHint(error, "send it in parts, or agree on a longer prefix");
    }
    this.#writeLength(frame, length);
    if (!areEqual(frame.subarray(this.#strip), bytes)) {
      const met = describeBytes(bytes.subarray(0, kept));
      throw new FrameInjectionError(
        `the length in the payload must be ${length}, and is not: it begins with ${met}`,
      );
    }
    return frame;
  }

  /** The largest length that the header can say, and that is exact. */
  get #longest(): number {
    return Math.min(2 ** (8 * this.#bytes - (this.#signed ? 1 : 0)) - 1, Number.MAX_SAFE_INTEGER);
  }

  /** Reads the length: exact where it is safe, and still too large, or negative, where it is not. */
  #readLength(bytes: Uint8Array, begin: number): number {
    if (this.#isUint32) {
      const high = bytes[begin]! << 8 | bytes[begin + 1]!;
      return high * 0x10000 + (bytes[begin + 2]! << 8 | bytes[begin + 3]!);
    }
    const last = this.#bytes - 1;
    // Two's complement: -1 - length has all the opposite bits.
    const isNegative = this.#signed && bytes[begin + (this.#littleEndian ? last : 0)]! >= 128;
    let value = 0;
    for (let i = 0; i <= last; i++) {
      const digit = bytes[begin + (this.#littleEndian ? last - i : i)]!;
      value = 256 * value + (isNegative ? 255 - digit : digit);
    }
    return isNegative ? -1 - value : value;
  }

  #writeLength(frame: Uint8Array, length: number): void {
    for (let i = 0, rest = length; i < this.#bytes; i++, rest = Math.floor(rest / 256)) {
      frame[this.#offset + (this.#littleEndian ? i : this.#bytes - 1 - i)] = rest % 256;
    }
  }
}
