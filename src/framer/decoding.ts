// How the `decode()` of a framing of your own is run, and how what it says is checked.

import { bytesOf, longestMatch, plainBytes, toBytes } from "../common/bytes.ts";
import { checkInteger, describe, typeName } from "../common/checks.ts";
import { ignoreRejection, isPromise } from "../common/deferred.ts";
import type { Encoding } from "../common/latin1.ts";
import { attempt } from "../common/attempt.ts";
import { FramingError, IncompleteFrameError, MalformedFrameError, withHint } from "../errors.ts";
import { type DelimitedFraming, readyDelimiter } from "./delimited.ts";
import { Found, Message, NOTHING } from "./found.ts";
import { FrameInTransit, reject, type Rejected } from "./frame_in_transit.ts";
import {
  type Decoded,
  DELIMITED,
  type FrameLayout,
  type Framing,
  type Portion,
} from "./framing.ts";
import { MessageLayout } from "./message_framing.ts";
import { describeRule } from "./terminator.ts";
import type { Window } from "./window.ts";

/** How often in a row a framing may be given nothing: one that asks for ever must not hang the program. */
const MOST_EMPTY_PORTIONS = 1024;

type Step = IteratorResult<Portion, Decoded<unknown>>;

/**
 * ```text
 *              ┌─────────── resumed with the bytes ──────────┐
 *              ▼                                             │
 *   decode() ──▶ yields a portion ──▶ asked ──── is it here? ┴ yes
 *        │                            ▲ │ │
 *        │         called again when ─┘ │ └── the stream has ended: IncompleteFrameError is thrown at the yield
 *        │         more is here         └─── no: run() gives undefined
 *        ├──▶ returns: Found
 *        └──▶ throws, or breaks a rule: Rejected
 * ```
 */
export class Decoding {
  readonly framing: Framing<unknown>;
  readonly #encoding: Encoding;
  #generator: Iterator<Portion, Decoded<unknown>, Uint8Array> | undefined;
  #wanted: number | DelimitedFraming = 0;
  /** How many bytes it was given, their delimiters included. */
  #given = 0;
  #emptyPortions = 0;
  /** Whether it is being told that the stream has ended. */
  #isTold = false;
  /** One of these is passed over if it comes next: the last portion ended at the beginning of a longer delimiter. */
  #rests: readonly Uint8Array[] | undefined;
  /** What it returned, while that is not decided. */
  #returned: Decoded<unknown>;
  readonly #found = new Found();
  /** How many bytes are known to be read for the frame. */
  seen = 0;

  constructor(framing: Framing<unknown>, encoding: Encoding) {
    this.framing = framing;
    this.#encoding = encoding;
  }

