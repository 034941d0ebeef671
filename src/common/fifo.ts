// A queue, first in, first out: unlike `Array.shift()` it takes the same time however long it is.

/** How many removed items may lie before the first before the rest is moved up. */
const SLACK = 1024;

/** What every empty queue holds; nothing is ever added to it. */
const NOTHING: readonly never[] = Object.freeze([]);

export class Fifo<T> {
  /** For all who have added nothing yet, in the place of one of their own. It stays empty: they add by `with()`. */
  static readonly EMPTY: Fifo<never> = new Fifo();

  #items = NOTHING as unknown as T[];
  #start = 0;

  /** How many items wait. */
  get length(): number {
    return this.#items.length - this.#start;
  }

  /** The item that waits longest. */
  get first(): T | undefined {
    return this.#items[this.#start];
  }

  /** The item that has so many before it. */
  at(index: number): T | undefined {
    return this.#items[this.#start + index];
  }

  /** The item that came last. */
  get last(): T | undefined {
    return this.length > 0 ? this.#items.at(-1) : undefined;
  }

  /** Puts another item in the place of the last, of which there must be one. */
  set last(item: T | undefined) {
    this.#items[this.#items.length - 1] = item as T;
  }

  /** Adds an item behind the last. */
  push(item: T): void {
    // The first one has an array of its own length: engines make room for 16 more when an item is added to an array.
    if (this.length === 0) this.#items = [item];
    else this.#items.push(item);
  }

  /** Adds an item behind the last. Returns the queue that has it: one of its own, if this is the one for all. */
  with(item: T): Fifo<T> {
    const own = (this as Fifo<unknown>) === Fifo.EMPTY ? new Fifo<T>() : this;
    own.push(item);
    return own;
  }

  /** Removes the first item. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#start]!;
    this.#items[this.#start++] = undefined as T;
    if (this.length === 0) this.#forget();
    else if (this.#start > SLACK && this.#start > this.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Removes and returns the items that are meant, wherever they are. */
  removeAll(isMeant: (item: T) => boolean): T[] {
    const all = this.clear();
    const others = all.filter((item) => !isMeant(item));
    if (others.length > 0) this.#items = others;
    return all.filter(isMeant);
  }

  /** Removes and returns all items. */
  clear(): T[] {
    const all = this.#items.slice(this.#start);
    this.#forget();
    return all;
  }

  #forget(): void {
    this.#items = NOTHING as unknown as T[];
    this.#start = 0;
  }
}
