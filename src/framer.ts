// Framer: bytes in, frames out, without I/O; the terminator may change between any two frames.

import { checkBytes, checkLimit, checkOptions, describe } from "./common/checks.ts";
import { FrameTooLongError, IncompleteFrameError } from "./errors.ts";
import { ChunkFraming } from "./framer/chunk_framing.ts";
import { type Found, Refusal, runCheck } from "./framer/decoding.ts";
import { DelimitedFraming } from "./framer/delimited_framing.ts";
import { FrameFinder } from "./framer/frame_finder.ts";
import { FrameText, type TextOptions } from "./framer/frame_text.ts";
import { checkTrailer, Passage } from "./framer/passage.ts";
import { TextCutter } from "./framer/text_cutter.ts";
import type { Framing } from "./framing.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { describeRule, encodeFrame, type Rule, type Terminator, toRule } from "./terminator.ts";

/** What a frame is handed out as: bytes, or text where an encoding was given. */
export type Frame = Uint8Array | string;

/** What to do with bytes that the stream ends after, before their frame did. */
export type Incomplete = "throw" | "yield" | "drop";

/** How a {@linkcode Framer} cuts bytes into frames. */
export interface FramerOptions extends TextOptions {
  /** Where frames end; it can be changed between any two frames. */
  terminator: Terminator;
  /** The longest frame that is accepted, in bytes without its terminator, or `Infinity`. Default: 1 MiB. */
  maxFrameLength?: number | undefined;
  /**
   * What becomes of a last frame that the stream ended in the middle of: it throws an
   * `IncompleteFrameError` (`"throw"`, the default), is handed out as it is (`"yield"`), or is dropped (`"drop"`).
   */
  incomplete?: Incomplete | undefined;
}

/**
 * What the options say of the encoding where frames are `F`: there is one where they are text, and none where they are
 * bytes, and either where they are `Frame`s. (`F` is inferred from an encoding to be `string`, as the `valueOf()` of a
 * string gives one.)
 */
export type EncodingOf<F> =
  | { readonly encoding: { valueOf(): F } }
  | (Uint8Array extends F ? { readonly encoding?: undefined } : never)
  | (Frame extends F ? { readonly encoding?: string | undefined } : never);

const DEFAULT_MAX_FRAME_LENGTH = 1024 * 1024;

