// Connections that a listener pushes, turned into ones that are accepted.

import { Deferred } from "../common/deferred.ts";
import { Fifo } from "../common/fifo.ts";
import type { Connection } from "../connection/connection.ts";

/** How many connections wait to be accepted, as with the system's own backlog; further ones are closed. */
const LONGEST = 511;

export class AcceptQueue {
  readonly #connections: Fifo<Connection> = new Fifo();
  readonly #waiting: Fifo<Deferred<Connection | null>> = new Fifo();
  /** What nobody who waited could be told. */
  #failure: Error | undefined;
  #closed = false;

  /** How many connections wait to be accepted. */
  get length(): number {
    return this.#connections.length;
  }

  /** Whether the next connection that waits would be closed. */
  get isFull(): boolean {
    return this.length >= LONGEST;
  }

  /** Whether an `accept()` waits. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** Hands a connection to whoever waits longest, or keeps it. */
  put(connection: Connection): void {
    if (this.#closed || this.isFull) return connection.close();
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve(connection);
    else this.#connections.push(connection);
  }

  /**
   * Tells whoever waits longest that the listener could not accept. If nobody waits, whoever comes next is told, behind
   * the connections that were there before: once, however often it happens until then.
   */
  fail(error: Error): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.reject(error);
    else this.#failure ??= error;
  }

  /** The next connection; `null` once the queue is closed. */
  accept(): Promise<Connection | null> {
    const connection = this.#connections.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    if (this.#closed) return Promise.resolve(null);
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) return Promise.reject(failure);
    const waiting = new Deferred<Connection | null>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Ends every waiting `accept()`, and closes the connections that nobody has accepted. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.clear()) connection.close();
    for (const waiting of this.#waiting.clear()) waiting.resolve(null);
  }
}
