/** The timers that are set. */
export type Timers = Map<number, { readonly call: () => void; readonly after: number }>;

/** Lets the work run with timers that fire when the test calls them, in place of the runtime's. */
export async function withTimers(
  work: (timers: Timers) => Promise<void>,
): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis;
  const timers: Timers = new Map();
  let last = 0;
  Object.assign(globalThis, {
    setTimeout: (call: () => void, after: number) => (timers.set(++last, { call, after }), last),
    clearTimeout: (id: number) => timers.delete(id),
  });
  try {
    await work(timers);
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
}

/** The same with a clock that stands still, until the test lets so many milliseconds pass. */
export async function withClock(
  work: (timers: Timers, pass: (milliseconds: number) => void) => Promise<void>,
): Promise<void> {
  const real = performance.now;
  let now = performance.now();
  performance.now = () => now;
  try {
    await withTimers((timers) => work(timers, (milliseconds) => now += milliseconds));
  } finally {
    performance.now = real;
  }
}
