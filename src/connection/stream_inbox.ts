// Where a Node stream, which pushes its data by events, is turned into one that is read.

import { bytesOf, plainBytes } from "../common/bytes.ts";
import { type Flow, Inbox } from "./inbox.ts";

/** What is needed of a stream: that it can be held back, and be asked for what it has buffered. */
interface BufferingStream extends Flow {
  readonly readableLength: number;
  read(): unknown;
}

export class StreamInbox extends Inbox<BufferingStream> {
  #isTakingBuffered = false;

  /** A `data` event has come. */
  onData(chunk: Uint8Array): void {
    // What is taken by read() is emitted as well, or not, by the state of the stream.
    if (!this.#isTakingBuffered) this.put(plainBytes(chunk));
  }

  /** The stream broke, or closed. What it had buffered arrived before that, and Node may not emit it any more: it is taken. */
  breakOff(error: Error): void {
    this.#isTakingBuffered = true;
    for (let left = this.flow.readableLength; left > 0;) {
      const chunk = bytesOf(this.flow.read());
      if (chunk === undefined) break;
      this.put(plainBytes(chunk));
      left -= chunk.length;
    }
    this.#isTakingBuffered = false;
    this.fail(error);
  }
}
