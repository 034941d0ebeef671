// fromBunWebSocket(): the WebSockets of `Bun.serve`.

import { checkFunction } from "../common/checks.ts";
import type { Connection } from "../connection/connection.ts";
import { ConnectionError, withHint } from "../errors.ts";
import {
  checkWebSocketOptions,
  type WebSocketOptions,
  type WebSocketSender,
  WebSocketTransport,
} from "./websocket.ts";

/** What a connection needs of a `Bun.ServerWebSocket`. */
export interface BunServerWebSocketLike {
  /** 1 while it is open, 2 while it closes, 3 when it is closed. */
  readonly readyState: number;
  /** Sends a message: how many bytes went out, -1 if it waits, 0 if it was dropped. */
  send(data: string | ArrayBuffer): number;
  /** How many bytes wait to be sent. */
  getBufferedAmount(): number;
  /** Begins to close. */
  close(code?: number): void;
  /** Closes now. */
  terminate(): void;
}

/** The handlers of `Bun.serve` for WebSockets, which lead each socket's events to its connection. */
export interface BunWebSocketHandlers {
  /** A socket has opened. */
  open(socket: BunServerWebSocketLike): void;
  /** A message has come. */
  message(socket: BunServerWebSocketLike, data: string | Uint8Array): void;
  /** There may be room to send. */
  drain(socket: BunServerWebSocketLike): void;
  /** The socket is closed. */
  close(socket: BunServerWebSocketLike, code: number, reason: string): void;
}

/**
 * Handlers for the WebSockets of `Bun.serve`, which make a connection of each: as `fromWebSocket()`, for sockets that have
 * handlers instead of events. (Those of the package `ws` have events on Bun, too.)
 *
 * @param onConnection Is called with the connection, and the socket it is over, when it has opened.
 * @param options How it carries bytes.
 * @returns What `Bun.serve` takes as `websocket`, alone or among other settings; `socket.data` stays the program's.
 * @throws {TypeError} If `onConnection` is no function, or `send` neither `"binary"` nor `"text"`.
 * @throws {RangeError} If `maxBufferedBytes` is neither a whole number of bytes nor `Infinity`.
 *
 * @example
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromBunWebSocket } from "@asynchat/asynchat/websocket";
 *
 * const websocket = fromBunWebSocket(async (connection) => {
 *   await using chat = new Chat(connection, { terminator: "\n" });
 *   chat.push("hello\n");
 * });
 * // Bun.serve({ websocket, fetch: (request, server) => { server.upgrade(request); } });
 * ```
 */
export function fromBunWebSocket(
  onConnection: (connection: Connection, socket: BunServerWebSocketLike) => void,
  options: WebSocketOptions = {},
): BunWebSocketHandlers {
  checkFunction("onConnection", onConnection);
  const checked = checkWebSocketOptions(options);
  const transports: WeakMap<BunServerWebSocketLike, WebSocketTransport> = new WeakMap();
  return {
    open(socket) {
      const transport = new WebSocketTransport(new BunSender(socket), checked, "the peer");
      transports.set(socket, transport);
      onConnection(transport.connection, socket);
    },
    message: (socket, data) => transports.get(socket)?.onMessage(data),
    drain: (socket) => transports.get(socket)?.onDrain(),
    close: (socket, code, reason) => transports.get(socket)?.onClose(code, reason),
  };
}

/** What Bun says by other names. */
class BunSender implements WebSocketSender {
  readonly #socket: BunServerWebSocketLike;

  constructor(socket: BunServerWebSocketLike) {
    this.#socket = socket;
  }

  get readyState(): number {
    return this.#socket.readyState;
  }

  get bufferedAmount(): number {
    return this.#socket.getBufferedAmount();
  }

  /** @throws {ConnectionError} If Bun drops the message: a stream with a hole in it is none. */
  send(data: string | ArrayBuffer): void {
    if (this.#socket.send(data) !== 0) return;
    throw withHint(
      new ConnectionError("other", "cannot write to the peer: Bun has dropped a message"),
      "backpressureLimit must be 1 MiB or more",
    );
  }

  close(code?: number): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}
