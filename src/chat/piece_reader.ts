// Who wants one frame piece by piece, in the queue of readers: what `stream()` gives.

import { Deferred, rejected } from "../common/deferred.ts";
import { Fifo } from "../common/fifo.ts";
import { ChatError, ClosedError } from "../errors.ts";
import type { Framer } from "../framer/framer.ts";
import type { Rule } from "../framer/terminator.ts";
import { NO_MORE, type Reader, type Served } from "./readers.ts";

/** The pieces of one frame, as they arrive. */
export interface FramePieces extends AsyncIterableIterator<Uint8Array>, AsyncDisposable {
  /** Leaves the frame: what was not taken of it is dropped, as it arrives. */
  return(): Promise<IteratorResult<Uint8Array, undefined>>;
}

type Piece = IteratorResult<Uint8Array, undefined>;

/** The queue that it stands in. */
interface Queue {
  /** Whether another reader waits after the first. */
  readonly hasWaiters: boolean;
  /** Hands out what is here. */
  serve(): void;
}

export class PieceReader<T> implements Reader, FramePieces {
  readonly #framer: Framer<T>;
  readonly #rule: Rule | undefined;
  readonly #queue: Queue;
  readonly #waiting: Fifo<Deferred<Piece>> = new Fifo();
  /** Whether pieces were handed out. */
  #begun = false;
  /** Whether they end only with the stream. */
  #isEndless = false;
  /** Whether the rest of the frame is to be skipped. */
  #left = false;
  #over = false;
  /** What the next `next()` is to be told: that what was handed out was not all. */
  #failure: Error | undefined;

  constructor(
    framer: Framer<T>,
    rule: Rule | undefined,
    queue: Queue,
  ) {
    this.#framer = framer;
    this.#rule = rule;
    this.#queue = queue;
  }

  next(): Promise<Piece> {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return rejected(failure);
    }
    if (this.#over || this.#left) return Promise.resolve(NO_MORE);
    const waiting = new Deferred<Piece>();
    this.#waiting.push(waiting);
    this.#queue.serve();
    return waiting.promise;
  }

  return(): Promise<Piece> {
    this.#left = true;
    this.#failure = undefined;
    for (const waiting of this.#waiting.clear()) waiting.resolve(NO_MORE);
    this.#queue.serve();
    return Promise.resolve(NO_MORE);
  }

  throw(error: unknown): Promise<Piece> {
    void this.return();
    return rejected(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  serve(): Served {
    try {
      if (this.#left) return this.#skip();
      this.#noteTerminator();
      while (this.#waiting.length > 0) {
        const piece = this.#framer.nextPiece(this.#rule);
        if (piece === undefined) return "hungry";
        if (piece === null) {
          this.#end(undefined);
          return "done";
        }
        this.#begun = true;
        this.#waiting.shift()!.resolve({ done: false, value: piece });
      }
      return "resting";
    } catch (error) {
      this.#end(error as Error);
      return "done";
    }
  }

  /** A frame that this side broke off must not look like a whole one; without a terminator there is none. */
  finish(end: Error | null): void {
    this.#noteTerminator();
    const cutOff = new ClosedError("the chat was closed before the frame had ended");
    this.#end(end ?? (this.#isEndless ? undefined : cutOff));
  }

  discard(): boolean {
    if (!this.#begun) return false;
    this.#end(new ChatError("discarded", "the rest of the frame was dropped by discardBuffers()"));
    return true;
  }

  #skip(): Served {
    if (this.#framer.skip(this.#rule)) return "done";
    return this.#queue.hasWaiters ? "hungry" : "resting";
  }

  /** The terminator counts when the first piece is taken. */
  #noteTerminator(): void {
    if (this.#begun) return;
    this.#isEndless = (this.#rule === undefined ? this.#framer.terminator : this.#rule) === null;
  }

  #end(failure: Error | undefined): void {
    this.#over = true;
    const first = this.#waiting.shift();
    if (failure === undefined) first?.resolve(NO_MORE);
    else if (first !== undefined) first.reject(failure);
    else if (!this.#left) this.#failure = failure;
    for (const waiting of this.#waiting.clear()) waiting.resolve(NO_MORE);
  }
}
