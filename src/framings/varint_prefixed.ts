// varintPrefixed(): frames with their length before them, as a varint.

import { concat, type Data, toBytes } from "../common/bytes.ts";
import { checkBoolean, checkOptions, type OptionNames } from "../common/checks.ts";
import { MalformedFrameError } from "../errors.ts";
import type { Found } from "../framer/found.ts";
import { reject, type Rejected } from "../framer/frame_in_transit.ts";
import type { Codec } from "../framer/framing.ts";
import { HeaderFraming } from "../framer/header_framing.ts";

/** A 64-bit number takes ten bytes of 7 bits. */
const LONGEST_VARINT = 10;

/**
 * Frames with their length before them as a varint: 7 bits a byte, the lowest first, and the highest bit set in all bytes
 * but the last.
 *
 * Used by: Protocol Buffers' delimited messages (`writeDelimitedTo`), libp2p, Minecraft.
 *
 * A varint of more than ten bytes, and one above `Number.MAX_SAFE_INTEGER`, are a {@linkcode MalformedFrameError} as soon
 * as that byte is here.
 *
 * @param options Whether a longer varint than needed is refused.
 * @returns The framing. It encodes a payload by writing its length before it.
 * @throws {TypeError} If an option is of a wrong type.
 *
 * @example
 * ```ts
 * import { Framer, varintPrefixed } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: varintPrefixed() });
 * framer.push(Uint8Array.of(0x80, 0x01, ...new Uint8Array(128)));
 * assertEquals(framer.next(), new Uint8Array(128));
 * ```
 */
export function varintPrefixed(options: {
  /**
   * Whether a varint must be as short as it can be: one that ends with needless zeros is malformed then. Protocol
   * Buffers' readers accept it. Default: `false`.
   */
  strict?: boolean | undefined;
} = {}): Codec {
  const { strict = false } = checkOptions(options, OPTIONS);
  return checkBoolean("strict", strict) ? STRICT : LENIENT;
}

const OPTIONS: OptionNames<NonNullable<Parameters<typeof varintPrefixed>[0]>> = { strict: 1 };

class VarintPrefixed extends HeaderFraming {
  readonly #isStrict: boolean;

  constructor(isStrict: boolean) {
    super();
    this.#isStrict = isStrict;
  }

  locate(bytes: Uint8Array, start: number, found: Found): Found | Rejected | number {
    let length = 0;
    for (let skip = 0, weight = 1; start + skip < bytes.length; weight *= 128) {
      const byte = bytes[start + skip++]!;
      length += (byte % 128) * weight;
      if (byte >= 128 && skip < LONGEST_VARINT) continue;
      const problem = byte >= 128
        ? "has more than ten bytes"
        : skip + length > Number.MAX_SAFE_INTEGER
        ? `is more than ${Number.MAX_SAFE_INTEGER - skip}`
        : byte === 0 && skip > 1 && this.#isStrict
        ? "has a needless zero at its end"
        : undefined;
      if (problem === undefined) return found.at(skip, length, 0);
      return malformed(bytes.slice(start, start + skip), problem);
    }
    return bytes.length - start + 1;
  }

  encode(payload: Data): Uint8Array {
    const bytes = toBytes("payload", payload);
    const varint: number[] = [];
    let rest = bytes.length;
    for (; rest >= 128; rest = Math.floor(rest / 128)) varint.push(rest % 128 + 128);
    return concat(Uint8Array.of(...varint, rest), bytes);
  }
}

const [STRICT, LENIENT] = [new VarintPrefixed(true), new VarintPrefixed(false)];

function malformed(varint: Uint8Array, problem: string): Rejected {
  const hex = Array.from(varint, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const error = new MalformedFrameError(`the length, the varint ${hex}, ${problem}`, {
    bytes: varint,
  });
  return reject(error, varint.length);
}
