// Promises that are settled from outside, and promises that nobody need await.

/**
 * A promise together with the functions that settle it. A rejection that nobody awaits is nobody's trouble:
 * the library hands such promises out where awaiting them is the caller's choice.
 */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;

  constructor() {
    let settle!: Deferred<T>["resolve"];
    let fail!: (reason: unknown) => void;
    this.promise = new Promise<T>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    this.resolve = settle;
    this.#reject = fail;
  }

  reject(reason: unknown): void {
    ignoreRejection(this.promise); // now: most never reject, and it costs 100 bytes for as long as they wait
    this.#reject(reason);
  }
}

/** What is to be done after this, and before anything else: `NOW.then(f)` takes less than `queueMicrotask(f)` on Node. */
export const NOW: Promise<void> = Promise.resolve();

/** Marks a promise as one that need not be awaited. */
export function ignoreRejection<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}

/** A promise that rejects, and need not be awaited. */
export function rejected(reason: unknown): Promise<never> {
  return ignoreRejection(Promise.reject(reason));
}

/** Whether it can be awaited, and may be another thing before. */
export function isPromise<T>(value: T): value is T & PromiseLike<Awaited<T>> {
  return typeof (value as { then?: unknown } | undefined | null)?.then === "function";
}

/** One for all: a closure for each costs 60 bytes. */
function ignore(): void {}
