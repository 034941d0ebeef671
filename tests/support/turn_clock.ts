/** Timers that count turns of the event loop: however slow the machine, nothing is late. */

/** How many milliseconds pass in a turn. */
export const TURN = 20;

interface Timer {
  readonly call: () => void;
  readonly due: number;
}

/**
 * Lets the work run with such timers in place of the runtime's: one of 2,000 milliseconds fires after 100 turns.
 * @param work Is given a function that says how many timers are set.
 */
export async function withTurnClock<T>(work: (pending: () => number) => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map<number, Timer>();
  let [last, turn, isTicking] = [0, 0, false];
  const tick = (): void => {
    turn++;
    for (const [id, { call, due }] of timers) {
      if (due > turn) continue;
      timers.delete(id);
      call();
    }
    isTicking = timers.size > 0;
    if (isTicking) setImmediate(tick);
  };
  const set = (call: () => void, after: number = 0): number => {
    timers.set(++last, { call, due: turn + Math.max(1, Math.ceil(after / TURN)) });
    if (!isTicking) setImmediate(tick);
    isTicking = true;
    return last;
  };
  const clear = (id: number): void => void timers.delete(id);
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  try {
    return await work(() => timers.size);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}
