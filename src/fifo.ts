/** How many removed items may lie before the first before the rest is moved up. */
const SLACK = 1024;

/** A queue, first in, first out. Unlike `Array.shift()` it takes the same time however long it is. */
export class Fifo<T> {
  #items: T[] = [];
  #start = 0;

  /** How many items wait. */
  get length(): number {
    return this.#items.length - this.#start;
  }

  /** The item that waits longest. */
  get first(): T | undefined {
    return this.#items[this.#start];
  }

  /** The item that came last. */
  get last(): T | undefined {
    return this.length > 0 ? this.#items.at(-1) : undefined;
  }

  /** Adds an item behind the last. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes the first item. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    if (this.length === 1) return this.#shiftLast();
    const item = this.#items[this.#start]!;
    this.#items[this.#start++] = undefined as T;
    if (this.#start > SLACK && this.#start > this.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Keeps what room the array has for the next item. */
  #shiftLast(): T | undefined {
    const item = this.#items.pop();
    if (this.#start > 0) this.clear();
    return item;
  }

  /** Removes an item that may be anywhere. */
  remove(item: T): void {
    const at = this.#items.indexOf(item, this.#start);
    if (at >= 0) this.#items.splice(at, 1);
    if (this.length === 0) this.clear();
  }

  /** Removes and returns all items. */
  clear(): T[] {
    const all = this.#items.slice(this.#start);
    this.#items = [];
    this.#start = 0;
    return all;
  }
}
