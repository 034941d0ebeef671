// memoryPair(): two connections without a transport.

import { copyOf } from "../common/bytes.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "./connection.ts";
import { connectionClosed } from "./closing.ts";
import { type ClosedError, ConnectionError } from "../errors.ts";
import { Inbox } from "./inbox.ts";

/** How many bytes one end may be ahead of the other's reading, as a socket's buffers would allow. */
const CAPACITY = 64 * 1024;

/**
 * Two connections with each other: what one writes the other reads. For tests of a protocol, with no socket, and for
 * two parts of a program that speak one.
 *
 * A chat over one end that is closed with `closeWhenDone()` waits for the other to end, too, for 2 s at most: close both
 * together.
 *
 * A write resolves at once while less than 64 KiB of what was written before is unread.
 *
 * @returns The two ends.
 *
 * @example
 * ```ts
 * import { Chat, memoryPair } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryPair();
 * const client = new Chat(left, { terminator: "\n" });
 * const server = new Chat(right, { terminator: "\n" });
 *
 * client.push("hello\n");
 * assertEquals(await server.read(), new TextEncoder().encode("hello"));
 *
 * await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
 * ```
 */
export function memoryPair(): [Connection, Connection] {
  const left = new MemoryConnection();
  const right = new MemoryConnection();
  left.peer = right;
  right.peer = left;
  return [left, right];
}

class MemoryConnection implements Connection {
  declare peer: MemoryConnection;

  readonly #inbox = new Inbox();
  readonly #closed = new Deferred();
  #blocked: Deferred | undefined;
  #writeEnded = false;
  #closeError: ClosedError | undefined;
  #failure: Error | undefined;

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = await this.#inbox.read();
    if (this.#inbox.length < CAPACITY) this.peer.#unblock();
    return chunk;
  }

  write(data: Uint8Array): Promise<void> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    if (this.peer.#closeError !== undefined) return Promise.reject(this.#break());
    // A copy: the writer may reuse its buffer, and what the reader was given is the reader's.
    this.peer.#inbox.put(copyOf(data));
    if (this.peer.#inbox.length < CAPACITY) return Promise.resolve();
    this.#blocked = new Deferred();
    return this.#blocked.promise;
  }

  closeWrite(): Promise<void> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    this.#writeEnded = true;
    this.peer.#inbox.end();
    this.#closeWhenBothEnded();
    return Promise.resolve();
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = connectionClosed(reason);
    this.#inbox.shut(this.#closeError);
    this.#blocked?.reject(this.#closeError);
    this.peer.#inbox.end();
    if (this.peer.#blocked !== undefined) this.peer.#blocked.reject(this.peer.#break());
    this.#writeEnded = true;
    this.#closed.resolve();
    this.#closeWhenBothEnded();
  }

  /** As with a socket, what breaks one direction breaks both. */
  #break(): Error {
    this.#failure ??= new ConnectionError("reset", "cannot write to the other end: it is closed");
    this.#inbox.fail(this.#failure);
    return this.#failure;
  }

  #unblock(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }

  #closeWhenBothEnded(): void {
    if (!this.#writeEnded || !this.peer.#writeEnded) return;
    this.#closed.resolve();
    this.peer.#closed.resolve();
  }
}
