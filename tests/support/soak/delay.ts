/** Resolves after so many milliseconds, by the timers that are counted. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Waits until it is so, or for ten seconds. */
export async function eventually(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 140 && !isSo(); turns++) await delay(turns);
}
