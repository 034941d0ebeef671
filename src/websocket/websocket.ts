// fromWebSocket(): the standard WebSockets, and those of the package `ws`.

import { copyOf, plainBytes } from "../common/bytes.ts";
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
import { connectionClosed } from "../connection/closing.ts";
import { type ClosedError, ConnectionError, type ConnectionErrorCode } from "../errors.ts";
import { Inbox } from "../connection/inbox.ts";
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
  const connection = new WebSocketConnection(
    socket,
    checkWebSocketOptions(options),
    socket.url || "the peer",
  );
  socket.binaryType = "arraybuffer";
  const listeners: readonly [WebSocketEvent, WebSocketListener][] = [
    ["open", () => connection.onOpen()],
    ["message", ({ data }) => connection.onMessage(data)],
    ["error", (event) => connection.onError(errorOf(event))],
    ["close", ({ code, reason }) => connection.onClose(code, reason)],
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

/** How many bytes a message has at most: peers refuse long ones. */
const LONGEST_MESSAGE = 64 * 1024;

/** A write waits while more bytes than this wait in the socket. */
const HIGH_WATER_MARK = 256 * 1024;

/** How long to wait before looking again if there is room, in milliseconds: at first, and at most. */
const FIRST_LOOK = 1;
const LAST_LOOK = 64;

/** How long a peer may take to answer a close, in milliseconds. */
const LONGEST_GOODBYE = 2_000;

const encoder = new TextEncoder();

/** How a WebSocket came to its end. */
interface Ending {
  /** Whether reading ends in order: then it is only writing that fails. */
  readonly isOrderly: boolean;
  readonly code: ConnectionErrorCode;
  readonly detail: string;
}

function endingOf(code: number, reason: string): Ending {
  if (ORDERLY.has(code)) {
    return { isOrderly: true, code: "reset", detail: "the peer has closed the WebSocket" };
  }
  // Deno says 0 where others say 1006.
  if (code === 1006 || code === 0) {
    return { isOrderly: false, code: "reset", detail: "the WebSocket broke off without a close" };
  }
  const words = reason === "" ? "" : `: ${describe(reason)}`;
  return {
    isOrderly: false,
    code: "other",
    detail: `the WebSocket was closed with ${code}${words}`,
  };
}

/**
 * A connection over any kind of WebSocket. Whoever makes it tells it what happens to the socket.
 *
 * ```text
 *   connecting ──▶ open ──▶ closing ──▶ closed
 *     writes wait    │         └ the answer of the peer is waited for, and not for ever
 *                    └ write: message, message, ... until too much waits; then look, again and again, if it has become less
 * ```
 */
export class WebSocketConnection implements Connection {
  readonly #socket: WebSocketSender;
  readonly #peer: string;
  readonly #maxBufferedBytes: number;
  /** Of text: what the last write has left of a character. */
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  readonly #inbox: Inbox;
  readonly #opened = new Deferred();
  readonly #closed = new Deferred();
  #isOpened = false;
  #closeError: ClosedError | undefined;
  /** What went wrong first: it comes before the close that it leads to. */
  #failure: Error | undefined;
  #ending: Ending | undefined;
  /** The runtime's own error. */
  #cause: unknown;
  /** A write that waits until less waits in the socket. */
  #room: Deferred | undefined;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  #goodbye: Deadline | undefined;

  constructor(socket: WebSocketSender, options: CheckedOptions, peer: string) {
    this.#maxBufferedBytes = options.maxBufferedBytes;
    if (options.send === "text") {
      this.#decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    }
    this.#socket = socket;
    this.#peer = peer;
    this.#inbox = new Inbox(socket);
    if (socket.readyState !== CONNECTING) this.onOpen();
    if (socket.readyState === CLOSED) this.onClose(1006, "");
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += LONGEST_MESSAGE) {
      if (!this.#isOpened) await this.#opened.promise;
      if (this.#socket.readyState !== OPEN) throw this.#refuse();
      this.#send(data.subarray(at, at + LONGEST_MESSAGE));
      if (this.#socket.bufferedAmount > HIGH_WATER_MARK) await this.#drained();
    }
  }

  async closeWrite(): Promise<void> {
    if (!this.#isOpened) await this.#opened.promise;
    const isOrderly = this.#ending?.isOrderly ?? true;
    if (this.#closeError || this.#failure || !isOrderly) throw this.#error("write to");
    // If the peer has begun to close, nothing is left to be ended.
    if (this.#socket.readyState !== OPEN) return;
    this.#decode(new Uint8Array(0), true);
    this.#socket.close(1000);
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = connectionClosed(reason);
    this.#inbox.shut(this.#closeError);
    this.#breakOff(this.#closeError);
  }

  /** The socket is open. */
  onOpen(): void {
    this.#isOpened = true;
    this.#opened.resolve();
  }

  /** A message has come: text, or bytes. */
  onMessage(data: unknown): void {
    if (typeof data === "string") return this.#put(encoder.encode(data));
    if (data instanceof ArrayBuffer) return this.#put(new Uint8Array(data));
    if (data instanceof Uint8Array) return this.#put(plainBytes(data));
    this.#fail(
      new ConnectionError(
        "other",
        `cannot read from ${this.#peer}: a message came as ${typeName(data)}: binaryType must be ` +
          '"arraybuffer"',
      ),
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
    if (this.#ending !== undefined) return;
    this.#ending = endingOf(code, reason);
    if (this.#ending.isOrderly) this.#inbox.end();
    else this.#inbox.fail(this.#error("read from"));
    this.#finish();
  }

  #put(chunk: Uint8Array): void {
    if (this.#inbox.length <= this.#maxBufferedBytes) return this.#inbox.put(chunk);
    this.#fail(
      new ConnectionError(
        "exhausted",
        `cannot read from ${this.#peer}: ${this.#inbox.length} received bytes wait to be read, ` +
          `more than the maxBufferedBytes of ${this.#maxBufferedBytes}: read faster, or raise the limit`,
      ),
    );
  }

  /** Sends a copy: the socket may keep what it is given, and the caller may reuse it. */
  #send(bytes: Uint8Array): void {
    const message = this.#decoder ? this.#decode(bytes, false) : copyOf(bytes).buffer;
    if (message === "") return; // not a whole character yet
    try {
      this.#socket.send(message as string | ArrayBuffer);
    } catch (cause) {
      throw this.#fail(toConnectionError(cause, `write to ${this.#peer}`));
    }
  }

  #decode(bytes: Uint8Array, isLast: boolean): string {
    try {
      return this.#decoder?.decode(bytes, { stream: !isLast }) ?? "";
    } catch {
      throw this.#fail(
        new TypeError('what is written is not UTF-8, which send: "text" needs: use "binary"'),
      );
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
    if (this.#socket.readyState !== OPEN) return this.#settleRoom(this.#error("write to"));
    const waiting = this.#socket.bufferedAmount;
    if (waiting <= HIGH_WATER_MARK) return this.#settleRoom();
    const next = waiting < before ? FIRST_LOOK : Math.min(delay * 2, LAST_LOOK);
    this.#lookTimer = setTimeout(() => this.#look(next, waiting), next);
  }

  #settleRoom(error?: Error): void {
    clearTimeout(this.#lookTimer);
    if (error === undefined) this.#room?.resolve();
    else this.#room?.reject(error);
    this.#room = undefined;
  }

  /** The socket takes nothing any more. What breaks one direction breaks both. */
  #refuse(): Error {
    if (this.#ending !== undefined) this.#inbox.fail(this.#error("read from"));
    return this.#error("write to");
  }

  /** This side cannot go on: a stream with a hole in it is none. */
  #fail(error: Error): Error {
    if (this.#failure === undefined && this.#closeError === undefined) {
      this.#failure = error;
      this.#inbox.fail(error);
      this.#breakOff(error);
    }
    return error;
  }

  /** Closes the socket, and waits for the peer to close it, too. */
  #breakOff(error: Error): void {
    this.#opened.reject(error);
    this.#settleRoom(error);
    if (this.#ending !== undefined) return;
    this.#waitForClose();
    this.#socket.resume?.(); // a socket that is held back does not see the answer
    this.#socket.close();
  }

  /** A peer may never answer a close. */
  #waitForClose(): void {
    if (this.#ending !== undefined) return;
    this.#goodbye ??= new Deadline(LONGEST_GOODBYE, () => {
      this.#socket.terminate?.();
      this.onClose(1006, "");
    });
  }

  #finish(): void {
    this.#goodbye?.clear();
    const error = this.#error("write to");
    this.#opened.reject(error);
    this.#settleRoom(error);
    this.#closed.resolve();
  }

  #error(tried: string): Error {
    const known = this.#closeError ?? this.#failure;
    if (known !== undefined) return known;
    const what = `${this.#isOpened ? tried : "connect to"} ${this.#peer}`;
    const { isOrderly, code, detail } = this.#ending ?? endingOf(1005, "");
    if (isOrderly || this.#cause === undefined) {
      return new ConnectionError(code, `cannot ${what}: ${detail}`);
    }
    const error = toConnectionError(this.#cause, what);
    if (error.code !== "other" || !this.#isOpened) return error;
    return new ConnectionError(code, error.message, { cause: this.#cause });
  }
}
