import { FrameTooLongError, IncompleteFrameError } from "./errors.ts";
import { checkLimit, describe, nameOf } from "./checks.ts";
import type { Delimiter } from "./delimiter.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { describeRule, type Rule, type Terminator, toRule } from "./terminator.ts";

/** What to do with bytes that the stream ends after, before their frame did. */
export type Incomplete = "throw" | "yield" | "drop";

/** How a {@linkcode Framer} cuts bytes into frames. */
export interface FramerOptions {
  /** Where frames end; it can be changed between any two frames. */
  terminator: Terminator;
  /** The longest frame that is accepted, in bytes without its terminator. Default: 1 MiB. */
  maxFrameLength?: number | undefined;
  /**
   * What becomes of a last frame that the stream ended in the middle of: it throws an
   * `IncompleteFrameError` (`"throw"`, the default), is handed out as it is (`"yield"`), or is dropped (`"drop"`).
   */
  incomplete?: Incomplete | undefined;
}

const DEFAULT_MAX_FRAME_LENGTH = 1024 * 1024;

/**
 * Bytes in, frames out: the framing of a chat without any I/O, for bytes that come from elsewhere.
 *
 * A frame is cut only when it is asked for, so the terminator may change between any two, also when the bytes of
 * both are here already. A frame is the caller's to keep: no later bytes are written into it.
 *
 * ```text
 *                     next(): no end in sight               end()
 *                 ┌──────────────────┐
 *                 ▼                  │
 *   push() ──▶ [ held ] ──next()──▶ frame, without its terminator
 *                 │
 *                 │ longer than maxFrameLength: FrameTooLongError
 *                 ▼
 *             [ dropping ] ──the frame's own end──▶ [ held ]
 * ```
 *
 * @example A line that says how many bytes follow it
 * ```ts
 * import { Framer } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: "\n" });
 * framer.push(new TextEncoder().encode("5\nhello6\nworld!"));
 *
 * const text = new TextDecoder();
 * const messages: string[] = [];
 * for (const line of framer) {
 *   framer.terminator = Number(text.decode(line));
 *   messages.push(text.decode(framer.next()));
 *   framer.terminator = "\n";
 * }
 * assertEquals(messages, ["hello", "world!"]);
 * ```
 */
export class Framer implements Iterable<Uint8Array> {
  readonly #buffer = new ReceiveBuffer();
  readonly #incomplete: Incomplete;
  #terminator: Terminator;
  #rule: Rule;
  #maxFrameLength: number;
  #ended = false;
  /** The rest of a frame that was too long: a delimiter to drop up to, or how many bytes to drop. */
  #dropping: Delimiter | number = 0;
  /** Whether the terminator in force is a 0 that was answered with its empty frame. */
  #zeroAnswered = false;

  /**
   * Makes a framer that holds nothing yet.
   * @param options How frames are cut.
   * @throws {TypeError} If an option is of a wrong type, or a delimiter empty.
   * @throws {RangeError} If a count or a limit is not a whole number of bytes.
   */
  constructor(options: FramerOptions) {
    const { terminator, maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, incomplete = "throw" } = options;
    this.#rule = toRule(terminator);
    this.#terminator = terminator;
    this.#maxFrameLength = checkLimit("maxFrameLength", maxFrameLength);
    this.#incomplete = checkIncomplete(incomplete);
  }

  /**
   * Where the next frame ends. Setting it governs every byte after the last frame handed out, also those received.
   *
   * A count stays in force like any terminator: 0 gives an empty frame at every ask, so set the next terminator
   * after it. (At the end of the stream it gives one, so that no loop goes on for ever.)
   *
   * @throws {TypeError} If it is set to what is no terminator, or to an empty delimiter.
   * @throws {RangeError} If it is set to a count that is negative, fractional or `NaN`.
   */
  get terminator(): Terminator {
    return this.#terminator;
  }

  set terminator(terminator: Terminator) {
    this.#rule = toRule(terminator);
    this.#terminator = terminator;
    this.#zeroAnswered = false;
  }

  /**
   * The longest frame that is accepted, in bytes without its terminator, from the next frame on.
   * @throws {RangeError} If it is set to anything but a whole number of bytes, or `Infinity`.
   */
  get maxFrameLength(): number {
    return this.#maxFrameLength;
  }

  set maxFrameLength(limit: number) {
    this.#maxFrameLength = checkLimit("maxFrameLength", limit);
  }

