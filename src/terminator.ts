// What a terminator may be, checked when it is set, and what it makes of a payload.

import { describeBytes, toBytes } from "./common/bytes.ts";
import { checkInteger, describe, typeName } from "./common/checks.ts";
import { FrameInjectionError, FramingError, UnsupportedError } from "./errors.ts";
import { DelimitedFraming } from "./framer/delimited_framing.ts";
import type { Framing } from "./framing.ts";

/**
 * The rule that says where a frame ends:
 *
 * - a `string` (sent and searched as UTF-8) or a `Uint8Array`: the frame ends before these bytes, which are dropped;
 * - a `number`: the frame is that many bytes;
 * - `null`: no framing, bytes are handed out as they arrive;
 * - a {@linkcode Framing}: `lines()`, `lengthPrefixed()`, `netstring()` and others, or one of your own.
 */
export type Terminator = string | Uint8Array | number | null | Framing;

/** A terminator that was checked and made ready for use: a delimiter has become a framing. */
export type Rule = number | null | Framing;

/**
 * Delimiters that were made ready before: a program has few of them, and a chat for each connection, or sets one again and
 * again. Each costs 1.8 KB, and a microsecond.
 */
const cache: Map<string, DelimitedFraming> = new Map();
const MOST_CACHED = 64;
const LONGEST_CACHED = 64;

/**
 * Checks a terminator and makes it ready for use.
 * @throws {TypeError} If it is none, or an empty delimiter.
 * @throws {RangeError} If it is a count that is negative, fractional, `NaN`, or too large to be exact.
 */
export function toRule(terminator: Terminator): Rule {
  if (terminator === null) return null;
  if (typeof terminator === "number") return checkInteger("a count of bytes", terminator);
  if (typeof terminator === "string") return delimitedBy(terminator);
  if (terminator instanceof Uint8Array) return new DelimitedFraming([terminator], {});
  if (typeof terminator?.decode === "function") return terminator;
  throw new TypeError(
    `terminator must be a string, a Uint8Array, a number, null or a framing, not ${
      typeName(terminator)
    }${hintFor(terminator)}`,
  );
}

/** What was meant, where that is plain: a framing that was not called, or the options of a read. */
function hintFor(terminator: unknown): string {
  if (typeof terminator === "function") return ": call it, as in lines()";
  const isOptions = typeof terminator === "object" && terminator !== null &&
    ("timeout" in terminator || "signal" in terminator);
  return isOptions ? ": options come second, as in read(undefined, { timeout })" : "";
}

/**
 * The framing of a delimiter, which may have been made ready before.
 * @throws {TypeError} If it is empty.
 */
export function delimitedBy(text: string): DelimitedFraming {
  const same = cache.get(text);
  if (same !== undefined) return same;
  const delimiter = new DelimitedFraming([text], {});
  if (text.length > LONGEST_CACHED) return delimiter;
  if (cache.size === MOST_CACHED) cache.clear();
  cache.set(text, delimiter);
  return delimiter;
}

/** What would end a frame under the rule, in words for an error message. */
export function describeRule(rule: Rule): string {
  if (rule === null) return "nothing";
  if (typeof rule === "number") return `${describe(rule)} bytes`;
  if (!(rule instanceof DelimitedFraming)) return "its framing";
  return `the delimiter ${rule.delimiters.patterns.map(describeBytes).join(" or ")}`;
}

/**
 * What is to be sent so that the peer, which reads by the rule, gets the payload as one frame.
 * @throws {FrameInjectionError} If there is nothing that it would read so.
 * @throws {UnsupportedError} If the rule is a framing that cannot encode.
 * @throws {FramingError} If it is one whose `encode()` gives no bytes.
 * @throws {TypeError} If the payload is neither a string nor bytes.
 */
export function encodeFrame(rule: Rule, payload: Uint8Array | string): Uint8Array {
  const bytes = toBytes("payload", payload);
  if (rule === null) return bytes;
  if (typeof rule === "number") {
    if (bytes.length === rule) return bytes;
    throw new FrameInjectionError(
      `a payload of ${bytes.length} bytes is no frame: the terminator is a count of ${rule}: send as many, or push() it`,
    );
  }
  if (rule.encode !== undefined) return checkFrame(rule.encode(bytes));
  throw new UnsupportedError(
    "this framing has no encode(): add one, or push() what the peer will read",
  );
}

function checkFrame(frame: unknown): Uint8Array {
  if (frame instanceof Uint8Array) return frame;
  throw new FramingError(`encode() must return a Uint8Array, not ${typeName(frame)}`);
}
