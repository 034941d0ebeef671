// Where a transport that pushes its data (events, callbacks) is turned into one that is read.

import { NOW } from "../common/deferred.ts";
import { Fifo } from "../common/fifo.ts";
import type { Receiver } from "./receiving.ts";

/** How the transport is told to hold back, and to go on, if it can be. */
export interface Flow {
  /** Something arrived that nobody had asked for. */
  pause?(): unknown;
  /** Somebody waits, and nothing is here. */
  resume?(): unknown;
}

/**
 * ```text
 *   put(chunk) ──▶ [ chunks nobody asked for yet ] ──▶ read()
 *   end(), fail(error): what read() says once the chunks are gone
 *   shut(error): the chunks are dropped, and read() rejects at once
 * ```
 */
export class Inbox<Transport extends Flow = Flow> {
  protected readonly flow: Transport;
  #chunks: Fifo<Uint8Array> = Fifo.EMPTY;
  #length = 0;
  #receiver: Receiver | undefined;
  #ended = false;
  #failure: Error | undefined;

  constructor(flow: Transport = {} as Transport) {
    this.flow = flow;
  }

  /** How many bytes wait to be read. */
  get length(): number {
    return this.#length;
  }

  /** Whether the peer has ended its direction, though what came before may not be read yet. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Hands a chunk to the read that waits, or keeps it and holds the transport back. */
  put(chunk: Uint8Array): void {
    if (this.#finished || chunk.length === 0) return;
    if (this.#receiver !== undefined && this.#length === 0) {
      return this.#takeReceiver().onChunk(chunk);
    }
    this.#chunks = this.#chunks.with(chunk);
    this.#length += chunk.length;
    this.flow.pause?.();
  }

  /** The peer has ended its direction. */
  end(): void {
    if (this.#finished) return;
    this.#ended = true;
    this.#answerWhenEmpty();
  }

  /** The connection broke, perhaps after the peer had ended its direction; what had arrived is still read first. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#answerWhenEmpty();
  }

  /** This side closed the connection: nothing more is read. */
  shut(error: Error): void {
    this.#chunks = Fifo.EMPTY;
    this.#length = 0;
    this.#ended = false;
    this.#failure = error;
    if (this.#receiver !== undefined) this.#answerSoon();
  }

  /** Gives the next chunk, `null` at the end, to a receiver; with `undefined`, to no receiver any more. */
  receive(receiver: Receiver | undefined): void {
    this.#receiver = receiver;
    if (receiver === undefined) return;
    if (this.#length > 0 || this.#finished) this.#answerSoon();
    else this.flow.resume?.();
  }

  /** The next chunk; `null` at the end. */
  read(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) =>
      this.receive({ onChunk: resolve, onReadFailure: reject })
    );
  }

  /** Whether the transport has said its last word. */
  get #finished(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  #answerWhenEmpty(): void {
    if (this.#receiver !== undefined && this.#length === 0) this.#answer();
  }

  /** Its receiver is in the middle of something, perhaps. */
  #answerSoon(): void {
    const receiver = this.#receiver;
    void NOW.then(() => {
      if (this.#receiver !== undefined && this.#receiver === receiver) this.#answer();
    });
  }

  #answer(): void {
    const receiver = this.#takeReceiver();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#length -= chunk.length;
      receiver.onChunk(chunk);
    } else if (this.#failure !== undefined) receiver.onReadFailure(this.#failure);
    else receiver.onChunk(null);
  }

  #takeReceiver(): Receiver {
    const receiver = this.#receiver!;
    this.#receiver = undefined;
    return receiver;
  }
}
