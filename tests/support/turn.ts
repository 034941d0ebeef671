/** Resolves when this turn of the event loop has ended, with all that was to be done in it; no fake timer holds it up. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
