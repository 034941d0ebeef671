// Where a transport that pushes its data (events, callbacks) is turned into one that is read.

import { Deferred } from "../../common/deferred.ts";
import { Fifo } from "../../common/fifo.ts";

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
export class Inbox {
  readonly #flow: Flow;
  /** Made when it is needed first: a connection that is idle has none. */
  #chunks: Fifo<Uint8Array> | undefined;
  #length = 0;
  #waiting: Deferred<Uint8Array | null> | undefined;
  #ended = false;
  #failure: Error | undefined;

  constructor(flow: Flow = {}) {
    this.#flow = flow;
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
    if (this.#waiting !== undefined) return this.#take().resolve(chunk);
    (this.#chunks ??= new Fifo()).push(chunk);
    this.#length += chunk.length;
    this.#flow.pause?.();
  }

  /** The peer has ended its direction. */
  end(): void {
    if (this.#finished) return;
    this.#ended = true;
    if (this.#waiting !== undefined) this.#take().resolve(null);
  }

  /** The connection broke, perhaps after the peer had ended its direction; what had arrived is still read first. */
  fail(error: Error): void {
    this.#failure ??= error;
    if (this.#waiting !== undefined) this.#take().reject(this.#failure);
  }

  /** This side closed the connection: nothing more is read. */
  shut(error: Error): void {
    this.#chunks = undefined;
    this.#length = 0;
    this.#ended = false;
    this.#failure = error;
    if (this.#waiting !== undefined) this.#take().reject(error);
  }

  /** The next chunk; `null` at the end. */
  read(): Promise<Uint8Array | null> {
    const chunk = this.#chunks?.shift();
    if (chunk !== undefined) {
      this.#length -= chunk.length;
      return Promise.resolve(chunk);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(null);
    this.#waiting = new Deferred();
    this.#flow.resume?.();
    return this.#waiting.promise;
  }

  /** Whether the transport has said its last word. */
  get #finished(): boolean {
    return this.#ended || this.#failure !== undefined;
  }

  #take(): Deferred<Uint8Array | null> {
    const waiting = this.#waiting!;
    this.#waiting = undefined;
    return waiting;
  }
}
