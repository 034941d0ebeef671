import { describe, nameOf } from "./checks.ts";
import { Deferred, quiet } from "./deferred.ts";
import { TimeoutError } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import type { Frame } from "./frame_text.ts";
import type { Framer } from "./framer.ts";
import { iterate } from "./iterate.ts";
import type { Rule } from "./terminator.ts";

/** What a read needs to know of an `AbortSignal`, which is one. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Listens for that. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Listens no more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/** When a read is given up. What has arrived then goes to the next read. */
export interface ReadOptions {
  /** Rejects the read with its reason when it is aborted. */
  signal?: AbortSignalLike | undefined;
  /** Rejects the read with a `TimeoutError` after so many milliseconds, 0 to 2,147,483,647. Default: never. */
  timeout?: number | undefined;
}

/** The longest time that a timer can wait: a longer one would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Somebody who waits for frames. */
interface Reader {
  /** Takes what it wants, if that is here. */
  serve(): Served;
  /** Is told that nothing more will come: the end, or what broke. */
  finish(end: Error | null): void;
}

/** `"done"`: the next reader's turn. `"hungry"`: more bytes are needed. `"resting"`: its caller asks for nothing yet. */
type Served = "done" | "hungry" | "resting";

/**
 * Those who wait for frames, first come, first served.
 *
 * ```text
 *   push(bytes) ──▶ framer ──▶ [ read ][ stream ][ read ] ◀── read(), stream(), batches()
 *                                 │       └ holds its place until its frame has passed, or was left
 *                                 └ no frame here: onHungry() asks for bytes
 * ```
 */
export class ReadQueue<F extends Frame> {
  readonly #framer: Framer<F>;
  readonly #onHungry: () => void;
  readonly #readers: Fifo<Reader> = new Fifo();
  /** `undefined` while bytes may arrive; then what readers are told when no frames are left: the end, or what broke. */
  #end: Error | null | undefined;
  /** Whether no frame is handed out any more. */
  #dropped = false;

  /**
   * @param framer What cuts the frames.
   * @param onHungry Is called when a reader needs more bytes than are here.
   */
  constructor(framer: Framer<F>, onHungry: () => void) {
    this.#framer = framer;
    this.#onHungry = onHungry;
  }

  /** What readers are told when no frames are left; `undefined` while bytes may arrive. */
  get end(): Error | null | undefined {
    return this.#end;
  }

  /** Adds bytes that arrived. */
  push(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    this.serve();
  }

  /** No bytes will follow: `null` if the peer ended in order. Frames that are here are handed out first. */
  finish(end: Error | null): void {
    if (end === null) this.#framer.end();
    this.#end = end;
    this.serve();
  }

  /** Drops what is here: readers are told the end at once. */
  drop(end: Error | null): void {
    this.#end = end;
    this.#dropped = true;
    this.#framer.discard();
    this.serve();
  }

  /** Hands out what is here to those who wait, and asks for more if that leaves one waiting. */
  serve(): void {
    for (let first = this.#readers.first; first !== undefined; first = this.#readers.first) {
      const served = this.#dropped ? "hungry" : first.serve();
      if (served === "resting") return;
      if (served === "hungry") {
        if (this.#end === undefined) return this.#onHungry();
        first.finish(this.#end);
      }
      this.#readers.shift();
    }
  }

  /** Waits for one frame, as `take` takes it from the framer. */
  read<T>(take: (framer: Framer<F>) => T | undefined, options: ReadOptions): Promise<T | null> {
    checkReadOptions(options);
    const { signal, timeout = Infinity } = options;
    if (signal?.aborted) return quiet(Promise.reject(signal.reason));
    const read = new FrameReader(() => take(this.#framer));
    this.#readers.push(read);
    this.serve();
    if (!read.isSettled && (signal !== undefined || timeout !== Infinity)) {
      this.#limit(read, signal, timeout);
    }
    return read.promise;
  }

  /** One frame, piece by piece. */
  stream(rule: Rule | undefined): AsyncIterableIterator<Uint8Array> {
    const reader = new PieceReader(this.#framer, rule, {
      isWaitedFor: () => this.#readers.length > 1,
      serve: () => this.serve(),
    });
    this.#readers.push(reader);
    return reader;
  }

  /** The frames that are here, again and again. */
  batches(): AsyncIterableIterator<Iterable<F>> {
    const batch = (): Iterable<F> => this.#batch();
    return iterate(() => this.read((framer) => framer.ready ? batch() : undefined, {}));
  }

  /** The frames that are here; somebody who waits was there before, and ends it. */
  *#batch(): Generator<F, void, undefined> {
    while (!this.#dropped && this.#readers.length === 0) {
      const frame = this.#framer.next();
      if (frame === undefined) return;
      yield frame;
    }
  }

  /** Gives the read up when the signal or the time says so; nothing is cut then, so that nothing is lost. */
  #limit<T>(read: FrameReader<T>, signal: AbortSignalLike | undefined, timeout: number): void {
    const giveUp = (reason: unknown): void => {
      this.#readers.remove(read);
      read.giveUp(reason);
      this.serve();
    };
    const onAbort = (): void => giveUp(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const timer = timeout === Infinity
      ? undefined
      : setTimeout(() => giveUp(new TimeoutError(timeout)), timeout);
    read.onSettled = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
  }
}

function checkReadOptions({ signal, timeout }: ReadOptions): void {
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new TypeError(`signal must be an AbortSignal, not ${nameOf(signal)}`);
  }
  if (timeout === undefined || timeout === Infinity) return;
  if (timeout >= 0 && timeout <= LONGEST_TIMEOUT) return;
  throw new RangeError(
    `timeout must be 0 to ${LONGEST_TIMEOUT} milliseconds, or Infinity, not ${describe(timeout)}`,
  );
}

/** Somebody who waits for one frame. */
class FrameReader<T> extends Deferred<T | null> implements Reader {
  /** Is called when the read is answered, or given up. */
  onSettled: (() => void) | undefined;
  isSettled = false;
  readonly #take: () => T | undefined;

