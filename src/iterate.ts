import { quiet } from "./deferred.ts";

/**
 * An iterator over what `next` gives until it gives `null`. Leaving a loop over it ends nothing; `leave` is told, to give
 * up what is still asked for.
 */
export function iterate<T>(
  next: () => Promise<T | null>,
  leave: () => void = () => {},
): AsyncIterableIterator<T> {
  const iterator: AsyncIterableIterator<T> = {
    next: () => quiet(next().then(toResult)),
    return: (value) => {
      leave();
      return Promise.resolve({ done: true, value });
    },
    throw: (error) => {
      leave();
      return quiet(Promise.reject(error));
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function toResult<T>(value: T | null): IteratorResult<T, undefined> {
  return value === null ? { done: true, value: undefined } : { done: false, value };
}
