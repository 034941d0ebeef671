// Those who wait for frames: single reads, loops, and batches.

import { Deferred, quiet } from "../common/deferred.ts";
import { Steps } from "../common/turns.ts";
import type { Framer } from "../framer/framer.ts";

/** One who waits, in the queue of readers. */
export interface Reader {
  /** Takes what it wants, if that is here. */
  serve(): Served;
  /** Nothing more will come: the stream has ended, or is broken. */
  finish(end: Error | null): void;
  /** What had arrived was dropped. Returns whether that leaves nothing to wait for. */
  discard(): boolean;
}

/** `"done"`: the next reader's turn. `"hungry"`: more bytes are needed. `"resting"`: its caller asks for nothing yet. */
export type Served = "done" | "hungry" | "resting";

/** Cuts a frame, or several; `undefined` if that needs more bytes. */
export type Take<T> = () => T | undefined;

/** What an iterator gives after the last value. */
export const NO_MORE: IteratorResult<never, undefined> = { done: true, value: undefined };

/** Waits for one frame. */
export class FrameReader<T, Result> extends Deferred<Result> implements Reader {
  readonly #take: Take<T>;
  readonly #toResult: (frame: T) => Result;
  readonly #atEnd: Result;
  /** The loop that waits for it, if one does, and may be left. */
  readonly loop: Loop<unknown> | undefined;

  /**
   * @param toResult Makes of the frame what the promise gives.
   * @param atEnd What it gives at the end. (A message may be `null`.)
   */
  constructor(
    take: Take<T>,
    toResult: (frame: T) => Result,
    atEnd: Result,
    loop?: Loop<unknown>,
  ) {
    super();
    this.#take = take;
    this.#toResult = toResult;
    this.#atEnd = atEnd;
    this.loop = loop;
  }

  serve(): Served {
    try {
      const frame = this.#take();
      if (frame === undefined) return "hungry";
      this.resolve(this.#toResult(frame));
    } catch (error) {
      this.#fail(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end !== null) return this.#fail(end);
    this.loop?.onEnd();
    this.resolve(this.#atEnd);
  }

  discard(): boolean {
    return false;
  }

  #fail(error: unknown): void {
    this.loop?.onEnd();
    this.reject(error);
  }
}

/** What loops are over: the way in of a chat. */
interface Looped {
  next<T>(take: Take<T>, loop: Loop<T>): Promise<IteratorResult<T, undefined>>;
  leave(loop: Loop<unknown>): void;
  /** A loop has begun, or has ended. */
  onLoop(change: 1 | -1): void;
}

/** A loop over frames. (An object with functions of its own would cost each idle chat 460 bytes more on Node.) */
export class Loop<T> implements AsyncIterableIterator<T> {
  readonly steps: Steps = new Steps();
  readonly #inbound: Looped;
  readonly #take: Take<T>;
  #isOpen = false;

  constructor(inbound: Looped, take: Take<T>) {
    this.#inbound = inbound;
    this.#take = take;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#inbound.onLoop(1);
    }
    return this.#inbound.next(this.#take, this);
  }

  return(value?: undefined): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    return Promise.resolve({ done: true, value });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#leave();
    return quiet(Promise.reject(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The end, or an error, was its last result: a `for await` asks for no more. */
  onEnd(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#inbound.onLoop(-1);
  }

  #leave(): void {
    this.onEnd();
    this.#inbound.leave(this);
  }
}

/** The frames that are here, until one is read otherwise. (A generator in its place takes 10 ns more for each on V8.) */
export class Batch<T> implements IterableIterator<T> {
  readonly #framer: Framer<T>;
  #isOver = false;

  constructor(framer: Framer<T>) {
    this.#framer = framer;
  }

  next(): IteratorResult<T, undefined> {
    if (!this.#isOver) {
      const value = this.#framer.next();
      if (value !== undefined) return { done: false, value };
    }
    return this.return();
  }

  /** Ends it: what it has not given goes to who comes next. */
  return(): IteratorResult<T, undefined> {
    this.#isOver = true;
    return NO_MORE;
  }

  [Symbol.iterator](): this {
    return this;
  }
}
