// fromWebSocket(): the standard WebSockets, and those of the package `ws`.

import { bytesOf, plainBytes } from "../common/bytes.ts";
import {
  checkLimit,
  checkOptions,
  describe,
  type OptionNames,
  typeName,
} from "../common/checks.ts";
import { Deadline } from "../common/deadline.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "../connection/connection.ts";
import {
  type Duplex,
  duplex,
  LONGEST_PIECE,
  type Sink,
  type Source,
  type UnsharedBytes,
  type Whole,
} from "../connection/duplex.ts";
import { ConnectionError, type ConnectionErrorCode, withHint } from "../errors.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/** How a WebSocket carries bytes. */
export interface WebSocketOptions {
  /**
   * What is sent: `"binary"` messages, the default, or `"text"` ones, for a peer that takes no others. Text must be
   * UTF-8: a write of anything else ends the connection with a `TypeError`. Received messages may be either.
   */
  send?: "binary" | "text" | undefined;
  /**
   * How many received bytes may wait to be read, a whole number or `Infinity`. Default: 16 MiB. A message that comes while
   * more wait ends the connection with a `ConnectionError`: most WebSockets cannot be told to hold their peer back.
   */
  maxBufferedBytes?: number | undefined;
}

const OPTIONS: OptionNames<WebSocketOptions> = { send: 1, maxBufferedBytes: 1 };

interface CheckedOptions {
  readonly send: "binary" | "text";
  readonly maxBufferedBytes: number;
}

/** What a connection does with a WebSocket, apart from listening to it. */
export interface WebSocketSender {
  /** 0 while it connects, 1 while it is open, 2 while it closes, 3 when it is closed. */
  readonly readyState: number;
  /** How many bytes wait to be sent. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: string | ArrayBuffer): void;
  /** Begins to close, after what was sent. */
  close(code?: number): void;
  /** Closes now, without a word to the peer, where there is a way to do that. */
  terminate?(): void;
  /** Stops reading, where there is a way to do that. */
  pause?(): void;
  /** Reads on. */
  resume?(): void;
}

/** The events of a WebSocket. */
export type WebSocketEvent = "open" | "message" | "error" | "close";

/** Listens to one of them; what each tells is another thing. */
// deno-lint-ignore no-explicit-any -- each runtime has classes of its own for it
export type WebSocketListener = (event: any) => void;

/** What {@linkcode fromWebSocket} needs of a WebSocket: the standard one has it, and that of the package `ws`. */
export interface WebSocketLike extends WebSocketSender {
  /** As what binary messages come. */
  binaryType: string;
  /** Where it connects to; a server's end may have none. */
  readonly url?: string;
  /** Listens to an event. */
  addEventListener(type: WebSocketEvent, listener: WebSocketListener): void;
  /** Listens no more. */
  removeEventListener(type: WebSocketEvent, listener: WebSocketListener): void;
}

/**
 * A connection over a WebSocket: the global `WebSocket` of browsers, Deno, Bun and Node 22, that of the package `ws`,
 * on either side, and the one that `Deno.upgradeWebSocket` gives. The connection takes the socket over: make it at
 * once, because messages that nobody listens to are lost. While the socket connects, writes wait.
 *
 * The bytes of the messages are the stream, one after the other; where a message ends means nothing. No byte is added to
 * them, so whatever carries a stream over WebSocket in this usual way can be the peer.
 *
 * A WebSocket has no half-close: `closeWrite()` closes it in order (code 1000) after what was written. The peer reads
 * all of that, and then the end, and can send no more; of what it had sent meanwhile most WebSockets show nothing. Any
 * other code than 1000, 1001 (going away) and 1005 (none) is a `ConnectionError` for whoever reads.
 *
 * A standard WebSocket cannot be told to hold the peer back: see `maxBufferedBytes`. Those of `ws` can, and are.
 *
 * @param socket The WebSocket, open or connecting, to whose messages nobody else listens; `binaryType` becomes
 * `"arraybuffer"`.
 * @param options How it carries bytes.
 * @returns The connection. If the socket does not open, reading and writing reject with a `ConnectionError`.
 * @throws {TypeError} If it is no such WebSocket, or `send` is neither `"binary"` nor `"text"`.
 * @throws {RangeError} If `maxBufferedBytes` is neither a whole number of bytes nor `Infinity`.
 *
 * @example
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromWebSocket } from "@asynchat/asynchat/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = Deno.upgradeWebSocket(request);
 *   const chat = new Chat(fromWebSocket(socket), { terminator: "\n", encoding: "utf-8" });
 *   chat.read().then((name) => chat.push(`hello, ${name}\n`)).then(() => chat.closeWhenDone());
 *   return response;
 * });
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
 * const chat = new Chat(fromWebSocket(socket), { terminator: "\n", encoding: "utf-8" });
 * chat.push("world\n");
 * assertEquals(await chat.read(), "hello, world");
 * await chat.closeWhenDone();
 * await server.shutdown();
 * ```
 */
