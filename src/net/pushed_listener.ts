// The listener of Node and Bun, to which connections are pushed.

import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/**
 * A listener over those of Node and Bun, which push their connections. When too many files are open, Node closes those
 * that wait, and does not say so; Bun needs a `DescriptorWatch`.
 */
export class PushedListener implements ConnectionListener {
  readonly address: Address;
  readonly #stop: () => void;
  readonly #watch: DescriptorWatch | undefined;
  readonly #queue = new AcceptQueue();
  readonly #closed = new Deferred();

  /**
   * @param address Where it listens.
   * @param stop Stops listening.
   * @param watch Notices that too many files are open.
   */
  constructor(address: Address, stop: () => void, watch?: DescriptorWatch) {
    this.address = address;
    this.#stop = stop;
    this.#watch = watch;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  accept(): Promise<Connection | null> {
    return this.#queue.accept();
  }

  close(): void {
    this.#queue.close();
    this.#stop();
    this.#watch?.stop();
    this.#closed.resolve();
  }

  /** A connection has come. */
  put(connection: Connection): void {
    const cause = this.#watch?.check();
    if (cause === undefined) return this.#queue.put(connection);
    connection.close();
    this.fail(cause);
  }

  /** The runtime could not accept. */
  fail(cause: Error): void {
    this.#queue.fail(toConnectionError(cause, `accept on ${formatEndpoint(this.address)}`));
  }
}

/** How often it is looked whether files can still be opened. Milliseconds. */
const LOOK_EVERY = 250;

/**
 * For Bun, which asks for a connection that it cannot accept again and again: that took two thirds of a processor for as
 * long as it lasted. So there is a spare descriptor. Four times a second it is looked whether another file could be opened. If
 * not, the spare one is given up: then Bun can accept each connection that waits, which is closed, until two files can be
 * opened again. (To look takes 10 microseconds. While too many files are open, it happens with each connection, too.)
 */
export class DescriptorWatch {
  #spare: number | undefined;
  #exhaustion: Error | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    (this.#timer as { unref?(): void }).unref?.();
    this.#look();
  }

  /** A connection has come. Gives the system's error if it is to be closed. */
  check(): Error | undefined {
    if (this.#exhaustion !== undefined) this.#look();
    return this.#exhaustion;
  }

  /** Gives back what it holds. */
  stop(): void {
    clearInterval(this.#timer);
    this.#giveUpSpare();
  }

  #look(): void {
    const { closeSync, openSync } = builtin("node:fs");
    const { devNull } = builtin("node:os");
    this.#exhaustion = undefined;
    try {
      this.#spare ??= openSync(devNull, "r");
      closeSync(openSync(devNull, "r"));
    } catch (error) {
      const { code } = error as { code?: string };
      // That this file cannot be opened for another reason says nothing of sockets.
      if (code !== "EMFILE" && code !== "ENFILE") return;
      this.#exhaustion = error as Error;
      this.#giveUpSpare();
    }
  }

  #giveUpSpare(): void {
    if (this.#spare !== undefined) builtin("node:fs").closeSync(this.#spare);
    this.#spare = undefined;
  }
}