  constructor(take: () => T | undefined) {
    super();
    this.#take = take;
  }

  serve(): Served {
    try {
      const frame = this.#take();
      if (frame === undefined) return "hungry";
      this.#settle();
      this.resolve(frame);
    } catch (error) {
      this.giveUp(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end !== null) return this.giveUp(end);
    this.#settle();
    this.resolve(null);
  }

  giveUp(reason: unknown): void {
    this.#settle();
    this.reject(reason);
  }

  #settle(): void {
    this.isSettled = true;
    this.onSettled?.();
  }
}

type Piece = IteratorResult<Uint8Array, undefined>;

/** What a reader of pieces needs of the queue. */
interface Turns {
  /** Whether somebody waits behind it. */
  isWaitedFor(): boolean;
  /** Serves those whose turn it is. */
  serve(): void;
}

/** Somebody who takes one frame piece by piece. */
class PieceReader<F extends Frame> implements Reader, AsyncIterableIterator<Uint8Array> {
  readonly #framer: Framer<F>;
  readonly #rule: Rule | undefined;
  readonly #turns: Turns;
  readonly #waiting: Fifo<Deferred<Piece>> = new Fifo();
  /** Whether the rest of the frame is to be skipped. */
  #left = false;
  #over = false;

  constructor(framer: Framer<F>, rule: Rule | undefined, turns: Turns) {
    this.#framer = framer;
    this.#rule = rule;
    this.#turns = turns;
  }

  serve(): Served {
    try {
      if (this.#left) return this.#skip();
      while (this.#waiting.length > 0) {
        const piece = this.#framer.nextPiece(this.#rule);
        if (piece === undefined) return "hungry";
        if (piece === null) {
          this.finish(null);
          return "done";
        }
        this.#waiting.shift()!.resolve({ done: false, value: piece });
      }
      return "resting";
    } catch (error) {
      this.finish(error as Error);
      return "done";
    }
  }

  #skip(): Served {
    if (this.#framer.skip(this.#rule)) return "done";
    return this.#turns.isWaitedFor() ? "hungry" : "resting";
  }

  finish(end: Error | null): void {
    this.#over = true;
    if (end !== null) this.#waiting.shift()?.reject(end);
    for (const waiting of this.#waiting.clear()) waiting.resolve(NO_MORE);
  }

  next(): Promise<Piece> {
    if (this.#over || this.#left) return Promise.resolve(NO_MORE);
    const waiting = new Deferred<Piece>();
    this.#waiting.push(waiting);
    this.#turns.serve();
    return waiting.promise;
  }

  return(): Promise<Piece> {
    this.#left = true;
    for (const waiting of this.#waiting.clear()) waiting.resolve(NO_MORE);
    this.#turns.serve();
    return Promise.resolve(NO_MORE);
  }

  throw(error: unknown): Promise<Piece> {
    void this.return();
    return quiet(Promise.reject(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const NO_MORE: Piece = { done: true, value: undefined };
