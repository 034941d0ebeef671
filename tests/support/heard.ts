/** Gathers what a test hears of, piece by piece, and lets it wait for that. */
export class Heard<T> {
  readonly items: T[] = [];
  #waiting: (() => void)[] = [];

  readonly add = (item: T): void => {
    this.items.push(item);
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** Resolves when something is so that was heard. */
  async until(isSo: (items: readonly T[]) => boolean): Promise<readonly T[]> {
    while (!isSo(this.items)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.items;
  }

  /** Resolves with all that was heard when there is so much. */
  take(count: number): Promise<readonly T[]> {
    return this.until(({ length }) => length >= count);
  }
}
