import { quiet } from "./deferred.ts";
import { TimeoutError } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import { FrameReader, type Reader } from "./frame_reader.ts";
import type { Frame } from "./frame_text.ts";
import type { Framer } from "./framer.ts";
import { iterate } from "./iterate.ts";
import { type FramePieces, PieceReader } from "./piece_reader.ts";
import { type AbortSignalLike, checkReadOptions, type ReadOptions } from "./read_options.ts";
import type { Rule } from "./terminator.ts";

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
