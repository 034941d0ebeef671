import { describe, nameOf } from "./checks.ts";
import { Deferred, quiet } from "./deferred.ts";
import { ChatError, ClosedError, TimeoutError } from "./errors.ts";
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
  /**
   * Rejects the read with a `TimeoutError` after so many milliseconds, 0 to 2,147,483,647, or never: `Infinity`, the
   * default. With 0 it takes what is here, and does not wait for the peer.
   */
  timeout?: number | undefined;
}

/** The pieces of one frame, as they arrive. */
export interface FramePieces extends AsyncIterableIterator<Uint8Array>, AsyncDisposable {
  /** Leaves the frame: what was not taken of it is dropped, as it arrives. */
  return(): Promise<IteratorResult<Uint8Array, undefined>>;
}

/** The longest time that a timer can wait: a longer one would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Somebody who waits for frames. */
interface Reader {
  /** Takes what it wants, if that is here. */
  serve(): Served;
  /** Is told that nothing more will come: the end, or what broke. */
  finish(end: Error | null): void;
  /** Is told that what had arrived was dropped. Returns whether that leaves it nothing to wait for. */
  discard(): boolean;
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
  /** The reads that a signal would give up: one listener serves them all. */
  readonly #signals: Map<AbortSignalLike, SignalReaders> = new Map();

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

  /** Drops what is here and was not handed out, and goes on. Returns how many bytes that were. */
  discard(): number {
    const dropped = this.#framer.discard();
    if (this.#readers.first?.discard()) this.#readers.shift();
    this.serve();
    return dropped;
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
    const { signal, timeout } = options;
    if (signal?.aborted) return quiet(Promise.reject(signal.reason));
    const reader = this.#add(take);
    if (!reader.isSettled) {
      if (signal !== undefined) this.#giveUpOn(signal, reader);
      if (timeout !== undefined && timeout !== Infinity) this.#giveUpAfter(timeout, reader);
    }
    return reader.promise;
  }

  /** The frames, or whatever `take` takes from the framer, one after the other. */
  frames<T>(take: (framer: Framer<F>) => T | undefined): AsyncIterableIterator<T> {
    const waiting: Set<FrameReader<T>> = new Set();
    const next = (): Promise<T | null> => {
      const reader = this.#add(take);
      if (!reader.isSettled) {
        waiting.add(reader);
        reader.onSettled(() => waiting.delete(reader));
      }
      return reader.promise;
    };
    const leave = (): void => {
      this.#remove([...waiting], (reader) => reader.finish(null));
    };
    return iterate(next, leave);
  }

  /** One frame, piece by piece. */
  stream(rule: Rule | undefined): FramePieces {
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
    return this.frames((framer) => framer.ready ? batch() : undefined);
  }

  /** The frames that are here; somebody who waits was there before, and ends it. */
  *#batch(): Generator<F, void, undefined> {
    while (!this.#dropped && this.#readers.length === 0) {
      const frame = this.#framer.next();
      if (frame === undefined) return;
      yield frame;
    }
  }

  #add<T>(take: (framer: Framer<F>) => T | undefined): FrameReader<T> {
    const reader = new FrameReader(() => take(this.#framer));
    this.#readers.push(reader);
    this.serve();
    return reader;
  }

  /** Takes readers out of the queue; nothing is cut for them any more, so that nothing is lost. */
  #remove<R extends Reader>(readers: readonly R[], tell: (reader: R) => void): void {
    for (const reader of readers) this.#readers.remove(reader);
    for (const reader of readers) tell(reader);
    this.serve();
  }