export function fromWebSocket(socket: WebSocketLike, options: WebSocketOptions = {}): Connection {
  if (typeof socket?.send !== "function" || typeof socket.addEventListener !== "function") {
    throw new TypeError(
      `socket must be a WebSocket, not ${typeName(socket)}; for those of Bun.serve use ` +
        "fromBunWebSocket()",
    );
  }
  const checked = checkWebSocketOptions(options);
  const transport = new WebSocketTransport(socket, checked, socket.url || "the peer");
  const { connection } = transport;
  socket.binaryType = "arraybuffer";
  const listeners: readonly [WebSocketEvent, WebSocketListener][] = [
    ["open", () => transport.onOpen()],
    ["message", ({ data }) => transport.onMessage(data)],
    ["error", (event) => transport.onError(errorOf(event))],
    ["close", ({ code, reason }) => transport.onClose(code, reason)],
  ];
  for (const [event, listener] of listeners) socket.addEventListener(event, listener);
  connection.closed.then(() => {
    for (const [event, listener] of listeners) socket.removeEventListener(event, listener);
  });
  return connection;
}

/** @throws {TypeError | RangeError} As {@linkcode fromWebSocket} does. */
export function checkWebSocketOptions(
  options: WebSocketOptions,
): CheckedOptions {
  const { send = "binary", maxBufferedBytes = 16 * 1024 * 1024 } = checkOptions(options, OPTIONS);
  if (send !== "binary" && send !== "text") {
    throw new TypeError(`send must be "binary" or "text", not ${describe(send)}`);
  }
  return { send, maxBufferedBytes: checkLimit("maxBufferedBytes", maxBufferedBytes) };
}

