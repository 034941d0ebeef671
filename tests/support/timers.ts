/** Lets the work run with timers that fire when they are told to, in place of the runtime's. */
export async function withTimers(
  work: (timers: Map<number, { call: () => void; after: number }>) => Promise<void>,
): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis;
  const timers: Map<number, { call: () => void; after: number }> = new Map();
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
