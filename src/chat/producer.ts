// What can be pushed: data, and producers, each of which is drained by a run of its own.

import { bytesOf, type Data, toBytes } from "../common/bytes.ts";
import { describe, typeName } from "../common/checks.ts";
import { Deferred, ignoreRejection, isPromise } from "../common/deferred.ts";
import type { Encoding } from "../common/latin1.ts";
import { StringJoiner } from "../common/string_joiner.ts";
import { Yielder } from "../common/turns.ts";
import { notify } from "../common/attempt.ts";
import { ProducerError } from "../errors.ts";

/**
 * Something that yields data to send: an array, a generator, an async generator, a Node stream, a `ReadableStream`. An
 * async one may also yield several `Uint8Array`s at a time, as an array.
 */
export type Producer = Iterable<Data> | AsyncIterable<Data | Uint8Array[]>;

/** Whether the value is data, and not a producer (strings and bytes are iterable, too). */
export function isData(value: unknown): value is Data {
  return typeof value === "string" || bytesOf(value) !== undefined;
}

/** @throws {TypeError} If the value is neither data nor a producer. */
export function checkItem(item: unknown): void {
  if (isData(item)) return;
  const isObject = typeof item === "object" && item !== null;
  if (isObject && (Symbol.asyncIterator in item || Symbol.iterator in item)) return;
  throw new TypeError(
    `push() takes strings, Uint8Arrays, and iterables of them, not ${describeItem(item)}`,
  );
}

/** What is refused, and what to push instead where that is known. */
function describeItem(item: unknown): string {
  const { stream, arrayBuffer, more } = Object(item) as Record<string, unknown>;
  if (typeof arrayBuffer === "function") {
    const instead = typeof stream === "function" ? "stream()" : "body";
    return `${typeName(item)}: push its ${instead}`;
  }
  if (typeof more === "function") return "an object with more(): write a generator";
  return typeName(item);
}

/** Where a run puts what its producer yields. */
export interface ProducerQueue {
  /** Whether it is the turn of that run, and there is room for another piece. */
  isReadyFor(run: ProducerRun): boolean;
  /** Adds a piece. */
  addPiece(piece: Data): void;
  /** The producer has nothing more to give, or has failed. */
  onProducerEnd(run: ProducerRun, failure?: ProducerError): void;
}

/** How many pieces are taken before the clock is looked at. */
const PIECES_A_STEP = 8;

/**
 * Drains one producer. It is a function that begins in `push()`, so that the producer runs in the async context of that
 * call, and that waits for its turn and for room.
 *
 * ```text
 *               wake()               next() gives a promise
 *   waiting ──────────────▶ calling ───────────────────────▶ asking
 *      ▲                       │                                │
 *      └─────── a piece ───────┴────────────────────────────────┤
 *                                                               └─ done, or thrown ──▶ over
 *   release() in any of the first three ──▶ released
 * ```
 */
export class ProducerRun {
  readonly #queue: ProducerQueue;
  readonly #source: Source;
  readonly #encoding: Encoding;
  #state: "waiting" | "calling" | "asking" | "over" | "released" = "waiting";
  #woken: Deferred | undefined;

  /**
   * Begins the run, which waits for its turn: nothing is asked of the producer before that.
   * @param queue Where the pieces go.
   * @param producer What to draw from.
   * @param encoding How strings become bytes.
   */
  constructor(queue: ProducerQueue, producer: Producer, encoding: Encoding) {
    this.#queue = queue;
    this.#source = sourceOf(producer);
    this.#encoding = encoding;
    void this.#run();
  }

  /** Its turn may have come, and there may be room. */
  wake(): void {
    this.#woken?.resolve();
  }

  /** Nothing more will be drawn: the producer is told, and gives back what it holds. */
  release(): void {
    const state = this.#state;
    if (state === "over" || state === "released") return;
    this.#state = "released";
    // A run that waits goes on in its own async context. A producer that is running cannot be told before it returns.
    if (state === "waiting") this.wake();
    else if (state === "asking") this.#source.release();
  }

