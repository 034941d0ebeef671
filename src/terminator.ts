import { describe, nameOf } from "./checks.ts";
import { Delimiter } from "./delimiter.ts";

/**
 * The rule that says where a frame ends:
 *
 * - a `string` (sent and searched as UTF-8) or a `Uint8Array`: the frame ends before these bytes, which are dropped;
 * - a `number`: the frame is that many bytes;
 * - `null`: no framing, bytes are handed out as they arrive.
 */
export type Terminator = string | Uint8Array | number | null;

/** A terminator that was checked and made ready for use. */
export type Rule = Delimiter | number | null;

const encoder = new TextEncoder();

/**
 * Checks a terminator and makes it ready for use.
 * @throws {TypeError} If it is none, or an empty delimiter.
 * @throws {RangeError} If it is a count that is negative, fractional, `NaN`, or too large to be exact.
 */
export function toRule(terminator: Terminator): Rule {
  if (terminator === null) return null;
  if (typeof terminator === "number") return checkCount(terminator);
  if (typeof terminator !== "string" && !(terminator instanceof Uint8Array)) {
    throw new TypeError(
      `terminator must be a string, a Uint8Array, a number or null, not ${nameOf(terminator)}`,
    );
  }
  if (terminator.length === 0) {
    throw new TypeError(
      `terminator must be at least one byte long, not an empty ${nameOf(terminator)}`,
    );
  }
  return new Delimiter(typeof terminator === "string" ? encoder.encode(terminator) : terminator);
}

/** What would end a frame under the rule, in words for an error message. */
export function describeRule(rule: Rule): string {
  if (rule === null) return "nothing";
  if (typeof rule === "number") return `${rule} bytes`;
  return `the delimiter ${JSON.stringify(new TextDecoder("latin1").decode(rule.bytes))}`;
}

function checkCount(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new RangeError(
    `terminator must be a whole number of bytes, 0 to ${Number.MAX_SAFE_INTEGER}, not ${
      describe(count)
    }`,
  );
}
