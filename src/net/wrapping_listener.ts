// What wraps the connections of a listener, on their way to `accept()`.

import { Deferred, isPromise } from "../common/deferred.ts";
import { notify } from "../common/attempt.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { AcceptQueue } from "./accept_queue.ts";

/** How many promises of a wrap may be under way at a time; further connections wait to be accepted. */
const MOST_UNDER_WAY = 1_000;

/**
 * A listener that hands out each connection when its wrap is ready, so that a client that is slow to shake hands, or
 * never does, holds up no other.
 *
 * ```text
 *   listener ──▶ [ wrap ] ──▶ queue ──▶ accept()
 *            ──▶ [ wrap ] ──▶ throws: accept() rejects
 *            ──▶ [ wrap ] ──▶ its promise rejects: onFailure()
 * ```
 */
export class WrappingListener implements ConnectionListener {
  readonly #listener: ConnectionListener;
  readonly #wrap: (connection: Connection) => Connection | Promise<Connection>;
  readonly #onFailure: (error: unknown, chat: undefined) => void;
  readonly #most: number;
  readonly #queue = new AcceptQueue();
  readonly #underWay: Set<Connection> = new Set();
  /** Resolves when `accept()` is called after an error. */
  #asked = new Deferred();
  /** Resolves when `accept()` is called, or a wrap is over. */
  #changed = new Deferred();
  #isClosed = false;

  /**
   * @param listener Where connections come from.
   * @param wrap Wraps one of them, and closes it if that fails.
   * @param onFailure Is called when the promise of a wrap has rejected.
   * @param most How many may be under way at a time.
   */
  constructor(
    listener: ConnectionListener,
    wrap: (connection: Connection) => Connection | Promise<Connection>,
    onFailure: (error: unknown, chat: undefined) => void,
    most: number = MOST_UNDER_WAY,
  ) {
    this.#listener = listener;
    this.#wrap = wrap;
    this.#onFailure = onFailure;
    this.#most = most;
    void this.#run();
  }

  get address(): Address {
    return this.#listener.address;
  }

  get closed(): Promise<void> {
    return this.#listener.closed;
  }

  accept(): Promise<Connection | null> {
    const accepting = this.#queue.accept();
    this.#asked.resolve();
    this.#onChange();
    return accepting;
  }

  close(): void {
    this.#isClosed = true;
    this.#listener.close();
    for (const connection of this.#underWay) connection.close();
    this.#queue.close();
    this.#asked.resolve();
    this.#onChange();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = await this.#listener.accept();
        if (connection === null) return await this.#end();
        if (this.#isClosed) return connection.close();
        const wrapping = this.#wrap(connection);
        if (isPromise(wrapping)) void this.#put(connection, wrapping);
        else this.#queue.put(wrapping);
      } catch (error) {
        // accept() rejects with each, and is called again when it is time to; or it was called before.
        this.#asked = new Deferred();
        this.#queue.fail(error as Error);
        if (!this.#queue.isAwaited) await this.#asked.promise;
      }
      while (this.#underWay.size >= this.#most || this.#queue.isFull) await this.#changed.promise;
    }
  }

  /** The listener has ended by itself: what it has brought is still accepted. */
  async #end(): Promise<void> {
    while (this.#underWay.size > 0 || this.#queue.length > 0) await this.#changed.promise;
    this.#queue.close();
  }

  async #put(connection: Connection, wrapping: PromiseLike<Connection>): Promise<void> {
    this.#underWay.add(connection);
    try {
      this.#queue.put(await wrapping);
    } catch (error) {
      if (!this.#isClosed) notify(() => this.#onFailure(error, undefined));
    }
    this.#underWay.delete(connection);
    this.#onChange();
  }

  #onChange(): void {
    this.#changed.resolve();
    this.#changed = new Deferred();
  }
}
