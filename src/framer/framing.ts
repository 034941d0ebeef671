// What a framing is: a terminator with its own logic.

import type { Data } from "../common/bytes.ts";

/*
 * The kinds of framings that are the library's own. A framing shows one as its `kind`, because a property is looked at in
 * a fifth of the time that `instanceof` takes across modules: five of those were 35 ns a frame on Node. No other framing
 * can have these symbols.
 */
export const DELIMITED: unique symbol = Symbol("delimited");
export const HEADER: unique symbol = Symbol("header");
export const MESSAGE: unique symbol = Symbol("message");

/** The longest header of a frame, in bytes: far more than any protocol has. */
export const LONGEST_HEADER = 1024;

/**
 * What a {@linkcode Framing} asks for while it reads a frame: exactly so many bytes, or those before a delimiter (a string,
 * bytes, or what `delimited()`, `anyOf()` and `lines()` give), which is passed over and is not part of what it is given.
 */
export type Portion = number | string | Uint8Array | DelimitedCodec;

/** Where a frame lies, once a {@linkcode Framing} has read as much as tells it. */
export interface FrameLayout {
  /** How long the frame is, in bytes, the header included if `skip` keeps it: a whole number. */
  readonly length: number;
  /** How many bytes before the frame are not part of it. Default: all that were read so far; 0 keeps the header. */
  readonly skip?: number | undefined;
  /** What follows the frame and is not part of it: so many bytes, or bytes that must be these. Default: nothing. */
  readonly trailer?: number | string | Uint8Array | undefined;
  /**
   * Checks the whole frame, and throws if it is wrong: the frame is dropped then, and the next one is read.
   * @param frame The frame.
   * @param trailer The bytes that follow it.
   */
  readonly check?: ((frame: Uint8Array, trailer: Uint8Array) => void) | undefined;
}

/**
 * What a {@linkcode Framing} makes of what it has read:
 *
 * - a layout: where the frame lies. Nothing is copied. The frame may end before what was read: the rest is not consumed.
 * - a `Uint8Array`: the frame, made of what was read (unescaped, say).
 * - `{ message }`: a message, a value of the program's. Any value but `undefined`.
 * - `undefined`: no frame. What was read is dropped: a blank line, a heart-beat, a comment.
 */
export type Decoded<T = Uint8Array> =
  | FrameLayout
  | Uint8Array
  | undefined
  | ([T] extends [Uint8Array] ? 0 extends 1 & T ? { readonly message: T } : never
    : { readonly message: T });

