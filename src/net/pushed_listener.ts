// The listener of Node and Bun, to which connections are pushed.

import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/**
 * A listener over those of Node and Bun, which push their connections. When too many files are open, Node closes those
 * that wait, and does not say so; Bun needs `watchDescriptors()`.
 */
export class PushedListener implements ConnectionListener {
  readonly address: Address;
  readonly #stop: () => void;
  readonly #findExhaustion: () => Error | undefined;
  readonly #queue = new AcceptQueue();
  readonly #closed = new Deferred();

  /**
   * @param address Where it listens.
   * @param stop Stops listening.
   * @param findExhaustion Is asked with each connection for the error, if none should be taken because too many files are
   * open.
   */
  constructor(
    address: Address,
    stop: () => void,
    findExhaustion: () => Error | undefined = () => undefined,
  ) {
    this.address = address;
    this.#stop = stop;
    this.#findExhaustion = findExhaustion;
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
    this.#closed.resolve();
  }

  /** A connection has come. */
  put(connection: Connection): void {
    const cause = this.#findExhaustion();
    if (cause === undefined) return this.#queue.put(connection);
    connection.close();
    this.fail(cause);
  }

  /** The runtime could not accept. */
  fail(cause: Error): void {
    this.#queue.fail(toConnectionError(cause, `accept on ${formatEndpoint(this.address)}`));
  }
}

/** How long after a connection it is looked whether files can still be opened. Milliseconds. */
const LOOK_AFTER = 100;

/**
 * For Bun, which asks for a connection that it cannot accept again and again: that took two thirds of a processor for as
 * long as it lasted. So there is a spare descriptor. A tenth of a second after a connection has come, it is looked whether
 * another file could be opened; if not, the spare one is given up. Then Bun can accept each connection that waits, which
 * is closed, until two files can be opened again.
 * @returns Gives the system's error while no connection should be taken. (To look takes 10 microseconds, and happens ten
 * times a second at most.)
 */
export function watchDescriptors(): () => Error | undefined {
  const { closeSync, openSync } = builtin("node:fs");
  const { devNull } = builtin("node:os");
  let exhaustion: Error | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let spare: number | undefined;
  const look = (): void => {
    timer = exhaustion = undefined;
    try {
      spare ??= openSync(devNull, "r");
      closeSync(openSync(devNull, "r"));
    } catch (error) {
      const { code } = error as { code?: string };
      // That this file cannot be opened for another reason says nothing of sockets.
      if (code !== "EMFILE" && code !== "ENFILE") return;
      exhaustion = error as Error;
      if (spare !== undefined) closeSync(spare);
      spare = undefined;
      schedule();
    }
  };
  const schedule = (): void => {
    timer ??= setTimeout(look, LOOK_AFTER);
    (timer as { unref?(): void }).unref?.();
  };
  look();
  return () => (schedule(), exhaustion);
}
