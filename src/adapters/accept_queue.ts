import type { Connection } from "../connection.ts";
import { Deferred } from "../deferred.ts";
import { Fifo } from "../fifo.ts";

/** How many connections wait to be accepted, as with the system's own backlog; further ones are closed. */
const BACKLOG = 511;

/** Connections that a listener pushes, turned into ones that are accepted. */
export class AcceptQueue {
  readonly #connections: Fifo<Connection> = new Fifo();
  readonly #waiting: Fifo<Deferred<Connection | null>> = new Fifo();
  #closed = false;

  /** Hands a connection to whoever waits longest, or keeps it. */
  put(connection: Connection): void {
    if (this.#closed || this.#connections.length >= BACKLOG) return connection.close();
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting.resolve(connection);
    else this.#connections.push(connection);
  }

  /** The next connection; `null` once the queue is closed. */
  accept(): Promise<Connection | null> {
    const connection = this.#connections.shift();
    if (connection !== undefined) return Promise.resolve(connection);
    if (this.#closed) return Promise.resolve(null);
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