/**
 * A terminator with its own logic. `lines()`, `lengthPrefixed()` and the others are framings; a protocol of your own is an
 * object with a generator that reads one frame as you would describe it.
 *
 * `decode()` yields what it wants to read next, and is given those bytes when they are here, however they arrived. It
 * returns what it made of them. The bytes are the framing's to keep. It is begun anew for each frame, so what it must remember lies in its own variables, and
 * one framing serves any number of chats.
 *
 * - **Return a layout where you can.** The length is held to `maxFrameLength` before the frame is waited for, a frame that
 *   is too long is passed over to its end, `stream()` hands it out as it arrives (with no `check`), and nothing is copied.
 * - **Read as far as you must.** A framing may read up to twice `maxFrameLength` and 1 KiB for one frame; all that was read
 *   for a message counts towards the limit. A layout may end before what was read: the next frame begins there.
 * - **Throw what the reader must know.** {@linkcode MalformedFrameError} is there for that. The bytes that were read are
 *   dropped, or only as many as its `skip` says, and the next frame begins after them.
 * - **Consume something.** A frame has at least one byte, its header or trailer included. A framing that breaks these
 *   rules, or yields and returns anything else, is answered with a {@linkcode FramingError}.
 * - **At the end of the stream** a portion that will never be whole throws an {@linkcode IncompleteFrameError} at its
 *   `yield`: catch it to return what is here all the same, or to resynchronize. `delimited("\n", { orEnd: true })` is
 *   a portion that the end of the stream ends, too.
 *
 * @example A frame with a checksum: 4 bytes of length, the payload, 4 bytes that are the sum of its bytes
 * ```ts
 * import { Framer, type Framing, MalformedFrameError } from "@asynchat/asynchat";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const sum = (payload: Uint8Array) => payload.reduce((total, byte) => total + byte, 0);
 * const uint32 = (bytes: Uint8Array) =>
 *   new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
 *
 * const summed = {
 *   *decode() {
 *     const header = yield 4;
 *     return {
 *       length: uint32(header),
 *       trailer: 4,
 *       check(payload, trailer) {
 *         if (sum(payload) !== uint32(trailer)) throw new MalformedFrameError("the checksum is wrong");
 *       },
 *     };
 *   },
 *   encode(payload: Uint8Array) {
 *     const frame = new Uint8Array(payload.length + 8);
 *     const view = new DataView(frame.buffer);
 *     view.setUint32(0, payload.length);
 *     frame.set(payload, 4);
 *     view.setUint32(payload.length + 4, sum(payload));
 *     return frame;
 *   },
 * } satisfies Framing;
 *
 * const good = summed.encode(Uint8Array.of(1, 2, 3));
 * const framer = new Framer({ terminator: summed });
 * framer.push(good.with(5, 9)); // one byte is wrong
 * framer.push(good);
 * assertThrows(() => framer.next(), MalformedFrameError);
 * assertEquals(framer.next(), Uint8Array.of(1, 2, 3));
 * ```
 *
 * @example Messages: a line with a name and numbers, and blank lines that are heart-beats
 * ```ts
 * import { Framer, type Framing } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * interface Sample {
 *   readonly name: string;
 *   readonly values: readonly number[];
 * }
 *
 * const samples: Framing<Sample> = {
 *   *decode() {
 *     const line = new TextDecoder().decode(yield "\n");
 *     if (line === "") return undefined; // a heart-beat is not a frame
 *     const [name = "", ...values] = line.split(" ");
 *     return { message: { name, values: values.map(Number) } };
 *   },
 *   encode: ({ name, values }) => [name, ...values].join(" ") + "\n",
 * };
 *
 * const framer = new Framer({ terminator: samples });
 * framer.push("load 1 2\n\n\n");
 * framer.push(framer.encode({ name: "heat", values: [40] }));
 * assertEquals([...framer], [{ name: "load", values: [1, 2] }, { name: "heat", values: [40] }]);
 * ```
 *
 * @example Lines up to a single ".", as in SMTP's mail (RFC 5321, section 4.1.1.4): a "." before others was added
 * ```ts
 * import { Framer, type Framing } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const text = new TextDecoder();
 *
 * const mail = {
 *   *decode() {
 *     let lines = "";
 *     for (;;) {
 *       const line = text.decode(yield "\r\n");
 *       if (line === ".") return new TextEncoder().encode(lines);
 *       lines += line.replace(/^\./, "") + "\r\n";
 *     }
 *   },
 * } satisfies Framing;
 *
 * const framer = new Framer({ terminator: mail, encoding: "utf-8" });
 * framer.push("Hi!\r\n..\r\n.\r\n.\r\n"); // a mail, and an empty one
 * assertEquals([...framer], ["Hi!\r\n.\r\n", ""]);
 * ```
 *
 * @example SLIP (RFC 1055): a frame ends with 0xC0, and 0xDB escapes these two in it; an empty one is no frame
 * ```ts
 * import { Framer, type Framing, MalformedFrameError } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const [END, ESC, ESC_END, ESC_ESC] = [0xc0, 0xdb, 0xdc, 0xdd];
 *
 * const slip: Framing = {
 *   *decode() {
 *     const escaped = yield Uint8Array.of(END);
 *     if (escaped.length === 0) return undefined;
 *     const frame: number[] = [];
 *     for (let at = 0; at < escaped.length; at++) {
 *       if (escaped[at] !== ESC) frame.push(escaped[at]!);
 *       else if (escaped[++at] === ESC_END) frame.push(END);
 *       else if (escaped[at] === ESC_ESC) frame.push(ESC);
 *       else throw new MalformedFrameError(`0xDB is followed by ${escaped[at]}`, { bytes: escaped });
 *     }
 *     return Uint8Array.from(frame);
 *   },
 * };
 *
 * const framer = new Framer({ terminator: slip });
 * framer.push(Uint8Array.of(END, 1, ESC, ESC_END, 2, END, END));
 * assertEquals([...framer], [Uint8Array.of(1, END, 2)]);
 * ```
 */
export interface Framing<T = Uint8Array> {
  /**
   * Reads one frame.
   * @returns A generator that yields what it wants to read next, and returns what it made of it.
   */
  decode(): Generator<Portion, Decoded<T>, Uint8Array>;
  /**
   * Makes a frame: the bytes from which `decode()` reads the same message, or the same bytes.
   * @param message A message; or a payload in bytes, where frames are bytes.
   * @returns What is to be sent.
   * @throws {FrameInjectionError} If it cannot be sent as one frame.
   */
  encode?(message: NoInfer<T>): Data;
  /**
   * Whether `encode()` wants a string that is sent as it is: set it where messages may be strings. Otherwise it is given
   * the bytes of a string, in the chat's encoding. Default: `false`.
   */
  readonly takesText?: boolean | undefined;
}

/** A {@linkcode Framing} that encodes as well: all those of this library do. */
export interface Codec extends Framing {
  /**
   * Reads one frame.
   * @returns A generator that yields what it wants to read next, and returns where the frame lies, or the frame.
   */
  decode(): Generator<Portion, FrameLayout | Uint8Array, Uint8Array>;
  /**
   * Makes a frame of a payload: the bytes from which `decode()` reads the same payload.
   * @param payload The payload; a string is encoded as UTF-8.
   * @returns The bytes to send, in an array of their own.
   * @throws {FrameInjectionError} If the payload cannot be sent as one frame.
   */
  encode(payload: Data): Uint8Array;
}

/** What `delimited()`, `anyOf()` and `lines()` give: a {@linkcode Framing} may ask for the bytes before such a delimiter. */
export interface DelimitedCodec extends Codec {
  /** Whether the delimiter is handed out at the end of the frame. */
  readonly keep: boolean;
  /** Whether the end of the stream ends the frame, too. */
  readonly orEnd: boolean;
}
