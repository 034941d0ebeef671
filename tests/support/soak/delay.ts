/** Resolves after so many milliseconds, by the timers that are counted. */
export function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
