// anyOf(): frames that end with any of several delimiters.

import { bytesOf } from "../common/bytes.ts";
import { type DelimitedOptions, readyRule } from "../framer/delimited.ts";
import type { DelimitedCodec } from "../framer/framing.ts";

/**
 * Frames that end with whichever of several delimiters comes first; of two that begin at the same place, with the longer.
 *
 * Where one is the beginning of another (`"\r"`, `"\r\n"`), and nothing has arrived after it, the frame is handed out at
 * the shorter one: a dialogue does not wait. The rest of the longer one is dropped if it comes next. With `keep` the frame
 * waits for the next byte, or the end of the stream, because that tells what is to be kept.
 *
 * Used by: line protocols that accept the line ends of every system; commands ended by `";"` or a line end.
 *
 * @param delimiters The delimiters, and the options last: `{ keep: true }` leaves the one found in the frame.
 * @returns The framing. It encodes a payload by adding the first delimiter, or checks that one is there, with `keep`.
 * @throws {TypeError} If there is no delimiter, or one is empty.
 *
 * @example
 * ```ts
 * import { anyOf, Framer } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: anyOf("\r\n", "\n", ";"), encoding: "utf-8" });
 * framer.push(new TextEncoder().encode("one\r\ntwo;three\n"));
 * assertEquals([...framer], ["one", "two", "three"]);
 * ```
 */
export function anyOf(
  ...delimiters:
    (string | Uint8Array | { keep?: boolean | undefined; orEnd?: boolean | undefined })[]
): DelimitedCodec {
  const last = delimiters.at(-1);
  const options = isOptions(last) ? last : {};
  const all = delimiters.slice(0, isOptions(last) ? -1 : undefined);
  if (all.length === 0) throw new TypeError("anyOf() takes at least one delimiter, not none");
  return readyRule(all as (string | Uint8Array)[], options);
}

function isOptions(value: unknown): value is DelimitedOptions {
  return typeof value === "object" && value !== null && bytesOf(value) === undefined;
}
