/** How long to wait before the next attempt: longer each time, to a limit, and never the same for all who wait. */
export interface Backoff {
  /** The first wait, in milliseconds. */
  readonly first: number;
  /** The longest, in milliseconds. */
  readonly longest: number;
}

/** The waits, one after the other: between half of the time and all of it, which doubles. */
export function* waits({ first, longest }: Backoff): Generator<number, never> {
  for (let wait = first;; wait = Math.min(2 * wait, longest)) {
    yield wait * (0.5 + Math.random() / 2);
  }
}

/** Waits, unless the signal says that nobody wants to any more. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
