// Those who wait for frames: single reads, loops, and batches.

import { Deferred, rejected } from "../common/deferred.ts";
import { Yielder } from "../common/turns.ts";
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
export class FrameReader<T> extends Deferred<T | null> implements Reader {
  readonly #take: Take<T>;

  constructor(take: Take<T>) {
    super();
    this.#take = take;
  }

  serve(): Served {
    try {
      const frame = this.#take();
      if (frame === undefined) return "hungry";
      this.resolve(frame);
    } catch (error) {
      this.reject(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end === null) this.resolve(null);
    else this.reject(end);
  }

  discard(): boolean {
    return false;
  }
}

/** Waits for what a loop is given next. */
export class LoopReader<R> extends Deferred<IteratorResult<R, undefined>> implements Reader {
  readonly loop: Loop<unknown, R>;

  constructor(loop: Loop<unknown, R>) {
    super();
    this.loop = loop;
  }

  serve(): Served {
    try {
      const value = this.loop.take();
      if (value === undefined) return "hungry";
      this.resolve({ done: false, value });
    } catch (error) {
      this.#fail(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end !== null) return this.#fail(end);
    this.loop.onEnd();
    this.resolve(NO_MORE);
  }

  discard(): boolean {
    return false;
  }

  #fail(error: unknown): void {
    this.loop.onEnd();
    this.reject(error);
  }
}

/** What loops are over: the way in of a chat. */
interface Looped<T> {
  /** Cuts a frame. */
  takeFrame(): T | undefined;
  /** The frames that are here, if there are any. */
  takeBatch(): Iterable<T> | undefined;
  /** What a loop is given next. */
  next<R>(loop: Loop<T, R>): Promise<IteratorResult<R, undefined>>;
  leave(loop: Loop<T, unknown>): void;
  /** A loop has begun, or has ended. */
  onLoop(change: 1 | -1): void;
}

/**
 * A loop that is given an `R` made of frames again and again. (An object with functions of its own would cost each idle chat
 * 460 bytes more on Node.)
 */
export abstract class Loop<T, R> implements AsyncIterableIterator<R> {
  protected readonly inbound: Looped<T>;
  #isOpen = false;
  #yielder: Yielder | undefined;

  constructor(inbound: Looped<T>) {
    this.inbound = inbound;
  }

  /** Takes what is given next; `undefined` if that needs more bytes. */
  abstract take(): R | undefined;

  next(): Promise<IteratorResult<R, undefined>> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.inbound.onLoop(1);
    }
    return this.inbound.next(this);
  }

  return(value?: undefined): Promise<IteratorResult<R, undefined>> {
    this.#leave();
    return Promise.resolve({ done: true, value });
  }

  throw(error: unknown): Promise<IteratorResult<R, undefined>> {
    this.#leave();
    return rejected(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The end, or an error, was its last result: a `for await` asks for no more. */
  onEnd(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.inbound.onLoop(-1);
  }

  /** Is asked before it is given what takes no bytes: see {@linkcode Yielder}. */
  maybeYield(): Promise<void> | undefined {
    return (this.#yielder ??= new Yielder()).maybeYield();
  }

  #leave(): void {
    this.onEnd();
    this.inbound.leave(this);
  }
}

/** A loop over frames. */
export class FrameLoop<T> extends Loop<T, T> {
  take(): T | undefined {
    return this.inbound.takeFrame();
  }
}

/** A loop over the frames that are here, again and again. */
export class BatchLoop<T> extends Loop<T, Iterable<T>> {
  take(): Iterable<T> | undefined {
    return this.inbound.takeBatch();
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
