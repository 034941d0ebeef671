/** Lets the work run with intervals that fire, all of them, when `tick()` is called, in place of the runtime's. */
export async function withIntervals(work: (tick: () => void) => Promise<void>): Promise<void> {
  const { setInterval, clearInterval } = globalThis;
  const intervals: Map<number, () => void> = new Map();
  let last = 0;
  Object.assign(globalThis, {
    setInterval: (call: () => void) => (intervals.set(++last, call), last),
    clearInterval: (id: number) => intervals.delete(id),
  });
  try {
    await work(() => {
      for (const call of [...intervals.values()]) call();
    });
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
}