  /**
   * Goes on as far as the bytes go that are here.
   * @param reach How many bytes may be read for a frame: it stops when `seen` is more.
   * @param isFinal Whether the stream has ended.
   * @returns `undefined` if more bytes are needed, or if the stream has ended and they do not come.
   */
  run(
    window: Window,
    reach: number,
    isFinal: boolean,
  ): Found | Rejected | undefined {
    try {
      if (this.#generator === undefined) {
        const found = this.#begin();
        if (found !== undefined) return found;
      }
      for (;;) {
        if (this.#rests !== undefined && !this.#passRest(window, isFinal)) return undefined;
        if (this.#returned !== undefined) return this.#toFound(this.#returned, undefined);
        const wanted = this.#wanted;
        let length: number;
        let after = 0;
        let rests: readonly Uint8Array[] | undefined;
        if (typeof wanted === "number") {
          length = wanted;
          this.seen = this.#given + length;
        } else {
          length = wanted.search(window, this.#given, isFinal);
          this.seen = this.#given + (length < 0 ? wanted.before(window, this.#given) : length);
          if (length >= 0) {
            after = wanted.found;
            rests = wanted.rests;
          }
        }
        if (this.seen > reach) return undefined;
        let step: Step | undefined;
        if (length < 0 || this.#given + length + after > window.length) {
          if (!isFinal) return undefined;
          const left = window.length - this.#given;
          if (typeof wanted !== "number" && wanted.orEnd) {
            length = left;
            after = 0;
          } else {
            step = this.#tellEnd(window);
            if (step === undefined) return undefined;
            if (step.done && !isLayout(step.value)) this.#given = window.length;
            this.#isTold = false;
          }
        }
        step ??= this.#resume(window, length, after);
        this.#rests = rests;
        if (step.done) {
          const found = this.#toFound(step.value, rests);
          if (rests === undefined || found.end <= this.#given) return found;
          this.#returned = step.value;
        } else {
          this.#wanted = this.#toWanted(step.value);
          window.scanned = this.#given;
        }
      }
    } catch (error) {
      // When the framing was told of the end of the stream, all that is left counts as read.
      return reject(error, this.#isTold ? window.length : this.#given);
    }
  }

  /** What is dropped of a frame for which too much would be read. */
  overrun(): FrameInTransit {
    if (typeof this.#wanted === "number") return new FrameInTransit(this.seen);
    if (this.#given > 0) return FrameInTransit.until(this.#wanted, this.#given);
    // What was read may be junk before a frame that begins with the delimiter.
    return FrameInTransit.upTo(this.#wanted);
  }

  /** Gets ready for the next frame. */
  reset(): void {
    this.#generator = undefined;
    this.#given = 0;
    this.seen = 0;
    this.#rests = undefined;
  }

  /** Ends the generator, so that its `finally` runs, and gets ready for the next frame. What it throws is ignored. */
  abandon(): void {
    const generator = this.#generator;
    this.reset();
    if (generator !== undefined) attempt(() => generator.return?.());
  }

  #passRest(window: Window, isFinal: boolean): boolean {
    const rests = this.#rests!;
    const here = Math.min(window.length - this.#given, rests[0]!.length);
    const length = longestMatch(window.view(this.#given, here), 0, rests, isFinal);
    if (length < 0) return false;
    this.#given += length;
    this.#rests = undefined;
    window.scanned = this.#given;
    return true;
  }

  #begin(): Found | undefined {
    this.#wanted = 0;
    this.#emptyPortions = 0;
    this.#isTold = false;
    this.#returned = undefined;
    const generator = this.#generator = this.framing.decode();
    const step = checkStep(generator?.next?.(NO_BYTES));
    if (step.done) return this.#toFound(step.value, undefined);
    this.#wanted = this.#toWanted(step.value);
    return undefined;
  }

  #resume(window: Window, length: number, after: number): Step {
    if (length + after === 0) this.#count();
    else this.#emptyPortions = 0;
    const keeps = typeof this.#wanted !== "number" && this.#wanted.keep;
    const given = this.#given;
    const count = length + (keeps ? after : 0);
    this.#given += length + after;
    return checkStep(this.#generator!.next(count === 0 ? NO_BYTES : window.view(given, count)));
  }

  /** Throws at the `yield` that the portion will not come. Returns nothing if the framing leaves it at that. */
  #tellEnd(window: Window): Step | undefined {
    const generator = this.#generator;
    if (generator?.throw === undefined) return undefined;
    this.#isTold = true;
    this.#count();
    const left = window.view(0, window.length);
    const error = new IncompleteFrameError(left, describeRule(this.#wanted));
    try {
      return checkStep(generator.throw(error));
    } catch (reason) {
      if (reason !== error) throw reason;
      this.#isTold = false;
      this.#generator = OVER;
      return undefined;
    }
  }

  #count(): void {
    if (++this.#emptyPortions <= MOST_EMPTY_PORTIONS) return;
    throw new FramingError(
      `decode() asked for nothing ${MOST_EMPTY_PORTIONS} times in a row: it must read on, or return`,
    );
  }

  #toWanted(portion: unknown): number | DelimitedFraming {
    if (isCount(portion)) return portion;
    if ((portion as Partial<DelimitedFraming> | null)?.kind === DELIMITED) {
      return (portion as DelimitedFraming).in(this.#encoding);
    }
    if (typeof portion === "number") checkPeersLength(portion);
    try {
      if (typeof portion === "number") return checkInteger("a number of bytes", portion);
      return readyDelimiter(portion as string | Uint8Array, this.#encoding);
    } catch (error) {
      throw new FramingError(
        "decode() must yield a number of bytes, a delimiter, or what delimited(), anyOf() or lines() give: " +
          (error as Error).message,
      );
    }
  }

  #toFound(value: Decoded<unknown>, rests: readonly Uint8Array[] | undefined): Found {
    if (value === undefined) return this.#made(NOTHING, 0, rests);
    if (ArrayBuffer.isView(value)) return this.#made(plainBytes(value), value.byteLength, rests);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FramingError(
        `decode() must return a layout, a Uint8Array, { message } or undefined, not ${
          typeof value === "object" ? typeName(value) : describe(value)
        }`,
      );
    }
    if (!("message" in value)) {
      if (value instanceof MessageLayout) {
        return this.#placed(value.layout, rests, value.toMessage);
      }
      const bytes = value.length === undefined ? bytesOf(value) : undefined;
      if (bytes !== undefined) return this.#made(bytes, bytes.length, rests);
      return this.#placed(value, rests);
    }
    // A message has no length of its own: what was read for it counts.
    if (value.message !== undefined) {
      return this.#made(new Message(value.message), this.#given, rests);
    }
    throw withHint(
      new FramingError("decode() returned { message: undefined }"),
      "return undefined where there is no frame",
    );
  }

  #made(
    made: Found["made"],
    counted: number,
    rests: readonly Uint8Array[] | undefined,
  ): Found {
    const given = this.#given;
    if (given === 0) throw consumedNothing();
    const found = this.#found.reset();
    found.made = made;
    found.rests = rests;
    return found.at(given, 0, 0, counted);
  }

  #placed(
    layout: FrameLayout,
    rests: readonly Uint8Array[] | undefined,
    toMessage?: Found["toMessage"],
  ): Found {
    const { length, skip = this.#given, trailer = 0, check } = layout;
    const literal = typeof trailer === "number" ? undefined : trailerBytes(trailer, this.#encoding);
    const after = literal?.length ?? (trailer as number);
    checkPeersLength(length);
    checkCount("length", length);
    checkCount("skip", skip);
    checkCount("trailer", after);
    if (check !== undefined && typeof check !== "function") {
      throw new FramingError(
        `decode() returned a layout whose check is not a function, but ${typeName(check)}`,
      );
    }
    const end = skip + length + after;
    if (end === 0) throw consumedNothing();
    checkPeersLength(end);
    const found = this.#found.reset();
    found.trailer = literal;
    found.check = check;
    found.toMessage = toMessage;
    if (end === this.#given) found.rests = rests;
    return found.at(skip, length, after);
  }
}

/** The generator of a framing that was told the end, and left it at that. */
const OVER: Iterator<never, undefined, Uint8Array> = {
  next: () => ({ done: true, value: undefined }),
};

const NO_BYTES = new Uint8Array(0);

function isLayout(value: Decoded<unknown>): boolean {
  return typeof value === "object" && bytesOf(value) === undefined && !("message" in value);
}

function checkStep(step: unknown): Step {
  if (typeof (step as Step | undefined)?.done === "boolean") return step as Step;
  // An iterator that is no generator may leave it out.
  if (typeof step === "object" && step !== null && !("then" in step)) return step as Step;
  throw new FramingError(
    `decode() must be a generator function (and not an async one): its next() gave ${
      typeName(step)
    }`,
  );
}

/** A length so large was chosen by the peer, and is not a fault of the framing. */
function checkPeersLength(length: number): void {
  if (!Number.isInteger(length) || length <= Number.MAX_SAFE_INTEGER) return;
  throw new MalformedFrameError(`a frame cannot be ${length} bytes long`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkCount(name: string, count: number): void {
  if (isCount(count)) return;
  throw new FramingError(
    `decode() returned a layout whose ${name} is ${
      describe(count)
    }, and must be a whole number of bytes`,
  );
}

function trailerBytes(trailer: string | Uint8Array, encoding: Encoding): Uint8Array {
  try {
    return toBytes("trailer", trailer, encoding);
  } catch (error) {
    throw new FramingError(`decode() returned a wrong layout: ${(error as Error).message}`);
  }
}

function consumedNothing(): FramingError {
  return new FramingError(
    "decode() returned without consuming a byte: there would be no end of frames",
  );
}

/**
 * Lets a framing look at the whole frame.
 * @throws {FramingError} If it does so later. And what the framing throws.
 */
export function runCheck(check: Found["check"], frame: Uint8Array, trailer: Uint8Array): void {
  const result: unknown = check?.(frame, trailer);
  if (!isPromise(result)) return;
  ignoreRejection(Promise.resolve(result));
  throw new FramingError("check() must not be async: the frame is handed out when it returns");
}
