/** The ways to take frames: one by one, by the batch, as events. */
import type { Add, Contestant, Frame } from "./contest.ts";

/** A way to take values. Where they are frames, it is a contestant. */
export type Style<T> = (add: (value: T) => void) => Promise<void>;

/** A `for await` loop. */
export function eachOf<T = Frame>(values: () => AsyncIterable<T>): Style<T> {
  return async (add) => {
    for await (const value of values()) add(value);
  };
}

/** A `for await` loop over batches. */
export function batchesOf<T = Frame>(batches: () => AsyncIterable<Iterable<T>>): Style<T> {
  return async (add) => {
    for await (const batch of batches()) {
      for (const value of batch) add(value);
    }
  };
}

/** The `data` events of a stream of Node's, or the `line` events of readline. */
export function eventsOf<T = Frame>(
  name: "data" | "line",
  source: () => NodeJS.EventEmitter,
): Style<T> {
  return (add) =>
    new Promise((resolve, reject) =>
      source().on(name, add).on("error", reject).on("end", resolve).on("close", resolve)
    );
}

/** What is called with each chunk, made anew for each run. */
export function chunksTo(
  newCutter: (add: Add) => (chunk: Uint8Array) => void,
  chunks: Iterable<Uint8Array>,
): Contestant {
  return (add) => {
    const push = newCutter(add);
    for (const chunk of chunks) push(chunk);
  };
}