/**
 * Bytes in, frames out: the framing of a chat without any I/O, for bytes that come from elsewhere.
 *
 * A frame is cut only when it is asked for, so the terminator may change between any two, also when the bytes of
 * both are here already. A frame is the caller's to keep: no later bytes are written into it.
 *
 * ```text
 *   push() ──▶ [ held ] ──next()──────▶ a frame, without its terminator
 *               │  ▲  │ ──nextPiece()──▶ its first piece
 *   too long:   │  │  ▼
 *   the error   │  │ [ handing out ] ──nextPiece()──▶ its next piece, null at its end
 *               ▼  │  │
 *       [ dropping ]  │ next(): the pieces that nobody took are dropped
 *               ▲  └──┼── the frame's own end
 *               └─────┘
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
export class Framer<F extends Frame = Uint8Array> implements Iterable<F> {
  readonly #buffer = new ReceiveBuffer();
  readonly #finder = new FrameFinder(this.#buffer);
  readonly #incomplete: Incomplete;
  readonly #givesText: boolean;
  #text: FrameText | undefined;
  #textCutter: TextCutter | undefined;
  #terminator: Terminator;
  #rule: Rule;
  #maxFrameLength: number;
  #ended = false;
  /** The frame that is being passed piece by piece: handed out, or dropped. */
  #passage: Passage | undefined;
  /** Whether the pieces of the passage are handed out. */
  #isHandedOut = false;
  /** How many bytes of it were handed out. */
  #handedOut = 0;
  /** Whether the terminator in force is a 0 that was answered with its empty frame. */
  #zeroAnswered = false;
  #frames = 0;

  /**
   * Makes a framer that holds nothing yet.
   * @param options How frames are cut: with an encoding they are text. (For options that may have one or not, it is a
   * `Framer<Frame>`.)
   * @throws {TypeError} If an option is of a wrong type, or a delimiter empty.
   * @throws {RangeError} If a count or a limit is not a whole number of bytes, or the encoding unknown.
   */
  constructor(options: FramerOptions & EncodingOf<F>) {
    const { terminator, encoding, fatal } = checkOptions(options);
    const { maxFrameLength = DEFAULT_MAX_FRAME_LENGTH, incomplete = "throw" } = options;
    this.#rule = toRule(terminator);
    this.#terminator = terminator;
    this.#maxFrameLength = checkLimit("maxFrameLength", maxFrameLength);
    this.#incomplete = checkIncomplete(incomplete);
    this.#givesText = encoding !== undefined;
    if (this.#givesText || fatal !== undefined) this.#text = new FrameText({ encoding, fatal });
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
    this.#finder.reconsider();
  }

  /** How many received bytes are held, not cut into frames yet. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** How many frames were handed out, as a whole or in pieces to their end. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Whether `next()` would give a frame, or throw: no more bytes are needed for that. It is `false` while a frame is
   * handed out in pieces.
   */
  get ready(): boolean {
    if (this.#isHandedOut || !this.#dropRest()) return false;
    const rule = this.#rule;
    if (rule === 0) return !this.#zeroIsOver;
    if (typeof rule === "number" && rule > this.#maxFrameLength) return !this.#isOver;
    if (this.#ended && this.#incomplete !== "drop") return this.#buffer.length > 0;
    if (rule === null) {
      return this.#givesText ? this.#wholeText().length > 0 : this.#buffer.length > 0;
    }
    if (typeof rule === "number") return rule <= this.#buffer.length;
    const found = this.#findWithin(rule);
    return found instanceof Refusal || (found !== undefined && this.#isHere(found));
  }

  /**
   * Adds received bytes. They are not copied where that can be helped: do not write into them any more.
   * @param bytes The bytes, in the order they arrived.
   * @throws {TypeError} If they are no `Uint8Array`, or the end of the stream was told before.
   */
  push(bytes: Uint8Array): void {
    checkBytes("bytes", bytes);
    if (this.#ended) throw new TypeError("push() after end(): the stream has ended");
    this.#buffer.append(bytes);
  }

  /** Tells that no bytes will follow. */
  end(): void {
    this.#ended = true;
  }

  /**
   * Cuts the next frame: text if the options have an encoding, bytes if not.
   *
   * @param terminator Where this one frame ends, if not where {@linkcode Framer.terminator} says, which stays in force.
   * @returns The frame without its terminator; `undefined` if more bytes are needed, or if the stream has ended
   * and nothing is left.
   * @throws {FrameTooLongError} As soon as the frame is known to be longer than `maxFrameLength`; the next call
   * carries on at the frame after it.
   * @throws {MalformedFrameError} If it is no frame by the rules of its framing, or no text, and `fatal` is set.
   * @throws {IncompleteFrameError} If the stream has ended in the middle of the frame, unless the options say otherwise.
   * @throws {FramingError} If the framing breaks the rules for framings; and whatever a framing of your own throws.
   * @throws {TypeError} If the terminator is none, or an empty delimiter.
   * @throws {RangeError} If the terminator is a count that is negative, fractional or `NaN`.
   */
  next(terminator?: Terminator): F | undefined {
    return (this.#givesText ? this.nextText(terminator) : this.nextBytes(terminator)) as F;
  }

  /**
   * Cuts the next frame as bytes, whatever the options say.
   * @param terminator As for {@linkcode Framer.next}, whose errors are thrown.
   * @returns The frame without its terminator; `undefined` if more bytes are needed, or nothing is left.
   */
  nextBytes(terminator?: Terminator): Uint8Array | undefined {
    return this.#next(this.#ruleFor(terminator), terminator === undefined);
  }

  /**
   * Cuts the next frame as text: in the options' encoding, or UTF-8.
   * @param terminator As for {@linkcode Framer.next}, whose errors are thrown.
   * @returns The frame without its terminator; `undefined` if more bytes are needed, or nothing is left.
   */
  nextText(terminator?: Terminator): string | undefined {
    const rule = this.#ruleFor(terminator);
    if (rule === null) return this.#cutText();
    const text = rule instanceof DelimitedFraming && this.#isUndecided
      ? this.#cutter.cut(this.#buffer, rule, this.#maxFrameLength)
      : undefined;
    if (text !== undefined) {
      this.#frames++;
      return text;
    }
    const frame = this.#next(rule, terminator === undefined);
    if (frame === undefined) return undefined;
    this.#cutter.follow(this.#buffer);
    return this.#decoder.decode(frame);
  }

  /**
   * Hands the next frame out piece by piece, as it arrives, however long it is. {@linkcode Framer.skip} the rest, or
   * ask for a whole frame, which skips it, too.
   *
   * @param terminator As for {@linkcode Framer.next}; it counts when the frame's first piece is asked for.
   * @returns A piece, at least one byte; `null` at the end of the frame; `undefined` if more bytes are needed.
   * @throws {IncompleteFrameError} If the stream has ended before the frame did, or before it began, unless
   * `incomplete` is `"yield"`. It carries what had not been handed out.
   * @throws {FrameTooLongError} If a framing must see the whole frame before it can hand it out, and it is too long.
   * @throws {MalformedFrameError} If it is no frame by the rules of its framing.
   */
  nextPiece(terminator?: Terminator): Uint8Array | null | undefined {
    const rule = this.#ruleFor(terminator);
    if (!this.#isHandedOut) {
      if (!this.#dropRest()) return undefined;
      this.#passage = this.#beginPassage(rule);
      this.#isHandedOut = this.#passage !== undefined;
    }
    try {
      const piece = this.#passage?.next(this.#buffer, this.#ended);
      if (piece === undefined && this.#ended) return this.#lastPiece(rule);
      if (piece === null) this.#endPieces();
      else this.#handedOut += piece?.length ?? 0;
      return piece;
    } catch (error) {
      this.#endPassage();
      throw error;
    }
  }

  /**
   * Skips the frame that is being handed out in pieces, or, if none is, the next one: what has not been handed out of
   * it is dropped, as it arrives. (With the terminator `null` there is no frame to skip.)
   *
   * @param terminator As for {@linkcode Framer.next}.
   * @returns Whether it is known where the frame ends, or will be when it is dropped; if not, more bytes are needed.
   * @throws {MalformedFrameError} If it is no frame by the rules of its framing.
   */
  skip(terminator?: Terminator): boolean {
    if (!this.#isHandedOut) {
      const rule = this.#ruleFor(terminator);
      if (!this.#dropRest()) return false;
      this.#passage = rule === null ? undefined : this.#beginPassage(rule);
      if (rule !== null && this.#passage === undefined) {
        if (this.#ended) this.discard();
        return this.#ended;
      }
    }
    this.#isHandedOut = false;
    return true;
  }

  /**
   * Makes a frame of a payload, by the terminator in force: the bytes that a peer who reads by it takes for this one
   * frame.
   *
   * @param payload The payload; a string is encoded as UTF-8.
   * @returns The bytes to send: the payload itself where nothing is to be added, and an array of their own otherwise.
   * @throws {FrameInjectionError} If there is nothing that the peer would read so.
   * @throws {UnsupportedError} If the terminator is a framing that cannot encode.
   * @throws {TypeError} If the payload is neither a string nor bytes.
   */
  encode(payload: Uint8Array | string): Uint8Array {
    return encodeFrame(this.#rule, payload);
  }

  /** The frames that are here, each cut when it is asked for. Leaving the loop loses nothing. */
  *[Symbol.iterator](): IterableIterator<F> {
    for (let frame = this.next(); frame !== undefined; frame = this.next()) yield frame;
  }

  /**
   * Takes all bytes that are held, uncut: to hand them on, when this framer is not needed any more. A frame that was
   * being passed in pieces, or dropped, is forgotten: a new frame would begin here.
   * @returns The bytes, none of which was handed out before.
   */
  takeRest(): Uint8Array {
    this.#beginAnew();
    return this.#buffer.take(this.#buffer.length);
  }

  /**
   * Drops what was received and not handed out. What is pushed after it begins a new frame.
   * @returns How many bytes that were.
   */
  discard(): number {
    const dropped = this.#buffer.length;
    this.#beginAnew();
    this.#buffer.skip(dropped);
    return dropped;
  }

  #ruleFor(terminator: Terminator | undefined): Rule {
    return terminator === undefined ? this.#rule : toRule(terminator);
  }

  #next(rule: Rule, isInForce: boolean): Uint8Array | undefined {
    const frame = this.#cutFromChunk(rule) ?? this.#cut(rule, isInForce);
    if (frame !== undefined) this.#frames++;
    return frame;
  }

  #cutFromChunk(rule: Rule): Uint8Array | undefined {
    if (!this.#isUndecided) return undefined;
    if (rule instanceof ChunkFraming) return rule.cutFromChunk(this.#buffer, this.#maxFrameLength);
    const isCount = typeof rule === "number" && rule > 0 && rule <= this.#maxFrameLength;
    return isCount ? this.#buffer.takeFresh(0, rule) : undefined;
  }

  /** Whether nothing is known yet of the next frame. */
  get #isUndecided(): boolean {
    return this.#passage === undefined && this.#finder.isIdle;
  }

  #cut(rule: Rule, isInForce: boolean): Uint8Array | undefined {
    if (!this.#dropRest()) return undefined;
    if (rule === null || typeof rule === "number") this.#finder.forget();
    if (rule === null) return this.#cutAnything();
    if (rule === 0 && isInForce) {
      if (this.#zeroIsOver) return undefined;
      this.#zeroAnswered = true;
    }
    const frame = typeof rule === "number" ? this.#cutCount(rule) : this.#cutFramed(rule);
    return frame ?? (this.#ended ? this.#lastFrame(rule) : undefined);
  }

  #cutAnything(): Uint8Array | undefined {
    if (this.#buffer.length === 0) return undefined;
    return this.#buffer.takeContiguous(Math.max(1, this.#maxFrameLength));
  }

  #cutText(): string | undefined {
    if (!this.#dropRest()) return undefined;
    const whole = this.#wholeText();
    if (whole.length === 0) return undefined;
    this.#buffer.skip(whole.length);
    this.#frames++;
    return this.#decoder.decode(whole);
  }

  /** What is here, up to the last whole character: the bytes of one whose rest has not arrived stay for the next read. */
  #wholeText(): Uint8Array {
    this.#finder.forget();
    const held = this.#buffer.look(
      Math.min(this.#buffer.length, Math.max(4, this.#maxFrameLength)),
    );
    this.#buffer.rewind();
    const isLast = this.#ended && held.length === this.#buffer.length;
    return held.subarray(0, held.length - (isLast ? 0 : this.#decoder.unfinished(held)));
  }

  get #decoder(): FrameText {
    return this.#text ??= new FrameText({});
  }

  get #cutter(): TextCutter {
    return this.#textCutter ??= new TextCutter(this.#decoder);
  }

  #cutCount(count: number): Uint8Array | undefined {
    if (count > this.#maxFrameLength && !this.#isOver) {
      this.#drop(Passage.past(count));
      throw new FrameTooLongError(this.#maxFrameLength, count);
    }
    return count <= this.#buffer.length ? this.#buffer.take(count) : undefined;
  }

  #cutFramed(framing: Framing): Uint8Array | undefined {
    const found = this.#findWithin(framing);
    if (found instanceof Refusal) {
      this.#finder.forget();
      this.#drop(found.drop);
      throw found.error;
    }
    return found !== undefined && this.#isHere(found) ? this.#take(found) : undefined;
  }

  #findWithin(framing: Framing): Found | Refusal | undefined {
    return this.#finder.findWithin(framing, this.#maxFrameLength, this.#ended);
  }

  #isHere({ skip, length, after }: Found): boolean {
    return skip + length + after <= this.#buffer.length;
  }

  #take({ skip, length, after, trailer, made, check }: Found): Uint8Array {
    this.#finder.reset();
    if (skip > 0) this.#buffer.skip(skip);
    if (made !== undefined) return made;
    if (trailer === undefined && check === undefined) return this.#buffer.take(length, after);
    const frame = this.#buffer.take(length);
    const following = this.#buffer.take(after);
    checkTrailer(following, trailer);
    runCheck(check, frame, following);
    return frame;
  }

  #beginPassage(rule: Rule): Passage | undefined {
    if (rule === null || typeof rule === "number" || rule instanceof DelimitedFraming) {
      this.#finder.forget();
      if (rule === null) return Passage.ofAll();
      if (typeof rule !== "number") return Passage.upTo(rule);
      return new Passage({ skip: 0, length: rule, after: 0 });
    }
    const found = this.#finder.find(rule, this.#maxFrameLength, this.#ended);
    const mustBeWhole = found instanceof Refusal || found?.made || found?.check;
    if (mustBeWhole) {
      const frame = this.#cutFramed(rule);
      return frame && Passage.of(frame);
    }
    if (found === undefined) return undefined;
    this.#finder.forget();
    return new Passage(found);
  }

  #endPieces(): void {
    this.#frames++;
    this.#endPassage();
  }

  #endPassage(): void {
    this.#passage = undefined;
    this.#isHandedOut = false;
    this.#handedOut = 0;
  }

  #beginAnew(): void {
    this.#endPassage();
    this.#finder.forget();
  }

  #drop(passage: Passage): void {
    this.#passage = passage;
    this.#dropRest();
  }

  /** Drops what is here of a frame that was too long or was left. Returns whether nothing of it is to come. */
  #dropRest(): boolean {
    if (this.#passage === undefined) return true;
    this.#isHandedOut = false;
    if (this.#passage.isEndless || this.#dropPieces(this.#passage)) this.#endPassage();
    else if (this.#ended) this.discard();
    return this.#passage === undefined;
  }

  #dropPieces(passage: Passage): boolean {
    try {
      for (;;) {
        const piece = passage.next(this.#buffer, this.#ended);
        if (piece === undefined) return false;
        if (piece === null) return true;
      }
    } catch {
      return true; // what follows it is wrong: it is dropped all the same
    }
  }

  /** Whether the stream has ended, and nothing of it is left. */
  get #isOver(): boolean {
    return this.#ended && this.#buffer.length === 0;
  }

  /** Whether the count 0 has had its one empty frame at the end of the stream. */
  get #zeroIsOver(): boolean {
    return this.#zeroAnswered && this.#ended;
  }

  #lastFrame(rule: Rule): Uint8Array | undefined {
    this.#finder.forget();
    if (this.#buffer.length === 0) return undefined;
    const rest = this.#buffer.take(this.#buffer.length);
    if (this.#incomplete === "drop") return undefined;
    if (this.#incomplete === "throw") throw new IncompleteFrameError(rest, describeRule(rule));
    if (rest.length <= this.#maxFrameLength) return rest;
    throw new FrameTooLongError(this.#maxFrameLength, rest.length);
  }

  /** What was handed out cannot be dropped any more: with `"drop"`, too, the reader must know that it was not all. */
  #lastPiece(rule: Rule): Uint8Array | null {
    const handedOut = this.#handedOut;
    const rest = this.takeRest();
    if (this.#incomplete !== "yield") {
      throw new IncompleteFrameError(rest, describeRule(rule), handedOut);
    }
    if (rest.length === 0) {
      this.#endPieces();
      return null;
    }
    this.#passage = Passage.past(0);
    this.#isHandedOut = true;
    return rest;
  }
}

function checkIncomplete(incomplete: Incomplete): Incomplete {
  if (["throw", "yield", "drop"].includes(incomplete)) return incomplete;
  throw new TypeError(`incomplete must be "throw", "yield" or "drop", not ${describe(incomplete)}`);
}
