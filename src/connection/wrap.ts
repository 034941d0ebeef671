// Wrap: what comes between a connection and the chat over it.

import { checkFunction } from "../common/checks.ts";
import { isPromise } from "../common/deferred.ts";
import type { Connection } from "./connection.ts";
import { checkIsConnection } from "./native.ts";

/**
 * Puts something over a connection, and returns the connection that the chat is to use: TLS, compression, a log. It is a
 * function of the connection beneath, which belongs to it from now on, and of what the connection is for: `isServer`
 * says whether a listener accepted it, and `hostname` the host name that `connect()` was given.
 *
 * It may be asynchronous. `connect()` awaits it within its `timeout`. A listener goes on accepting meanwhile. If it
 * throws, or its promise rejects, the connection is closed.
 *
 * @example
 * ```ts
 * import { connect, listen, tap, type Wrap } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * const logging: Wrap = (connection, { isServer }) =>
 *   tap(connection, (line) => seen.push(`${isServer ? "server" : "client"} ${line}`));
 *
 * await using listener = await listen({ port: 0, terminator: "\n" });
 * const { port } = listener.address;
 * const client = await connect({ port, terminator: "\n", wrap: logging });
 * await client.send("hello");
 * await client.flush();
 * assertEquals(seen, ['client > 6 bytes "hello\\n"']);
 * client.close();
 * ```
 */
export type Wrap = (
  connection: Connection,
  to: { hostname?: string; isServer: boolean },
) => Connection | Promise<Connection>;

/** What a connection is for: which side this is, and the host name that was connected to. */
export type WrapTarget = Readonly<Parameters<Wrap>[1]>;

/** What a chat is for that a program made by hand, and says nothing of it. */
const UNKNOWN: WrapTarget = { isServer: false };

const targets: WeakMap<Connection, WrapTarget> = new WeakMap();

/** Keeps what a connection is for until something is put over it later, by `chat.upgrade()`. */
export function rememberTarget(connection: Connection, to: WrapTarget): void {
  targets.set(connection, to);
}

/** What a connection is for, if `connect()` or a listener opened it. */
export function targetOf(connection: Connection): WrapTarget {
  return targets.get(connection) ?? UNKNOWN;
}

/** @throws {TypeError} If `wrap` is no function. */
export function checkWrap(wrap: unknown): void {
  checkFunction("wrap", wrap, ", such as tap");
}

/**
 * Wraps a connection, which is closed if that fails.
 * @throws What `wrap` throws, or a `TypeError` if it gives no connection.
 */
export function wrapConnection(
  connection: Connection,
  wrap: Wrap,
  to: WrapTarget,
): Connection | Promise<Connection> {
  const onFailure = (error: unknown): never => {
    connection.close(error);
    throw error;
  };
  try {
    const wrapped = wrap(connection, to);
    if (!isPromise(wrapped)) return checked(wrapped);
    return Promise.resolve(wrapped).then(checked).catch(onFailure);
  } catch (error) {
    return onFailure(error);
  }
}

function checked(connection: Connection): Connection {
  checkIsConnection(connection);
  return connection;
}
