// Frames that become messages: what `codec()` and `jsonLines()` make.

import { bytesOf, type Data, toBytes } from "../common/bytes.ts";
import { FramingError } from "../errors.ts";
import { type Decoded, type FrameLayout, type Framing, MESSAGE, type Portion } from "./framing.ts";

/** What becomes of frames and messages. */
export interface MessageCodec<T> {
  /** A message of a frame. */
  readonly decode: (frame: Uint8Array) => T;
  /** A message of a frame of text: where there is one, frames of UTF-8 that a delimiter ends are decoded many at a time. */
  readonly decodeText?: ((text: string) => T) | undefined;
  /** A frame of a message. */
  readonly encode: (message: T) => Data;
}

/** A framing whose frames become messages. The framer reads by the framing under it, and decodes what that finds. */
export class MessageFraming<T> implements Framing<T> {
  readonly kind: typeof MESSAGE = MESSAGE;
  readonly framing: Framing;
  readonly decodeText: ((text: string) => T) | undefined;
  readonly encodeMessage: (message: unknown) => Data;
  readonly takesText = true;
  readonly #decode: (frame: Uint8Array) => T;

  constructor(framing: Framing, { decode, decodeText, encode }: MessageCodec<T>) {
    this.framing = framing;
    this.decodeText = decodeText;
    this.encodeMessage = encode as (message: unknown) => Data;
    this.#decode = decode;
  }

  /** @throws {FramingError} If `decode()` of the codec gives nothing. And what it throws. */
  readonly toMessage = (frame: Uint8Array): T => checkMessage(this.#decode(frame));

  *decode(): Generator<Portion, Decoded<T>, Uint8Array> {
    const decoded = yield* this.framing.decode();
    if (decoded === undefined) return undefined;
    const bytes = bytesOf(decoded);
    if (bytes !== undefined) return { message: this.toMessage(bytes) } as Decoded<T>;
    // The framer makes the message when it has the frame. (To a framing that hands on to this one, it is one already.)
    return new MessageLayout(decoded, this.toMessage) as unknown as Decoded<T>;
  }

  encode(message: T): Data {
    const payload = toBytes("what encode() returned", this.encodeMessage(message));
    return this.framing.encode!(payload);
  }
}

/** Where a frame lies that becomes a message. */
export class MessageLayout {
  readonly layout: FrameLayout;
  readonly toMessage: (frame: Uint8Array) => unknown;

  constructor(layout: Decoded<unknown>, toMessage: (frame: Uint8Array) => unknown) {
    if (layout instanceof MessageLayout || "message" in (layout as object)) {
      throw new FramingError("codec() takes a framing whose frames are bytes, and not messages");
    }
    this.layout = layout as FrameLayout;
    this.toMessage = toMessage;
  }
}

/** @throws {FramingError} If it is `undefined`, which would be the end of the stream to a reader. */
export function checkMessage<T>(message: T): T {
  if (message !== undefined) return message;
  throw new FramingError("a message must not be undefined: null can be one");
}
