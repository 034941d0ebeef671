// What a connection of this library offers to a chat beside the promises of a `Connection`.

import { typeName } from "../common/checks.ts";
import type { Connection, TlsInfo } from "./connection.ts";

/** Where such a connection can be asked for the next chunk. */
export const RECEIVE: unique symbol = Symbol("receive");

/** Where such a connection can be watched. */
export const WATCH: unique symbol = Symbol("watch");

/** What asks for chunks. */
export interface Receiver {
  /** The next bytes; `null` once the peer has ended its direction. */
  onChunk(chunk: Uint8Array | null): void;
  /** There are none: what `read()` would reject with. */
  onReadFailure(error: unknown): void;
}

/** Learns for its owner that the connection is gone. */
export type Watcher<Owner> = (owner: Owner, connection: Connection) => void;

/**
 * Puts TLS over a socket in the way of its runtime.
 * @param handlers What the runtime calls with what happens to the socket that speaks TLS.
 * @param adopt Makes a connection of that socket.
 */
export type StartTls = (
  socket: never,
  handlers: object,
  adopt: (secured: object, info: TlsInfo) => Connection,
) => Handshake;

/** A handshake that is under way. */
export interface Handshake {
  readonly connection: Promise<Connection>;
  /** Ends it, unless it is done. */
  giveUp(reason: Error): void;
}

/** A connection that calls back where others make a promise. */
export interface NativeConnection extends Connection {
  /**
   * Asks for the next chunk, as `read()` does, or, with `undefined`, takes the question back: the chunk then goes to the
   * next who asks. The answer never comes before this has returned. (A chat, which reads one chunk after the other all its
   * life, takes 520 bytes less on Node while it waits, and a round trip 0.25 µs of 6.)
   */
  [RECEIVE](receiver: Receiver | undefined): void;

  /**
   * Calls back when the connection is gone, as `closed` would. Only the last who asks is called: the connection is theirs.
   * (A chat, which waits for it all its life, takes 400 bytes less on Node.)
   */
  [WATCH]<Owner>(owner: Owner, watcher: Watcher<Owner>): void;

  /**
   * TLS in the way of the runtime, of which nothing must be read or written any more: a read that is under way gives
   * nothing. `undefined` if it must be done in the way of all others.
   */
  startTls?(start: StartTls): Promise<Connection> | undefined;
}

/** Whether it is such a connection. */
export function isNative(connection: Connection): connection is NativeConnection {
  return typeof connection === "object" && connection !== null && RECEIVE in connection;
}

/**
 * Checks what is to be a connection.
 * @throws {TypeError} If it is something else.
 */
export function checkIsConnection(connection: Connection): void {
  // One of this library's own is one: it should not be asked for its `closed`, which it makes only then.
  if (isNative(connection)) return;
  const { read, write, closeWrite, close, closed } = (connection ?? {}) as Partial<Connection>;
  const methods = [read, write, closeWrite, close, closed?.then];
  if (methods.every((method) => typeof method === "function")) return;
  throw new TypeError(
    `connection must be a Connection, such as fromNode(socket) or fromDeno(conn) gives, not ${
      typeName(connection)
    }`,
  );
}
