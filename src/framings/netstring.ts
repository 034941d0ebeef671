// netstring(): frames with their length before them, in digits.

import { concat, toBytes } from "../common/bytes.ts";
import { describe } from "../common/checks.ts";
import { MalformedFrameError } from "../errors.ts";
import type { Codec, FrameLayout, Portion } from "../framing.ts";

const [COLON, ZERO, NINE] = [0x3a, 0x30, 0x39];
/** `Number.MAX_SAFE_INTEGER` has sixteen digits. */
const MOST_DIGITS = 16;

/**
 * Netstrings (Bernstein, 1997): the length in decimal digits, a colon, the payload, a comma: `5:hello,`.
 *
 * Used by: QMTP, SCGI's headers, tnetstrings' relatives, and many small protocols of one's own.
 *
 * It is strict: a length with a leading zero, without a digit or with anything else in it, and a frame that no comma
 * follows, are a {@linkcode MalformedFrameError}.
 *
 * @returns The framing. It encodes a payload by adding length, colon and comma.
 *
 * @example
 * ```ts
 * import { Framer, netstring } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: netstring(), encoding: "utf-8" });
 * framer.push(new TextEncoder().encode("5:hello,0:,"));
 * assertEquals([...framer], ["hello", ""]);
 * ```
 */
export function netstring(): Codec {
  return { decode, encode };
}

function* decode(): Generator<Portion, FrameLayout, Uint8Array> {
  let digits = "";
  for (;;) {
    const byte = (yield 1)[0]!;
    if (byte === COLON && digits !== "") break;
    const isDigit = byte >= ZERO && byte <= NINE;
    digits += String.fromCharCode(byte);
    if (!isDigit) throw malformed(digits, "must be digits and a colon");
    if (digits.length > 1 && digits.startsWith("0")) {
      throw malformed(digits, "must not begin with 0");
    }
    if (digits.length > MOST_DIGITS) {
      throw malformed(digits, `must have at most ${MOST_DIGITS} digits`);
    }
  }
  const length = Number(digits);
  if (length >= Number.MAX_SAFE_INTEGER) {
    throw malformed(`${digits}:`, `must be less than ${Number.MAX_SAFE_INTEGER}`);
  }
  return { length, trailer: "," };
}

function encode(payload: Uint8Array | string): Uint8Array {
  const bytes = toBytes("payload", payload);
  return concat(toBytes("length", `${bytes.length}:`), bytes, toBytes("end", ","));
}

function malformed(length: string, rule: string): MalformedFrameError {
  return new MalformedFrameError(
    `the length of a netstring ${rule}: ${describe(length)}`,
    Uint8Array.from(length, (char) => char.charCodeAt(0)),
  );
}
