// netstring(): frames with their length before them, in digits.

import { concat, type Data, toBytes } from "../common/bytes.ts";
import { describe } from "../common/checks.ts";
import { MalformedFrameError } from "../errors.ts";
import type { Found } from "../framer/found.ts";
import { reject, type Rejected } from "../framer/frame_in_transit.ts";
import type { Codec } from "../framer/framing.ts";
import { HeaderFraming } from "../framer/header_framing.ts";

const [COLON, ZERO, NINE] = [0x3a, 0x30, 0x39];
/** `Number.MAX_SAFE_INTEGER` has sixteen digits. */
const MOST_DIGITS = 16;

/**
 * Netstrings (Bernstein, 1997): the length in decimal digits, a colon, the payload, a comma: `5:hello,`.
 *
 * Used by: QMTP, SCGI's headers, tnetstrings' relatives, and many small protocols.
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
  return NETSTRING;
}

const COMMA = Uint8Array.of(0x2c);

class Netstring extends HeaderFraming {
  locate(bytes: Uint8Array, start: number, found: Found): Found | Rejected | number {
    let length = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      const skip = at + 1 - start;
      if (byte === COLON && at > start && skip + length < Number.MAX_SAFE_INTEGER) {
        found.trailer = COMMA;
        return found.at(skip, length, 1);
      }
      const problem = byte === COLON && at > start
        ? `must be less than ${Number.MAX_SAFE_INTEGER - skip}`
        : byte < ZERO || byte > NINE
        ? "must be digits and a colon"
        : at > start && bytes[start] === ZERO
        ? "must not begin with 0"
        : at - start === MOST_DIGITS
        ? `must have at most ${MOST_DIGITS} digits`
        : undefined;
      if (problem !== undefined) return malformed(bytes.slice(start, at + 1), problem);
      length = 10 * length + (byte - ZERO);
    }
    return bytes.length - start + 1;
  }

  encode(payload: Data): Uint8Array {
    const bytes = toBytes("payload", payload);
    return concat(toBytes("length", `${bytes.length}:`), bytes, COMMA);
  }
}

function malformed(length: Uint8Array, rule: string): Rejected {
  const shown = describe(String.fromCharCode(...length));
  const error = new MalformedFrameError(`the length of a netstring ${rule}: ${shown}`, {
    bytes: length,
  });
  return reject(error, length.length);
}

const NETSTRING = new Netstring();
