/** The ways to take frames: one by one, by the batch, as events. */
import type { Add, Contestant, Frame } from "./contest.ts";

/** A `for await` loop. */
export function eachOf(frames: () => AsyncIterable<Frame>): Contestant {
  return async (add) => {
    for await (const frame of frames()) add(frame);
  };
}

/** A `for await` loop over batches. */
export function batchesOf(batches: () => AsyncIterable<Iterable<Frame>>): Contestant {
  return async (add) => {
    for await (const batch of batches()) {
      for (const frame of batch) add(frame);
    }
  };
}

/** The `data` events of a stream of Node's, or the `line` events of readline. */
export function eventsOf(name: "data" | "line", source: () => NodeJS.EventEmitter): Contestant {
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
