// A loop over frames.

import { quiet } from "../common/deferred.ts";
import { Steps } from "../common/turns.ts";
import type { Frame } from "../framer/frame_text.ts";
import type { Take } from "./frame_reader.ts";
import type { ReadQueue } from "./read_queue.ts";

type Queue<F extends Frame> = Pick<ReadQueue<F>, "next" | "leave">;

/** The frames, or whatever `take` takes from the framer, one after the other. Leaving a loop over them ends nothing. */
export class FrameIterator<F extends Frame, T> implements AsyncIterableIterator<T> {
  readonly #queue: Queue<F>;
  readonly #take: Take<F, T>;
  readonly #loop = new Steps();

  constructor(queue: Queue<F>, take: Take<F, T>) {
    this.#queue = queue;
    this.#take = take;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#queue.next(this.#take, this.#loop);
  }

  return(value?: undefined): Promise<IteratorResult<T, undefined>> {
    this.#queue.leave(this.#loop);
    return Promise.resolve({ done: true, value });
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#queue.leave(this.#loop);
    return quiet(Promise.reject(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What an iterator gives for a value: `null` is the end. */
export function resultOf<T>(value: T | null): IteratorResult<T, undefined> {
  return value === null ? { done: true, value: undefined } : { done: false, value };
}