  get #isReleased(): boolean {
    return this.#state === "released";
  }

  async #run(): Promise<void> {
    await this.#turn();
    if (this.#isReleased) return this.#source.release();
    /** Whether the producer waits to be asked again, and so must be told if it will not be. */
    let isSuspended = false;
    try {
      const source = this.#source;
      const strings = new StringJoiner();
      const yielder = new Yielder();
      for (let count = 1;; count++) {
        isSuspended = false;
        this.#state = "calling";
        let result = source.next();
        if (this.#isReleased) return letGo(source, result);
        if (isPromise(result)) {
          this.#state = "asking";
          result = await result;
          if (this.#isReleased) return;
        }
        if (result.done) break;
        isSuspended = true;
        let { value } = result;
        if (isPromise(value)) {
          this.#state = "asking";
          value = await value;
          if (this.#isReleased) return;
        }
        this.#state = "waiting";
        this.#add(value, strings);
        // What it yields may be empty, for ever, or take long to make.
        const turn = count % PIECES_A_STEP === 0 ? yielder.maybeYield() : undefined;
        if (turn !== undefined) await turn;
        if (!this.#queue.isReadyFor(this)) await this.#turn();
        if (this.#isReleased) return source.release();
      }
      this.#addText(strings.takeRest());
      this.#state = "over";
      this.#queue.onProducerEnd(this);
    } catch (error) {
      if (this.#isReleased) return;
      this.#state = "over";
      if (isSuspended) this.#source.release();
      const failure = new ProducerError(`a producer failed: ${describe(error)}`, { cause: error });
      this.#queue.onProducerEnd(this, failure);
    }
  }

  /** Waits until it is this run's turn, and there is room. */
  async #turn(): Promise<void> {
    while (!this.#isReleased && !this.#queue.isReadyFor(this)) {
      this.#woken = new Deferred();
      await this.#woken.promise;
    }
  }

  #add(value: unknown, strings: StringJoiner): void {
    if (typeof value === "string") return this.#addText(strings.join(value));
    this.#addText(strings.takeRest());
    for (const piece of Array.isArray(value) ? value : [value]) {
      if (!isData(piece)) {
        throw new TypeError(`a producer must yield strings or Uint8Arrays, not ${typeName(piece)}`);
      }
      if (typeof piece === "string") this.#addText(piece);
      else this.#queue.addPiece(piece);
    }
  }

  #addText(text: string): void {
    if (text === "") return;
    this.#queue.addPiece(this.#encoding === "latin1" ? toBytes("a piece", text, "latin1") : text);
  }
}

/** What a run draws from. */
interface Source {
  /** The next value, or the end. */
  next(): Result | PromiseLike<Result>;
  /** Gives back what it holds, also if nothing was asked of it yet. What that throws is ignored. */
  release(): void;
}

type Result = IteratorResult<unknown, unknown>;

/** What is used of a Node `Readable`, and of other streams that are destroyed. */
interface Destroyable {
  destroy(): unknown;
  on(event: "error", listener: () => void): unknown;
}

function sourceOf(producer: Producer): Source {
  if ("getReader" in producer) {
    return new StreamSource(producer as unknown as ReadableStream<unknown>);
  }
  return new IteratorSource(producer);
}

class IteratorSource implements Source {
  readonly #producer: Producer;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;

  constructor(producer: Producer) {
    this.#producer = producer;
    // A file that cannot be opened must not end the process while it waits for its turn. (Its iterator throws that then.)
    if (isDestroyable(producer)) producer.on("error", () => {});
  }

  next(): Result | PromiseLike<Result> {
    return (this.#iterator ??= iterate(this.#producer)).next();
  }

  release(): void {
    const producer = this.#producer;
    // The iterator of a stream that was not begun, or is waited for, does not destroy it.
    if (isDestroyable(producer)) notify(() => producer.destroy());
    else notify(() => (this.#iterator ??= iterate(producer)).return?.());
  }
}

/** A `ReadableStream` by its reader, which can cancel it while a read is under way. */
class StreamSource implements Source {
  readonly #stream: ReadableStream<unknown>;
  #reader: ReadableStreamDefaultReader<unknown> | undefined;

  constructor(stream: ReadableStream<unknown>) {
    this.#stream = stream;
  }

  next(): PromiseLike<Result> {
    return (this.#reader ??= this.#stream.getReader()).read() as PromiseLike<Result>;
  }

  release(): void {
    notify(() => (this.#reader ?? this.#stream).cancel());
  }
}

function iterate(producer: Producer): Iterator<unknown> | AsyncIterator<unknown> {
  return Symbol.asyncIterator in producer
    ? producer[Symbol.asyncIterator]()
    : producer[Symbol.iterator]();
}

function isDestroyable(producer: object): producer is Destroyable {
  const { destroy, on } = producer as Partial<Destroyable>;
  return typeof destroy === "function" && typeof on === "function";
}

/** Releases a source whose producer was running when that was asked for. */
function letGo(source: Source, result: Result | PromiseLike<Result>): void {
  if (isPromise(result)) void ignoreRejection(Promise.resolve(result));
  else if (result.done) return;
  source.release();
}
