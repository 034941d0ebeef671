// memoryPair(): two connections without a transport.

import { copyOf } from "../common/bytes.ts";
import { Deferred, NOW } from "../common/deferred.ts";
import type { Connection } from "./connection.ts";
import { type Duplex, duplex, type Sink, type Source, type Whole } from "./duplex.ts";

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
  const left = new MemoryEnd();
  const right = new MemoryEnd();
  left.peer = right;
  right.peer = left;
  return [left.connection, right.connection];
}

class MemoryEnd implements Source, Sink, Whole {
  declare peer: MemoryEnd;

  readonly name = "the other end";
  readonly isOne = true;
  readonly closed = "source";
  readonly connection: Duplex = duplex(this, this, this);
  #state: "open" | "ended" | "closed" = "open";
  /** A write that waits until the other end has read. */
  #blocked: Deferred | undefined;
  /** As with a socket, the end is noticed when it is read, and later than it was made. */
  #isFlowing = false;

  open(): void {}

  pull(): void {
    this.#isFlowing = true;
    this.#noticeEnd();
  }

  hold(): void {
    this.#isFlowing = false;
  }

  onTaken(): void {
    if (this.connection.unread < CAPACITY) this.peer.#unblock();
  }

  write(data: Uint8Array): Promise<void> | undefined {
    const { connection } = this.peer;
    if (this.peer.#state === "closed") return Promise.reject(undefined);
    // A copy: the writer may reuse its buffer, and what the reader was given is the reader's.
    connection.onChunk(copyOf(data));
    if (connection.unread < CAPACITY) return undefined;
    this.#blocked = new Deferred();
    return this.#blocked.promise;
  }

  end(): void {
    this.#state = "ended";
    this.peer.#noticeEnd();
  }

  release(isClosing: boolean): void {
    this.#state = "closed";
    this.#blocked?.reject(undefined);
    this.connection.onGone();
    if (!isClosing) return;
    this.peer.#noticeEnd();
    this.peer.#blocked?.reject(undefined);
  }

  #noticeEnd(): void {
    const isOver = this.#isFlowing && this.peer.#state !== "open";
    if (isOver) void NOW.then(() => this.connection.onEnd());
  }

  #unblock(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }
}
