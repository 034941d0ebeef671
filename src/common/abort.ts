// Waiting for an `AbortSignal`: with one listener for each signal, however many wait.

/** What this library needs to know of an `AbortSignal`, which is one. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Listens for that. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Listens no more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

interface Listening {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
}

/**
 * One listener for each signal, whoever waits for it: a server's signal may end thousands of chats, and Node warns of
 * eleven listeners, and looks through all of them to add another.
 */
const signals: WeakMap<AbortSignalLike, Listening> = new WeakMap();

/**
 * Calls back when the signal is aborted.
 * @returns Gives that up.
 */
export function onAbort(signal: AbortSignalLike, call: () => void): () => void {
  let listening = signals.get(signal);
  if (listening === undefined) {
    const calls: Set<() => void> = new Set();
    const listener = (): void => {
      for (const each of [...calls]) each();
    };
    signals.set(signal, listening = { calls, listener });
    signal.addEventListener("abort", listener);
  }
  const { calls, listener } = listening;
  calls.add(call);
  return () => {
    if (!calls.delete(call) || calls.size > 0) return;
    signals.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}
