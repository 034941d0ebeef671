// codec(): frames that become messages.

import type { Data } from "../common/bytes.ts";
import { checkFunction, checkObject } from "../common/checks.ts";
import { MessageFraming } from "../framer/message_framing.ts";
import type { Framing } from "../framer/framing.ts";

/**
 * Any framing, typed: its frames become messages, values of the program's. Reads and loops give messages, and
 * `chat.send(message)` sends one.
 *
 * A message may be `null`, which `read()` cannot tell from the end of the stream; a loop can.
 *
 * Used by: Protocol Buffers, MessagePack, CBOR or JSON behind a length; text in another charset; records of your own.
 *
 * @param framing Where frames end: one whose frames are bytes.
 * @param options How frames become messages, and messages frames.
 * @returns The framing.
 * @throws {TypeError} If an argument is of a wrong type.
 *
 * @example Lines in Shift JIS, for which `encoding` is not made
 * ```ts
 * import { codec, Framer, lines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new TextDecoder("shift_jis");
 * const shiftJis = codec(lines(), {
 *   decode: (line) => decoder.decode(line),
 *   encode: (): Uint8Array => {
 *     throw new TypeError("TextEncoder encodes UTF-8 alone: to send, take a library such as iconv-lite");
 *   },
 * });
 * const framer = new Framer({ terminator: shiftJis });
 * framer.push(Uint8Array.of(0x93, 0xfa, 0x96, 0x7b, 0x0a));
 * assertEquals([...framer], ["日本"]);
 * ```
 *
 * @example Numbers of 8 bytes
 * ```ts
 * import { codec, Framer, lengthPrefixed } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers = codec(lengthPrefixed({ bytes: 1 }), {
 *   decode: (frame) => new DataView(frame.buffer, frame.byteOffset).getFloat64(0),
 *   encode: (number: number) => new Float64Array([number]).reverse(),
 * });
 * const framer = new Framer({ terminator: numbers });
 * framer.push(Uint8Array.of(8, 0x40, 0x45, 0, 0, 0, 0, 0, 0));
 * assertEquals(framer.next(), 42);
 * ```
 */
export function codec<T>(framing: Framing, options: {
  /**
   * Makes a message of a frame. What it throws is what the read rejects with; the frame is dropped, and the next one is read.
   * @param frame The frame, without its terminator.
   * @returns The message: any value but `undefined`.
   */
  decode(frame: Uint8Array): T;
  /**
   * Makes a frame of a message; the framing adds what surrounds it.
   * @param message The message.
   * @returns The frame: a string becomes bytes in the chat's encoding, or UTF-8.
   */
  encode(message: NoInfer<T>): Data;
}): Framing<T> {
  // Both are needed, so a misspelt one is missed; and what has them may be an object of another library, with more.
  checkObject("options", options);
  const { decode, encode } = options;
  if (typeof framing?.decode !== "function") {
    throw new TypeError("framing must be a framing, such as lines() or lengthPrefixed()");
  }
  if (framing instanceof MessageFraming) {
    throw new TypeError("framing must be one whose frames are bytes, and not messages");
  }
  checkFunction("decode", decode);
  checkFunction("encode", encode);
  return new MessageFraming(framing, {
    decode: (frame) => options.decode(frame),
    encode: (message) => options.encode(message),
  });
}
