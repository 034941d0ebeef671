import { quiet } from "./deferred.ts";

/** An iterator over what `next` gives until it gives `null`. Leaving a loop over it ends nothing. */
export function iterate<T>(next: () => Promise<T | null>): AsyncIterableIterator<T> {
  const iterator: AsyncIterableIterator<T> = {
    next: () => quiet(next().then(toResult)),
    return: (value) => Promise.resolve({ done: true, value }),
    throw: (error) => quiet(Promise.reject(error)),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function toResult<T>(value: T | null): IteratorResult<T, undefined> {
  return value === null ? { done: true, value: undefined } : { done: false, value };
}
