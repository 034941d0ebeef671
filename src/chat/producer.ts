// What can be pushed: data, and producers, which are asked for one piece at a time.

import { bytesOf, type Data } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";

/**
 * Something that yields data to send: an array, a generator, an async generator, a `ReadableStream`. An async one may
 * also yield several `Uint8Array`s at a time, as an array.
 */
export type Producer = Iterable<Data> | AsyncIterable<Data | Uint8Array[]>;

/** Whether the value is data, and not a producer (strings and bytes are iterable, too). */
export function isData(value: unknown): value is Data {
  return typeof value === "string" || bytesOf(value) !== undefined;
}

/** Whether the value can be iterated, and so may be a producer. */
export function isProducer(value: unknown): value is Producer {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** A producer's pieces: asked for one at a time, and told once if no more of them will be. */
export class Production {
  readonly #producer: Producer;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #finished = false;
  /** The piece that is waited for. */
  #asked: Deferred<IteratorResult<unknown>> | undefined;

  /** @param producer What to draw from; it is not touched before the first piece is asked for. */
  constructor(producer: Producer) {
    this.#producer = producer;
  }

  /**
   * The next piece; `undefined` after the last, and at once when the producer is abandoned.
   * @throws What the producer throws, or a `TypeError` if it yields what cannot be sent.
   */
  async next(): Promise<Data[] | undefined> {
    const iterator = this.#iterator ??= iterate(this.#producer);
    const asked = this.#asked = new Deferred<IteratorResult<unknown>>();
    this.#ask(iterator).then(asked.resolve, (error) => asked.reject(error));
    const { done, value } = await asked.promise;
    return done ? undefined : toPieces(value);
  }

  async #ask(
    iterator: Iterator<unknown> | AsyncIterator<unknown>,
  ): Promise<IteratorResult<unknown>> {
    let result: IteratorResult<unknown>;
    try {
      const answer = iterator.next();
      // An end that is known at once holds at once: the producer may be abandoned before anything else is done.
      if ("done" in answer && answer.done) this.#finished = true;
      result = await answer;
    } catch (error) {
      this.#finished = true;
      throw error;
    }
    if (result.done) this.#finished = true;
    // A producer that is no generator may give promises.
    return result.done ? result : { done: false, value: await result.value };
  }

  /** Tells the producer that nothing more will be asked for, so that its `finally` runs; what that throws is nobody's. */
  async abandon(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    // It may be waiting for something that never comes.
    this.#asked?.resolve({ done: true, value: undefined });
    try {
      await (this.#iterator ??= iterate(this.#producer)).return?.();
    } catch {
      // The chat is ending for a reason of its own, which a failing clean-up must not hide.
    }
  }
}

function iterate(producer: Producer): Iterator<unknown> | AsyncIterator<unknown> {
  return Symbol.asyncIterator in producer
    ? producer[Symbol.asyncIterator]()
    : producer[Symbol.iterator]();
}

function toPieces(value: unknown): Data[] {
  const pieces = Array.isArray(value) ? value : [value];
  for (const piece of pieces) {
    if (!isData(piece)) {
      throw new TypeError(`a producer must yield strings or Uint8Arrays, not ${typeName(piece)}`);
    }
  }
  return pieces;
}
