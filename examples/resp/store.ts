/** Keys and values, both of any bytes, some of which are there for a time only. A key is a string of one character a byte. */
export class Store {
  readonly #values: Map<string, Uint8Array> = new Map();
  readonly #deadlines: Map<string, number> = new Map();
  readonly #maxBytes: number;
  readonly #now: () => number;
  #bytes = 0;
  /** Where short values lie, one behind the other, and how much of it is used. */
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;

  /**
   * @param maxBytes How much keys and values may take, with what it takes to keep them, about.
   * @param now The time, in milliseconds.
   */
  constructor(maxBytes: number = Infinity, now: () => number = Date.now) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  get size(): number {
    return this.#values.size;
  }

  /** What keys and values take, and what it takes to keep them, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Uint8Array | undefined {
    this.#expire(key);
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /**
   * Keeps a copy of a value. The deadline of an older one stays.
   * @returns Whether there was room for it.
   */
  set(key: string, value: Uint8Array): boolean {
    const old = this.get(key);
    const more = old === undefined ? sizeOf(key, value) : value.length - old.length;
    if (more > 0 && this.#bytes + more > this.#maxBytes) return false;
    this.#bytes += more;
    this.#values.set(key, this.#copy(value));
    return true;
  }

  /** @returns Whether there was such a key. */
  delete(key: string): boolean {
    const value = this.get(key);
    if (value === undefined) return false;
    this.#bytes -= sizeOf(key, value);
    this.#deadlines.delete(key);
    return this.#values.delete(key);
  }

  /** When a key will be gone, in milliseconds from now; `undefined` if it stays. */
  remaining(key: string): number | undefined {
    const deadline = this.#deadlines.get(key);
    return deadline === undefined ? undefined : Math.max(0, deadline - this.#now());
  }

  /** Lets a key be gone after so many milliseconds; without them, it stays. */
  expireAfter(key: string, milliseconds: number | undefined): void {
    if (milliseconds === undefined) this.#deadlines.delete(key);
    else this.#deadlines.set(key, this.#now() + milliseconds);
  }

  /** All keys, in the order in which they came. */
  *keys(): Generator<string> {
    for (const key of this.#values.keys()) if (this.has(key)) yield key;
  }

  clear(): void {
    this.#values.clear();
    this.#deadlines.clear();
    this.#bytes = 0;
  }

  /** Drops what nobody has asked for since it was over. */
  sweep(): void {
    for (const key of this.#deadlines.keys()) this.#expire(key);
  }

  /** (An array of its own takes 0.8 µs on Deno, and a command 2.5.) */
  #copy(value: Uint8Array): Uint8Array {
    if (value.length > LONGEST_SHORT) return value.slice();
    if (this.#used + value.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK);
      this.#used = 0;
    }
    const copy = this.#block.subarray(this.#used, this.#used += value.length);
    copy.set(value);
    return copy;
  }

  #expire(key: string): void {
    const deadline = this.#deadlines.get(key);
    if (deadline === undefined || deadline > this.#now()) return;
    this.#deadlines.delete(key);
    this.#bytes -= sizeOf(key, this.#values.get(key)!);
    this.#values.delete(key);
  }
}

/** What it takes to keep a key and a value, beside their bytes, about: millions of empty ones take much more than their bytes. */
export const ENTRY: number = 512;

/** A block is no longer than what is counted for one entry, which may be the only one that is left of it. */
const BLOCK = ENTRY;
const LONGEST_SHORT = 32;

function sizeOf(key: string, value: Uint8Array): number {
  return ENTRY + key.length + value.length;
}