/** Browsers say nothing in the event of an error; other runtimes do. */
function errorOf(event: { error?: unknown; message?: unknown }): unknown {
  return event.error ?? (event.message ? new Error(String(event.message)) : undefined);
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** The codes of a close that is an ordinary end: it is done, the page or the program goes away, nothing was said. */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** A write waits while more bytes than this wait in the socket. */
const HIGH_WATER_MARK = 256 * 1024;

/** How long to wait before looking again if there is room, in milliseconds: at first, and at most. */
const FIRST_LOOK = 1;
const LAST_LOOK = 64;

/** How long a peer may take to answer a close, in milliseconds. */
const LONGEST_CLOSE = 2_000;

const encoder = new TextEncoder();

/** A close that is no ordinary end. */
interface Failure {
  readonly code: ConnectionErrorCode;
  readonly detail: string;
}

/** What the codes of a close say; `undefined` if it is an ordinary end. */
function failureOf(code: number, reason: string): Failure | undefined {
  if (ORDERLY.has(code)) return undefined;
  // Deno says 0 where others say 1006.
  if (code === 1006 || code === 0) {
    return { code: "reset", detail: "the WebSocket broke off without a close" };
  }
  const words = reason === "" ? "" : `: ${describe(reason)}`;
  return { code: "other", detail: `the WebSocket was closed with ${code}${words}` };
}

/**
 * Any kind of WebSocket, as a source and a sink. What makes it tells it what happens to the socket.
 *
 * ```text
 *   connecting ──▶ open ──▶ closing ──▶ closed
 *     writes wait    │         └ the answer of the peer is waited for, and not for ever
 *                    └ write: message, message, ... until too much waits; then look, again and again, if it has become less
 * ```
 */
export class WebSocketTransport implements Source, Sink, Whole {
  readonly name: string;
  readonly isOne = true;
  readonly closed = "source";
  readonly keeps = true;
  readonly longestPiece: number = LONGEST_PIECE; // peers refuse long messages
  readonly connection: Duplex;
  readonly #socket: WebSocketSender;
  readonly #maxBufferedBytes: number;
  /** Of text: what the last write has left of a character. */
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #opened = new Deferred();
  #isOpened = false;
  /** The runtime's own error, which comes before the close that it leads to. */
  #cause: unknown;
  /** A write that waits until less waits in the socket. */
  #room: Deferred | undefined;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  #closing: Deadline | undefined;

  constructor(socket: WebSocketSender, options: CheckedOptions, name: string) {
    this.#socket = socket;
    this.name = name;
    this.#maxBufferedBytes = options.maxBufferedBytes;
    if (options.send === "text") {
      this.#decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    }
    this.connection = duplex(this, this, this);
    if (socket.readyState !== CONNECTING) this.onOpen();
    if (socket.readyState === CLOSED) this.onClose(1006, "");
  }

  open(): void {}

  pull(): void {
    this.#socket.resume?.();
  }

  hold(): void {
    this.#socket.pause?.();
  }

  write(data: UnsharedBytes): Promise<void> | undefined {
    return this.#isOpened ? this.#send(data) : this.#opened.promise.then(() => this.#send(data));
  }

  async end(): Promise<void> {
    if (!this.#isOpened) await this.#opened.promise;
    // If the peer has begun to close, nothing is left to be ended.
    if (this.#socket.readyState !== OPEN) return;
    this.#decode(new Uint8Array(0), true);
    this.#socket.close(1000);
  }

  /** Closes the socket, and waits for the peer to close it, too. */
  release(isClosing: boolean): void {
    this.#opened.reject(undefined);
    this.#settleRoom(false);
    if (!isClosing && this.#socket.readyState === CLOSED) return;
    this.#waitForClose();
    this.#socket.resume?.(); // a socket that is held back does not see the answer
    this.#socket.close();
  }

  /** The socket is open. */
  onOpen(): void {
    this.#isOpened = true;
    this.#opened.resolve();
  }

  /** A message has come: text, or bytes. */
  onMessage(data: unknown): void {
    const { connection, name } = this;
    const bytes = typeof data === "string" ? encoder.encode(data) : bytesOf(data);
    if (bytes === undefined) {
      const what = `cannot read from ${name}: a message came as ${typeName(data)}`;
      const error = new ConnectionError("other", what);
      return connection.onFailure(withHint(error, 'binaryType must be "arraybuffer"'));
    }
    if (connection.unread <= this.#maxBufferedBytes) return connection.onChunk(plainBytes(bytes));
    const error = new ConnectionError(
      "exhausted",
      `cannot read from ${name}: ${connection.unread} received bytes wait to be read, ` +
        `more than the maxBufferedBytes of ${this.#maxBufferedBytes}`,
    );
    connection.onFailure(
      withHint(error, "read faster, or raise the limit"),
    );
  }

  /** Less may wait in the socket than before. */
  onDrain(): void {
    if (this.#room !== undefined) this.#look(FIRST_LOOK, this.#socket.bufferedAmount);
  }

  /** Something went wrong, and the close comes next: on Node not if the socket has never opened, and else perhaps late. */
  onError(cause: unknown): void {
    this.#cause ??= cause;
    if (this.#isOpened) this.#waitForClose();
    else this.onClose(1006, "");
  }

  /** The socket is closed. */
  onClose(code: number, reason: string): void {
    this.#closing?.clear();
    const { connection } = this;
    const failure = failureOf(code, reason);
    if (failure === undefined) connection.onEnd();
    else connection.onFailure(this.#cause = this.#toError(failure));
    this.#opened.reject(this.#cause);
    this.#settleRoom(false);
    connection.onGone();
  }

  /** The runtime's own error, if there was one, tells more than the code of the close. */
  #toError({ code, detail }: Failure): ConnectionError {
    const cause = this.#cause;
    if (!this.#isOpened) {
      if (cause !== undefined) return toConnectionError(cause, `connect to ${this.name}`);
      const message = `cannot connect to ${this.name}: the runtime does not say why`;
      return new ConnectionError("other", message);
    }
    const what = `use ${this.name}`;
    if (cause === undefined) return new ConnectionError(code, `cannot ${what}: ${detail}`);
    const error = toConnectionError(cause, what);
    return error.code === "other" ? new ConnectionError(code, error.message, { cause }) : error;
  }

  #send(data: UnsharedBytes): Promise<void> | undefined {
    if (this.#socket.readyState !== OPEN) return Promise.reject(this.#cause);
    const message = this.#decoder ? this.#decode(data, false) : data.buffer as ArrayBuffer;
    if (message === "") return undefined; // not a whole character yet
    try {
      this.#socket.send(message);
    } catch (cause) {
      this.connection.onFailure(cause); // a stream with a hole in it is none
      throw cause;
    }
    return this.#socket.bufferedAmount > HIGH_WATER_MARK ? this.#drained() : undefined;
  }

  #decode(bytes: Uint8Array, isLast: boolean): string {
    try {
      return this.#decoder?.decode(bytes, { stream: !isLast }) ?? "";
    } catch {
      const what = 'what is written is not UTF-8, which send: "text" needs: use "binary"';
      const error = new TypeError(what);
      this.connection.onFailure(error, error);
      throw error;
    }
  }

  #drained(): Promise<void> {
    this.#room = new Deferred();
    this.#look(FIRST_LOOK, this.#socket.bufferedAmount);
    return this.#room.promise;
  }

  /** There is no event for it: looks again soon while it becomes less, and else less and less often. */
  #look(delay: number, before: number): void {
    clearTimeout(this.#lookTimer);
    if (this.#socket.readyState !== OPEN) return this.#settleRoom(false);
    const waiting = this.#socket.bufferedAmount;
    if (waiting <= HIGH_WATER_MARK) return this.#settleRoom(true);
    const next = waiting < before ? FIRST_LOOK : Math.min(delay * 2, LAST_LOOK);
    this.#lookTimer = setTimeout(() => this.#look(next, waiting), next);
  }

  #settleRoom(isRoom: boolean): void {
    clearTimeout(this.#lookTimer);
    if (isRoom) this.#room?.resolve();
    else this.#room?.reject(this.#cause);
    this.#room = undefined;
  }

  /** A peer may never answer a close. */
  #waitForClose(): void {
    this.#closing ??= new Deadline(LONGEST_CLOSE, () => {
      this.#socket.terminate?.();
      this.onClose(1006, "");
    });
  }
}