  /** How many received bytes are held, not cut into frames yet. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /**
   * Adds received bytes. They are not copied where that can be helped: do not write into them any more.
   * @param bytes The bytes, in the order they arrived.
   * @throws {TypeError} If they are no `Uint8Array`, or the end of the stream was told before.
   */
  push(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`push() takes a Uint8Array, not ${nameOf(bytes)}`);
    }
    if (this.#ended) throw new TypeError("push() after end(): the stream has ended");
    this.#buffer.append(bytes);
  }

  /** Tells that no bytes will follow. */
  end(): void {
    this.#ended = true;
  }

  /**
   * Cuts the next frame.
   *
   * @param terminator Where this one frame ends, if not where {@linkcode Framer.terminator} says, which stays in force.
   * @returns The frame without its terminator; `undefined` if more bytes are needed, or if the stream has ended
   * and nothing is left.
   * @throws {FrameTooLongError} As soon as the frame is known to be longer than `maxFrameLength`; the next call
   * carries on at the frame after it.
   * @throws {IncompleteFrameError} If the stream has ended in the middle of the frame, unless the options say otherwise.
   * @throws {TypeError} If the terminator is none, or an empty delimiter.
   * @throws {RangeError} If the terminator is a count that is negative, fractional or `NaN`.
   */
  next(terminator?: Terminator): Uint8Array | undefined {
    const sticky = terminator === undefined;
    const rule = sticky ? this.#rule : toRule(terminator);
    if (!this.#dropRest()) return undefined;
    if (sticky && rule === 0) return this.#emptyFrame();
    return this.#cut(rule) ?? (this.#ended ? this.#lastFrame(rule) : undefined);
  }

  /** The frames that are here, each cut when it is asked for. Leaving the loop loses nothing. */
  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame;
  }

  /**
   * Drops what was received and not handed out.
   * @returns How many bytes that were.
   */
  discard(): number {
    const dropped = this.#buffer.length;
    this.#buffer.skip(dropped);
    return dropped;
  }

  #cut(rule: Rule): Uint8Array | undefined {
    if (rule === null) return this.#cutAnything();
    if (typeof rule === "number") return this.#cutCount(rule);
    return this.#cutDelimited(rule);
  }

  #cutAnything(): Uint8Array | undefined {
    if (this.#buffer.length === 0) return undefined;
    return this.#buffer.takeContiguous(Math.max(1, this.#maxFrameLength));
  }

  #cutCount(count: number): Uint8Array | undefined {
    if (count > this.#maxFrameLength) {
      this.#dropping = count;
      throw new FrameTooLongError(this.#maxFrameLength, count);
    }
    return count <= this.#buffer.length ? this.#buffer.take(count) : undefined;
  }

  #cutDelimited(delimiter: Delimiter): Uint8Array | undefined {
    const end = this.#buffer.find(delimiter);
    const length = end < 0 ? this.#buffer.searched : end - delimiter.bytes.length;
    if (length > this.#maxFrameLength) {
      if (end < 0) this.#dropping = delimiter;
      else this.#buffer.skip(end);
      throw new FrameTooLongError(this.#maxFrameLength, length);
    }
    if (end < 0) return undefined;
    const frame = this.#buffer.take(length);
    this.#buffer.skip(delimiter.bytes.length);
    return frame;
  }

  /** Drops what is here of a frame that was too long. Returns whether that is done: nothing of it is to come. */
  #dropRest(): boolean {
    if (this.#dropping === 0) return true;
    if (typeof this.#dropping === "number") {
      const count = Math.min(this.#dropping, this.#buffer.length);
      this.#buffer.skip(count);
      this.#dropping -= count;
    } else {
      const end = this.#buffer.find(this.#dropping);
      if (end < 0) this.#buffer.skipAll();
      else {
        this.#buffer.skip(end);
        this.#dropping = 0;
      }
    }
    if (this.#ended) this.#dropping = 0;
    return this.#dropping === 0;
  }

  #emptyFrame(): Uint8Array | undefined {
    if (this.#zeroAnswered && this.#ended && this.#buffer.length === 0) return undefined;
    this.#zeroAnswered = true;
    return this.#buffer.take(0);
  }

  #lastFrame(rule: Rule): Uint8Array | undefined {
    if (this.#buffer.length === 0) return undefined;
    const rest = this.#buffer.take(this.#buffer.length);
    if (this.#incomplete === "yield") return rest;
    if (this.#incomplete === "drop") return undefined;
    throw new IncompleteFrameError(rest, describeRule(rule));
  }
}

function checkIncomplete(incomplete: Incomplete): Incomplete {
  if (["throw", "yield", "drop"].includes(incomplete)) return incomplete;
  throw new TypeError(`incomplete must be "throw", "yield" or "drop", not ${describe(incomplete)}`);
}
