// How the `decode()` of a framing is run, and what it says is checked.

import { plainBytes, toBytes } from "../common/bytes.ts";
import { checkInteger, describe, typeName } from "../common/checks.ts";
import { quiet } from "../common/deferred.ts";
import { unlessThrown } from "../common/unless_thrown.ts";
import { FrameTooLongError, FramingError, MalformedFrameError } from "../errors.ts";
import { type FrameLayout, type Framing, LONGEST_HEADER, type Portion } from "../framing.ts";
import type { ReceiveBuffer } from "../receive_buffer.ts";
import { delimitedBy } from "../terminator.ts";
import { DelimitedFraming } from "./delimited_framing.ts";
import { type Bounds, Passage } from "./passage.ts";

/** A frame that was found. */
export interface Found extends Bounds {
  /** How much of it counts towards `maxFrameLength`. */
  readonly counted: number;
  /** The frame itself, where the framing made it: nothing of it lies in the buffer then. */
  readonly made?: Uint8Array | undefined;
  /** Throws if the frame is wrong. */
  readonly check?: FrameLayout["check"];
}

/** A frame that cannot be had: what the reader is told, and what is to be dropped. */
export class Refusal {
  readonly error: unknown;
  readonly drop: Passage;

  constructor(error: unknown, drop: Passage) {
    this.error = error;
    this.drop = drop;
  }
}

/** The most that is held of one frame, and of what surrounds it. */
export function reachOf(maxFrameLength: number): number {
  return 2 * maxFrameLength + LONGEST_HEADER;
}

type Step = IteratorResult<Portion, FrameLayout | Uint8Array>;

/** How often in a row a framing may ask for nothing: one that does so for ever must not hang the program. */
const MOST_EMPTY_PORTIONS = 1024;

/**
 * One run of a framing's `decode()` over the beginning of the buffer.
 *
 * ```text
 *                ┌── gives the bytes, moves the mark ──┐
 *                ▼                                     │
 *   decode() ──▶ yields a portion ──▶ is it here? ──yes┘
 *        │                               └─no──▶ run() returns undefined, and is called again when more is here
 *        ├─▶ returns a layout, or the frame: Found
 *        └─▶ throws, or breaks a rule:       Refusal
 * ```
 */
export class Decoding {
  readonly #framing: Framing;
  #generator: Iterator<Portion, FrameLayout | Uint8Array, Uint8Array> | undefined;
  #wanted: number | DelimitedFraming = 0;
  #emptyPortions = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /**
   * Runs on as far as the bytes go that are here.
   * @param buffer The bytes, marked behind those that were given.
   * @param maxFrameLength What bounds the bytes that are read.
   * @param final Whether no more bytes are to come.
   * @returns The frame, or why there is none; `undefined` if more bytes are needed.
   */
  run(buffer: ReceiveBuffer, maxFrameLength: number, final: boolean): Found | Refusal | undefined {
    const reach = reachOf(maxFrameLength);
    try {
      for (;;) {
        const length = this.#seek(buffer, final);
        const seen = buffer.looked + (length < 0 ? buffer.undelimited : length);
        if (seen > reach) return this.#tooLong(buffer, maxFrameLength, seen);
        if (length < 0 || length > buffer.length - buffer.looked) return undefined;
        const bytes = this.#read(buffer, length);
        const { done, value } = this.#step(bytes);
        if (done) return toFound(value, buffer.looked);
        this.#wanted = toWanted(value);
      }
    } catch (error) {
      return new Refusal(error, Passage.past(buffer.looked));
    }
  }

  /** Tells the framing that the frame is not read on, so that its `finally` runs; what that throws is nobody's. */
  abandon(): void {
    unlessThrown(() => this.#generator?.return?.());
  }

  /** How many bytes the portion has that was asked for, or -1 if its end is not here. */
  #seek(buffer: ReceiveBuffer, final: boolean): number {
    const wanted = this.#wanted;
    return typeof wanted === "number" ? wanted : buffer.find(wanted.delimiters, final);
  }

