// chaos(): a bad network for tests, from a seed.

import { concat } from "../common/bytes.ts";
import {
  checkInteger,
  checkNumber,
  checkOptions,
  describe,
  type OptionNames,
} from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "../connection/connection.ts";
import { WrappedConnection } from "../connection/wrapped_connection.ts";
import { ConnectionError } from "../errors.ts";

/** What a connection under {@linkcode chaos} suffers. The probabilities are 0 (never) to 1 (always). */
export interface ChaosOptions {
  /** A whole number: the same one brings the same misfortunes, as far as the transport does the same. */
  seed: number;
  /** How probable it is that a chunk or a write is split in two, and the second part again. Default: 0.5. */
  split?: number | undefined;
  /** How probable it is that a chunk is merged with what has arrived right behind it. Default: 0.5. */
  merge?: number | undefined;
  /** How probable it is that a read or a write is late by a turn of the event loop. Default: 0.1. */
  delay?: number | undefined;
  /** After how many bytes, both directions together, the connection is reset. Default: `Infinity`. */
  resetAfter?: number | undefined;
  /**
   * After how many bytes, both directions together, nothing more moves: reads bring nothing, writes are not taken, and the
   * peer does not learn of `closeWrite()`, until the connection is closed. Default: `Infinity`.
   */
  stallAfter?: number | undefined;
}

/**
 * A connection on which everything that may happen does, from a seed: chunks are split and merged, reads and writes are
 * late, and, if asked for, it breaks or falls silent. It keeps the guarantees of a connection all the while, so that a
 * protocol that works on the one and not on the other takes something for granted that no network grants.
 *
 * @param connection The connection; use what is returned instead.
 * @param options The seed, and what is to happen.
 * @returns The connection to use.
 * @throws {TypeError} If `connection` is none, or an option of a wrong type.
 * @throws {RangeError} If the seed or a count of bytes is no whole number, or a probability not 0 to 1.
 *
 * @example
 * ```ts
 * import { Chat, memoryPair } from "@asynchat/asynchat";
 * import { chaos } from "@asynchat/asynchat/testing";
 * import { assertEquals } from "@std/assert";
 *
 * for (let seed = 0; seed < 10; seed++) {
 *   const [left, right] = memoryPair();
 *   const client = new Chat(left, { terminator: "\r\n" });
 *   const server = new Chat(chaos(right, { seed }), { terminator: "\r\n", encoding: "utf-8" });
 *   await client.send("a line");
 *   assertEquals(await server.read(), "a line");
 *   await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
 * }
 * ```
 */
export function chaos(connection: Connection, options: ChaosOptions): Connection {
  const { seed, split = 0.5, merge = 0.5, delay = 0.1 } = checkOptions(options, OPTIONS);
  const { resetAfter = Infinity, stallAfter = Infinity } = options;
  checkInteger("seed", seed, -Number.MAX_SAFE_INTEGER);
  for (const [name, value] of Object.entries({ split, merge, delay })) {
    checkNumber(name, value);
    if (value >= 0 && value <= 1) continue;
    throw new RangeError(`${name} must be a probability, 0 to 1, not ${describe(value)}`);
  }
  for (const [name, value] of Object.entries({ resetAfter, stallAfter })) {
    if (value !== Infinity) checkInteger(name, value);
  }
  return new ChaoticConnection(connection, { seed, split, merge, delay, resetAfter, stallAfter });
}

const OPTIONS: OptionNames<ChaosOptions> = {
  seed: 1,
  split: 1,
  merge: 1,
  delay: 1,
  resetAfter: 1,
  stallAfter: 1,
};

type Settings = { readonly [Name in keyof ChaosOptions]-?: number };

class ChaoticConnection extends WrappedConnection {
  readonly #settings: Settings;
  readonly #random: () => number;
  /** What was received and not handed out. */
  #held: Uint8Array | undefined;
  /** A read that is under way, to be merged with what is held, or to come after it. */
  #next: Promise<Uint8Array | null> | undefined;
  #passed = 0;
  #isClosed = false;
  #reset: ConnectionError | undefined;
  /** Resolves when nothing can be waited for any more. */
  readonly #gone = new Deferred();

  constructor(connection: Connection, settings: Settings) {
    super(connection);
    connection.closed.then(this.#gone.resolve);
    this.#settings = settings;
    this.#random = randomFrom(settings.seed);
  }

  override async read(): Promise<Uint8Array | null> {
    await this.#maybeWait();
    const chunk = this.#held ?? await this.#orReset(this.#receive());
    await this.#whileStalled();
    if (this.#isClosed) return await this.#orReset(super.read());
    this.#held = undefined;
    if (chunk === null) return null;
    const merged = this.#happens("merge") ? await this.#merge(chunk) : chunk;
    if (this.#isClosed) return await this.#orReset(super.read());
    const end = this.#happens("split")
      ? 1 + Math.floor(this.#random() * merged.length)
      : merged.length;
    if (end < merged.length) this.#held = merged.subarray(end);
    this.#count(end);
    return merged.subarray(0, end);
  }

  override async write(data: Uint8Array): Promise<void> {
    let at = 0;
    do {
      await this.#maybeWait();
      const rest = data.length - at;
      const end = at + (this.#happens("split") ? Math.ceil(this.#random() * rest) : rest);
      await this.#orReset(super.write(data.subarray(at, end)));
      this.#count(end - at);
      at = end;
    } while (at < data.length);
  }

  override async closeWrite(): Promise<void> {
    if (!this.#isStalled || this.#isClosed) await this.#orReset(super.closeWrite());
  }

  override close(reason?: unknown): void {
    this.#isClosed = true;
    this.#held = undefined;
    this.#gone.resolve();
    super.close(reason);
  }

  #receive(): Promise<Uint8Array | null> {
    const next = this.#next ?? super.read();
    this.#next = undefined;
    return next;
  }

  /** Adds what arrives within a turn of the event loop; what comes later is the next chunk. */
  async #merge(chunk: Uint8Array): Promise<Uint8Array> {
    const next = this.#next ??= super.read();
    next.catch(() => {}); // for the read that will ask for it
    const second = await Promise.race([next, turn()]).catch(() => undefined);
    if (second === null || second === undefined) return chunk;
    this.#next = undefined;
    return concat(chunk, second);
  }

  async #maybeWait(): Promise<void> {
    if (this.#happens("delay")) await turn();
    await this.#whileStalled();
  }

  async #whileStalled(): Promise<void> {
    if (this.#isStalled) await this.#gone.promise;
  }

  get #isStalled(): boolean {
    return this.#passed >= this.#settings.stallAfter;
  }

  /** What the reset interrupts, and what comes after it, rejects with the reset, and not with the close that it is here. */
  async #orReset<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      throw this.#reset ?? error;
    }
  }

  #happens(what: "split" | "merge" | "delay"): boolean {
    return this.#random() < this.#settings[what];
  }

  #count(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed <= this.#settings.resetAfter || this.#reset !== undefined) return;
    this.#reset = new ConnectionError("reset", `chaos: reset after ${this.#passed} bytes`);
    this.close(this.#reset);
  }
}

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Numbers from 0 to 1, the same for the same seed: Marsaglia's xorshift (2003), with 32 bits. */
function randomFrom(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