  #giveUpAfter<T>(timeout: number, reader: FrameReader<T>): void {
    const giveUp = (): void => {
      this.#remove([reader], () => reader.giveUp(new TimeoutError(timeout)));
    };
    const timer = setTimeout(giveUp, timeout);
    reader.onSettled(() => clearTimeout(timer));
  }

  #giveUpOn<T>(signal: AbortSignalLike, reader: FrameReader<T>): void {
    let shared = this.#signals.get(signal);
    if (shared === undefined) {
      const readers: SignalReaders["readers"] = new Set();
      const onAbort = (): void => {
        this.#remove([...readers], (each) => each.giveUp(signal.reason));
      };
      this.#signals.set(signal, shared = { readers, onAbort });
      signal.addEventListener("abort", onAbort);
    }
    const { readers, onAbort } = shared;
    readers.add(reader);
    reader.onSettled(() => {
      readers.delete(reader);
      if (readers.size > 0) return;
      this.#signals.delete(signal);
      signal.removeEventListener("abort", onAbort);
    });
  }
}

/** The reads that one signal would give up, and what listens to it for them. */
interface SignalReaders {
  readonly readers: Set<Reader & Pick<FrameReader<unknown>, "giveUp">>;
  readonly onAbort: () => void;
}

function checkReadOptions({ signal, timeout }: ReadOptions): void {
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new TypeError(`signal must be an AbortSignal, not ${nameOf(signal)}`);
  }
  if (timeout === undefined || timeout === Infinity) return;
  if (typeof timeout !== "number") {
    throw new TypeError(`timeout must be a number of milliseconds, not ${nameOf(timeout)}`);
  }
  if (timeout >= 0 && timeout <= LONGEST_TIMEOUT) return;
  throw new RangeError(
    `timeout must be 0 to ${LONGEST_TIMEOUT} milliseconds, or Infinity, not ${describe(timeout)}`,
  );
}

/** Somebody who waits for one frame. */
class FrameReader<T> extends Deferred<T | null> implements Reader {
  isSettled = false;
  readonly #take: () => T | undefined;
  #whenSettled: (() => void)[] | undefined;

  constructor(take: () => T | undefined) {
    super();
    this.#take = take;
  }

  /** Calls back when the read is answered, or given up. */
  onSettled(call: () => void): void {
    (this.#whenSettled ??= []).push(call);
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

  discard(): boolean {
    return false;
  }

  giveUp(reason: unknown): void {
    this.#settle();
    this.reject(reason);
  }

  #settle(): void {
    this.isSettled = true;
    for (const call of this.#whenSettled ?? []) call();
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
class PieceReader<F extends Frame> implements Reader, FramePieces {
  readonly #framer: Framer<F>;
  readonly #rule: Rule | undefined;
  readonly #turns: Turns;
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

  constructor(framer: Framer<F>, rule: Rule | undefined, turns: Turns) {
    this.#framer = framer;
    this.#rule = rule;
    this.#turns = turns;
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

  #skip(): Served {
    if (this.#framer.skip(this.#rule)) return "done";
    return this.#turns.isWaitedFor() ? "hungry" : "resting";
  }

  /** A frame that this side broke off must not look like a whole one; without a terminator there is none. */
  finish(end: Error | null): void {
    this.#noteTerminator();
    const cutOff = new ClosedError("the chat was closed before the frame had ended");
    this.#end(end ?? (this.#isEndless ? undefined : cutOff));
  }

  /** The terminator counts when the first piece is taken. */
  #noteTerminator(): void {
    if (this.#begun) return;
    this.#isEndless = (this.#rule === undefined ? this.#framer.terminator : this.#rule) === null;
  }

  discard(): boolean {
    if (!this.#begun) return false;
    this.#end(new ChatError("discarded", "the rest of the frame was dropped by discardBuffers()"));
    return true;
  }

  next(): Promise<Piece> {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return quiet(Promise.reject(failure));
    }
    if (this.#over || this.#left) return Promise.resolve(NO_MORE);
    const waiting = new Deferred<Piece>();
    this.#waiting.push(waiting);
    this.#turns.serve();
    return waiting.promise;
  }

  return(): Promise<Piece> {
    this.#left = true;
    this.#failure = undefined;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
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

const NO_MORE: Piece = { done: true, value: undefined };
