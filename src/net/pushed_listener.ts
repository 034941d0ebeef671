// The listener of Node and Bun: connections are pushed, and closed while no more files can be opened.

import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/**
 * A listener over those of Node and Bun, which push their connections, and do not say when they cannot accept because
 * too many files are open: Node closes the connections that wait; Bun asks the system for them again and again, which
 * takes all the time that there is. So neither is let come to that: with each connection it is asked whether a file
 * could still be opened, and the connection closed if it took the last descriptor. Then there is one for the next,
 * which is closed in the same way, and for the program's own files. (When it is these that take the last, it is as it
 * would be without this, until one of them is closed.)
 */
export class PushedListener implements ConnectionListener {
  readonly address: Address;
  readonly #stop: () => void;
  readonly #findExhaustion: () => Error | undefined = exhaustionCheck();
  readonly #queue = new AcceptQueue();
  readonly #closed = new Deferred();

  /**
   * @param address Where it listens.
   * @param stop Stops listening.
   */
  constructor(address: Address, stop: () => void) {
    this.address = address;
    this.#stop = stop;
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

/** Gives a function that gives the system's error when no file can be opened. (It takes some microseconds.) */
function exhaustionCheck(): () => Error | undefined {
  const { closeSync, openSync } = builtin("node:fs");
  const { devNull } = builtin("node:os");
  return () => {
    try {
      closeSync(openSync(devNull, "r"));
    } catch (error) {
      // That this file cannot be opened for another reason says nothing of sockets.
      const { code } = error as { code?: string };
      if (code === "EMFILE" || code === "ENFILE") return error as Error;
    }
    return undefined;
  };
}
