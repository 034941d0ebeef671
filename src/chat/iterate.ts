import { quiet } from "../common/deferred.ts";

/** An iterator over what `next` gives. Leaving a loop over it ends nothing. */
export function iterate<T>(
  next: () => Promise<IteratorResult<T, undefined>>,
): AsyncIterableIterator<T> {
  const iterator: AsyncIterableIterator<T> = {
    next,
    return: (value) => Promise.resolve({ done: true, value }),
    throw: (error) => quiet(Promise.reject(error)),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** What an iterator gives for a value that is awaited: `null` is the end. Nobody need await it. */
export function toResult<T>(value: Promise<T | null>): Promise<IteratorResult<T, undefined>> {
  return quiet(value.then(resultOf));
}

/** What an iterator gives for a value: `null` is the end. */
export function resultOf<T>(value: T | null): IteratorResult<T, undefined> {
  return value === null ? { done: true, value: undefined } : { done: false, value };
}
