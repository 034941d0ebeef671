/*
 * What the system takes at once is known at once, on Node and Bun: a promise is resolved, and no event loop needed. So
 * whoever reads as fast as a producer produces would have all the time that there is, and everybody else none.
 */

/** How long may be worked before everything else gets a turn, in milliseconds. */
const LONGEST_RUN = 10;

type Later = (call: () => void) => unknown;

/** The runtime's own, also in a test that has put other timers in their place. */
const { setTimeout } = globalThis;
const later: Later = (globalThis as { setImmediate?: Later }).setImmediate ??
  ((call) => setTimeout(call, 0));

/** The next turn of the event loop, and since when it is waited for. All work shares it. */
let next: Promise<void> | undefined;
let since = 0;

/** A promise to wait for, if it is time that the event loop has a turn: to be asked for again and again during the work. */
export function dueTurn(): Promise<void> | undefined {
  if (next !== undefined) return performance.now() - since > LONGEST_RUN ? next : undefined;
  since = performance.now();
  next = new Promise((resolve) => {
    later(() => {
      next = undefined;
      resolve();
    });
  });
  return undefined;
}
