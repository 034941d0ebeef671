// What a terminator may be, checked when it is set, and what it makes of a payload.

import { bytesOf, type Data, describeBytes, toBytes } from "../common/bytes.ts";
import { checkInteger, describe, typeName } from "../common/checks.ts";
import type { Encoding } from "../common/latin1.ts";
import { FrameInjectionError, FramingError, UnsupportedError, withHint } from "../errors.ts";
import { DelimitedFraming, readyDelimiter } from "./delimited.ts";
import { DELIMITED, type Framing, HEADER, MESSAGE, type Portion } from "./framing.ts";
import type { HeaderFraming } from "./header_framing.ts";
import { MessageFraming } from "./message_framing.ts";

/**
 * The rule that says where a frame ends:
 *
 * - a `string` (in the encoding of the stream, or UTF-8) or a `Uint8Array`: the frame ends before these bytes, which are
 *   dropped;
 * - a `number`: the frame is that many bytes;
 * - `null`: no framing, bytes are handed out as they arrive;
 * - a {@linkcode Framing}: `lines()`, `lengthPrefixed()`, `jsonLines()` and others, or one of your own.
 */
export type Terminator = string | Uint8Array | number | null | {
  decode(): Generator<Portion, object | undefined, Uint8Array>;
  encode?(message: never): Data;
};

/** A terminator that was checked and made ready for use: a delimiter has become a framing. */
export type Rule =
  | number
  | null
  | DelimitedFraming
  | HeaderFraming
  | MessageFraming<unknown>
  | Framing
  | Framing<unknown>;

export type RuleKind = "count" | "anything" | "delimited" | "header" | "message" | "own";

/** What kind of rule it is. */
export function kindOf(rule: Rule): RuleKind {
  if (rule === null) return "anything";
  if (typeof rule === "number") return "count";
  const { kind } = rule as { readonly kind?: unknown };
  if (kind === DELIMITED) return "delimited";
  if (kind === HEADER) return "header";
  return kind === MESSAGE ? "message" : "own";
}

/**
 * Checks a terminator and makes it ready for use.
 * @throws {TypeError} If it is not one, or an empty delimiter.
 * @throws {RangeError} If it is a count that is negative, fractional, `NaN`, or too large to be exact; or a string that the
 * encoding lacks a character of.
 */
export function toRule(terminator: Terminator, encoding: Encoding): Rule {
  if (terminator === null) return null;
  if (typeof terminator === "number") return checkInteger("a count of bytes", terminator);
  if (typeof terminator === "string") return readyDelimiter(terminator, encoding);
  if (terminator instanceof DelimitedFraming) return terminator.in(encoding);
  if (typeof (terminator as Framing | undefined)?.decode === "function") {
    return terminator as Framing<unknown>;
  }
  const bytes = bytesOf(terminator);
  if (bytes !== undefined) return readyDelimiter(bytes, encoding);
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
  return isOptions ? ": options come alone or last, as in read(10, { timeout })" : "";
}

/** What would end a frame under the rule, in words for an error message. */
export function describeRule(rule: Rule): string {
  if (rule === null) return "nothing";
  if (typeof rule === "number") return `${describe(rule)} bytes`;
  if (rule instanceof MessageFraming) return describeRule(rule.framing);
  if (!(rule instanceof DelimitedFraming)) return "its framing";
  return `the delimiter ${rule.patterns.map(describeBytes).join(" or ")}`;
}

/**
 * What is to be sent so that the peer, which reads by the rule, gets the message, or the payload as one frame.
 * @throws {FrameInjectionError} If there is nothing that it would read so.
 * @throws {UnsupportedError} If the rule is a framing that cannot encode.
 * @throws {FramingError} If it is one whose `encode()` gives no data.
 * @throws {TypeError} If the payload is neither a string nor bytes, where frames are bytes.
 * @throws {RangeError} If a string has a character that the encoding lacks.
 */
export function encodeFrame(rule: Rule, message: unknown, encoding: Encoding): Uint8Array {
  if (rule instanceof MessageFraming) {
    const payload = checkData(rule.encodeMessage(message), encoding);
    return encodeFrame(rule.framing, payload, encoding);
  }
  if (kindOf(rule) === "own") return encodeByOwn(rule as Framing<unknown>, message, encoding);
  const bytes = toBytes("payload", message as Data, encoding);
  if (rule === null) return bytes;
  if (typeof rule !== "number") return (rule as DelimitedFraming | HeaderFraming).encode(bytes);
  if (bytes.length === rule) return bytes;
  const error = new FrameInjectionError(
    `a payload of ${bytes.length} bytes is not a frame: the terminator is a count of ${rule}`,
  );
  throw withHint(error, "send as many, or push() it");
}

function encodeByOwn(framing: Framing<unknown>, message: unknown, encoding: Encoding): Uint8Array {
  if (framing.encode === undefined) {
    const error = new UnsupportedError("this framing has no encode()");
    throw withHint(error, "add one, or push() what the peer will read");
  }
  const isText = typeof message === "string";
  const isTaken = isText ? framing.takesText : bytesOf(message) === undefined;
  const given = isTaken ? message : toBytes("payload", message as Data, encoding);
  return checkData(framing.encode(given), encoding);
}

function checkData(data: unknown, encoding: Encoding): Uint8Array {
  if (typeof data === "string" || bytesOf(data) !== undefined) {
    return toBytes("what encode() returned", data as Data, encoding);
  }
  throw new FramingError(`encode() must return a string or a Uint8Array, not ${typeName(data)}`);
}
