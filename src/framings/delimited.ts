// delimited(): frames that end with a delimiter.

import { readyRule } from "../framer/delimited.ts";
import type { DelimitedCodec } from "../framer/framing.ts";

/**
 * Frames that end with a delimiter, as they do when the delimiter itself is the terminator; `keep` leaves it in the
 * frame, so that what is handed out is just what came.
 *
 * Used by: nearly every text protocol; `keep` by filters, which pass on what they do not change.
 *
 * @param delimiter The delimiter, at least one byte: a string in the encoding of the stream, or UTF-8.
 * @param options Whether to keep it, and whether the end of the stream ends a frame, too.
 * @returns The framing. It encodes a payload by adding the delimiter, or checks that it is there, with `keep`.
 * @throws {TypeError} If the delimiter is none, or empty, or an option of a wrong type.
 *
 * @example
 * ```ts
 * import { delimited, Framer } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: delimited("\r\n", { keep: true }), encoding: "utf-8" });
 * framer.push(new TextEncoder().encode("one\r\ntwo\r\n"));
 * assertEquals([...framer], ["one\r\n", "two\r\n"]);
 * ```
 */
export function delimited(
  delimiter: string | Uint8Array,
  options: {
    /** Whether the delimiter that ended the frame is handed out at its end. Default: `false`. */
    keep?: boolean | undefined;
    /**
     * Whether the end of the stream ends the frame, too, as the delimiter would: for a last line that may lack its line
     * end. A framing of your own that asks for such a portion when nothing is left is given an empty one. Default: `false`.
     */
    orEnd?: boolean | undefined;
  } = {},
): DelimitedCodec {
  return readyRule([delimiter], options);
}
