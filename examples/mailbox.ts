/**
 * What one side puts in, a loop takes out, in order. Whoever puts in waits while it is full, and whoever takes out while it is
 * empty, so that neither gets far ahead.
 */
export class Mailbox<T> implements AsyncIterableIterator<T> {
  readonly #capacity: number;
  #items: T[] = [];
  #isClosed = false;
  #error: Error | undefined;
  /** Tells those who take, and those who put, that something has changed. */
  #wakeTaker: () => void = () => {};
  #wakePutter: () => void = () => {};

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Resolves when there is room for another one. What comes after the end is dropped. */
  async put(item: T): Promise<void> {
    if (this.#isClosed) return;
    this.#items.push(item);
    this.#wakeTaker();
    while (this.#items.length >= this.#capacity && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wakePutter = resolve);
    }
  }

  /** Nothing more will come: what is there is handed out, and then the end, or the error. */
  close(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#error = error;
    this.#wakeTaker();
    this.#wakePutter();
  }

  /** For one loop at a time. */
  async next(): Promise<IteratorResult<T>> {
    while (this.#items.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#wakeTaker = resolve);
    }
    if (this.#items.length > 0) {
      const value = this.#items.shift()!;
      this.#wakePutter();
      return { done: false, value };
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { done: true, value: undefined };
  }

  /** Drops what is there. */
  return(): Promise<IteratorResult<T>> {
    this.#items = [];
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