  #read(buffer: ReceiveBuffer, length: number): Uint8Array {
    const wanted = this.#wanted;
    if (typeof wanted === "number") return buffer.look(length);
    const { delimiterLength: found } = buffer;
    const bytes = buffer.look(wanted.keep ? length + found : length);
    if (!wanted.keep) buffer.advance(found);
    return bytes;
  }

  #step(bytes: Uint8Array): Step {
    this.#emptyPortions = this.#wanted === 0 ? this.#emptyPortions + 1 : 0;
    if (this.#emptyPortions > MOST_EMPTY_PORTIONS) {
      throw new FramingError(
        `decode() asked for nothing ${MOST_EMPTY_PORTIONS} times in a row: it must read on, or return`,
      );
    }
    const generator = this.#generator ??= this.#framing.decode();
    const step: unknown = generator?.next?.(bytes);
    if (typeof step === "object" && step !== null && !("then" in step)) return step as Step;
    throw new FramingError(
      `decode() must be a generator function (and not an async one): its next() gave ${
        typeName(step)
      }`,
    );
  }

  #tooLong(buffer: ReceiveBuffer, maxFrameLength: number, seen: number): Refusal {
    this.abandon();
    const drop = typeof this.#wanted === "number"
      ? Passage.past(seen)
      : Passage.upTo(this.#wanted, buffer.looked);
    return new Refusal(new FrameTooLongError(maxFrameLength, seen), drop);
  }
}

function toWanted(portion: unknown): number | DelimitedFraming {
  if (portion instanceof DelimitedFraming) return portion;
  try {
    if (typeof portion === "number") return checkInteger("a number of bytes", portion);
    if (typeof portion === "string") return delimitedBy(portion);
    return new DelimitedFraming([portion as Uint8Array], {});
  } catch (error) {
    throw new FramingError(
      "decode() must yield a number of bytes, a delimiter, or what delimited(), anyOf() or lines() give: " +
        (error as Error).message,
    );
  }
}

function toFound(value: FrameLayout | Uint8Array, looked: number): Found {
  if (value instanceof Uint8Array) {
    if (looked === 0) throw readNothing();
    const { length } = value;
    return { skip: looked, length: 0, after: 0, counted: length, made: plainBytes(value) };
  }
  if (typeof value !== "object" || value === null || Symbol.iterator in value) {
    throw new FramingError(
      `decode() must return a layout or a Uint8Array, not ${
        typeof value === "object" ? typeName(value) : describe(value)
      }`,
    );
  }
  const { length, skip = looked, trailer = 0, check } = value;
  const literal = typeof trailer === "number" ? undefined : trailerBytes(trailer);
  const after = literal?.length ?? (trailer as number);
  checkCount("length", length);
  checkCount("skip", skip);
  checkCount("trailer", after);
  if (check !== undefined && typeof check !== "function") {
    throw new FramingError(
      `decode() returned a layout whose check is no function, but ${typeName(check)}`,
    );
  }
  const end = skip + length + after;
  if (end < looked) {
    throw new FramingError(
      `decode() read ${looked} bytes, past the end of the frame, which it says is after ${end}`,
    );
  }
  if (end === 0) throw readNothing();
  // A length that the peer chose.
  if (end > Number.MAX_SAFE_INTEGER) {
    throw new MalformedFrameError(`a frame cannot be ${length} bytes long, and end after ${end}`);
  }
  return { skip, length, after, counted: length, trailer: literal, check };
}

function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new FramingError(
    `decode() returned a layout whose ${name} is ${
      describe(count)
    }, and must be a whole number of bytes`,
  );
}

function trailerBytes(trailer: string | Uint8Array): Uint8Array {
  try {
    return toBytes("trailer", trailer);
  } catch (error) {
    throw new FramingError(`decode() returned a wrong layout: ${(error as Error).message}`);
  }
}

function readNothing(): FramingError {
  return new FramingError(
    "decode() returned a frame without reading a byte: there would be no end of frames",
  );
}

/**
 * Lets a framing look at the whole frame.
 * @throws {FramingError} If it does so later.
 */
export function runCheck(check: Found["check"], frame: Uint8Array, trailer: Uint8Array): void {
  const result: unknown = check?.(frame, trailer);
  if (!(result instanceof Promise)) return;
  quiet(result);
  throw new FramingError("check() must not be async: the frame is handed out when it returns");
}
