// fromNode(), and the sockets of Node: TCP and Unix.

import type { AbortSignalLike } from "../common/abort.ts";
import { copyOf } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { Deferred, NOW } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { type Ends, formatEndpoint, tcpAddress, unixAddress } from "../connection/address.ts";
import {
  CLOSING,
  Closing,
  connectionClosed,
  type WatchableConnection,
} from "../connection/closing.ts";
import { type ReceivableConnection, RECEIVE, type Receiver } from "../connection/receiving.ts";
import { type ClosedError, ConnectionError, UnsupportedError } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { BACKLOG, tune } from "./tcp_options.ts";
import { builtin } from "../connection/builtin.ts";
import { PushedListener } from "./pushed_listener.ts";
import { StreamInbox } from "../connection/stream_inbox.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/** What {@linkcode fromNode} needs of a stream: a `net.Socket`, a `tls.TLSSocket`, and any other byte `Duplex` have it. */
export interface NodeDuplexLike {
  /** Listens to the stream's events. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Holds the flow of `data` events back. */
  pause(): unknown;
  /** Lets `data` events flow. */
  resume(): unknown;
  /** Takes what the stream has buffered. */
  read(): unknown;
  /** Sends a chunk; the callback is called when it was taken, or with an error. */
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): unknown;
  /** Ends the writing side; the callback is called when that is done, or with an error. */
  end(callback: (error?: Error | null) => void): unknown;
  /** Closes both sides now. */
  destroy(): unknown;
  /** Of a socket: lets it keep the process alive. */
  ref?(): unknown;
  /** Of a socket: lets the process end though the socket is open. */
  unref?(): unknown;
  /** Whether the writing side is open. */
  readonly writable: boolean;
  /** How many bytes the stream has buffered for reading. */
  readonly readableLength: number;
  /** How many bytes wait to be written. */
  readonly writableLength: number;
  /** Whether the stream was destroyed. */
  readonly destroyed: boolean;
  /** What broke the stream. */
  readonly errored?: Error | null | undefined;
  /** Whether the readable side has ended. */
  readonly readableEnded: boolean;
  /** The encoding that was set on the stream: there must be none. */
  readonly readableEncoding: string | null;
  /** Whether the stream carries objects: it must not. */
  readonly readableObjectMode: boolean;
  /** Of a socket: whether it is being connected. */
  readonly connecting?: boolean | undefined;
  /** Whether the writing side stays open when the readable side ends. */
  allowHalfOpen: boolean;
  /** Of a socket that speaks TLS: `true`. */
  readonly encrypted?: boolean | undefined;
  /** Of a socket: this end's IP address. */
  readonly localAddress?: string | undefined;
  /** Of a socket: this end's port. */
  readonly localPort?: number | undefined;
  /** Of a socket: the peer's IP address. */
  readonly remoteAddress?: string | undefined;
  /** Of a socket: the peer's port. */
  readonly remotePort?: number | undefined;
}

/**
 * A connection over a Node stream: a `net.Socket`, or any other `Duplex` of bytes. The connection takes the stream
 * over: nobody else should read from it, write to it, or close it.
 *
 * Where an event hands over what was read already (`head`, of an HTTP server's `"upgrade"`), give it to the chat as
 * `unread`.
 *
 * @param stream An open stream, from which nobody else reads.
 * @returns The connection.
 * @throws {TypeError} If the stream is none that can be read and written, decodes text or carries objects, or has a
 * connection already.
 *
 * @example
 * ```ts
 * import { Chat, fromNode } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 * import { PassThrough } from "node:stream";
 *
 * const chat = new Chat(fromNode(new PassThrough()), { terminator: "\n" });
 * chat.push("what goes in comes out\n");
 * assertEquals(new TextDecoder().decode(await chat.read() ?? undefined), "what goes in comes out");
 * await chat.closeWhenDone();
 * ```
 */
export function fromNode(stream: NodeDuplexLike): Connection {
  if (typeof stream?.on !== "function" || typeof stream.read !== "function" || !("end" in stream)) {
    throw new TypeError(
      `stream must be a net.Socket, or another Duplex of node:stream, not ${typeName(stream)}`,
    );
  }
  if (stream.readableEncoding || stream.readableObjectMode) {
    const met = stream.readableObjectMode ? "objects" : `text (${stream.readableEncoding})`;
    throw new TypeError(
      `the stream must carry bytes, not ${met}: remove setEncoding() or objectMode`,
    );
  }
  if (CONNECTION in stream) {
    throw new TypeError(
      "the stream has a connection already: use that one, or what detach() of its chat gives",
    );
  }
  return new NodeConnection(stream);
}

/** A connection over a stream whose addresses are known otherwise. */
export function connectionOver(stream: NodeDuplexLike, ends: Ends): Connection {
  return new NodeConnection(stream, ends);
}

/**
 * How long one address of a name has, where there are several, before Node gives it up for the next. By itself Node 20
 * gives it 250 ms, in which a far host does not answer, and no host whose first packet was lost (it is sent again after a
 * second). Milliseconds.
 */
const ATTEMPT_TIMEOUT = 2_500;

/** Opens a connection over TCP or a Unix socket with `node:net`, unless `calledOff` is aborted first. */
export async function connectNode(
  endpoint: Endpoint,
  calledOff?: AbortSignalLike,
): Promise<Connection> {
  const { connect } = builtin("node:net");
  // Node destroys a socket whose signal is aborted already, and connects it all the same.
  if (calledOff?.aborted) throw calledOff.reason;
  const { hostname, port, path } = endpoint;
  const signal = calledOff as AbortSignal;
  const tcp = { host: hostname, port, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT };
  const where = path === undefined ? tcp : { path };
  const socket = connect({ ...where, signal });
  const connected = new Deferred();
  const refuse = (cause: Error): void =>
    connected.reject(toConnectionError(cause, `connect to ${formatEndpoint(endpoint)}`));
  socket.once("error", refuse);
  socket.once("connect", connected.resolve);
  await connected.promise;
  tune(socket, endpoint.tcp);
  const connection = new NodeConnection(socket, { remote: unixAddress(path) });
  socket.off("error", refuse);
  return connection;
}

/** Listens on a TCP port or a Unix socket with `node:net`. */
export async function listenNode(endpoint: ListenEndpoint): Promise<ConnectionListener> {
  const { hostname, port, path, reusePort } = endpoint;
  if (reusePort) checkReusePort();
  const { createServer } = builtin("node:net");
  const listening = new Deferred();
  const server = createServer();
  const refuse = (cause: Error): void =>
    listening.reject(toConnectionError(cause, `listen on ${formatEndpoint(endpoint)}`));
  server.once("error", refuse);
  // Older declarations of Node do not have `reusePort`.
  const tcp = { host: hostname, port, reusePort };
  const options = { ...(path === undefined ? tcp : { path }), backlog: BACKLOG };
  server.listen(options, listening.resolve);
  await listening.promise;
  server.off("error", refuse);
  const own = server.address() as { address: string; port: number };
  const where = unixAddress(path) ?? tcpAddress(own.address, own.port)!;
  const ends = { local: isAny(where) ? undefined : where };
  const listener = new PushedListener(where, () => server.close());
  server.on("error", (cause) => listener.fail(cause));
  server.on("connection", (socket) => {
    tune(socket, endpoint.tcp);
    listener.put(new NodeConnection(socket, ends));
  });
  return listener;
}

/** Whether it stands for all addresses of this machine. */
function isAny({ hostname }: Address): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** Older versions of Node ignore the option. */
function checkReusePort(): void {
  const { versions } = builtin("node:process");
  const [major = 0, minor = 0] = versions.node.split(".").map(Number);
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  throw new UnsupportedError(
    `reusePort needs Node 22.12, or 23.1, or later, not ${versions.node}: use node:cluster instead`,
  );
}

const NOTHING = new Uint8Array(0);
const NO_ENDS: Ends = {};

/** Where a stream keeps its connection, for the listeners that all streams share. */
const CONNECTION = Symbol("connection");

interface Carrier extends NodeDuplexLike {
  [CONNECTION]?: NodeConnection;
}

/** How long a close waits for the goodbye of TLS to be sent. Milliseconds. */
const LONGEST_GOODBYE = 1_000;

class NodeConnection implements WatchableConnection, ReceivableConnection {
  /** They are called with the stream as `this`: listeners of each connection's own would cost it 400 bytes. */
  static readonly #listeners: readonly [string, (this: Carrier, ...args: never[]) => void][] = [
    ["data", function (chunk: Uint8Array): void {
      this[CONNECTION]!.#inbox.onData(chunk);
    }],
    ["end", function (): void {
      this[CONNECTION]!.#onEnd();
    }],
    ["error", function (cause: Error): void {
      this[CONNECTION]!.#fail(cause);
    }],
    ["close", function (): void {
      this[CONNECTION]!.#onClose();
    }],
  ];

  localAddress: Address | undefined;
  remoteAddress: Address | undefined;

  readonly #stream: NodeDuplexLike;
  readonly #inbox: StreamInbox;
  readonly #ends: Ends;
  readonly [CLOSING]: Closing = new Closing(this);
  /** A socket reports resets, and copies what it is given to the system; other streams may pass the array itself on. */
  readonly #isSocket: boolean;
  readonly #isTls: boolean;
  #readEnded = false;
  #writeEnded = false;
  #closeError: ClosedError | undefined;
  /** What broke the connection: what Node reports after it says only that the stream is destroyed. */
  #cause: Error | undefined;

  constructor(stream: Carrier, ends: Ends = NO_ENDS) {
    this.#stream = stream;
    this.#ends = ends;
    this.#isSocket = "connecting" in stream;
    this.#isTls = stream.encrypted === true;
    this.#noteAddresses();
    if (stream.connecting) stream.on("connect", () => this.#noteAddresses());
    this.#inbox = new StreamInbox(stream);
    stream.allowHalfOpen = true;
    stream.pause();
    stream[CONNECTION] = this;
    for (const [event, listener] of NodeConnection.#listeners) stream.on(event, listener);
    if (stream.readableEnded) this.#endReading();
    if (stream.destroyed) this.#onClose();
  }

  get closed(): Promise<void> {
    return this[CLOSING].closed;
  }

  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  [RECEIVE](receiver: Receiver | undefined): void {
    this.#inbox.receive(receiver);
  }

  write(data: Uint8Array): Promise<void> {
    if (data.length === 0) return Promise.resolve();
    const stream = this.#stream;
    if (!this.#isSocket || this.#isTls) return this.#writeAndWait(copyOf(data));
    stream.write(data);
    const isTaken = stream.writableLength === 0 && !stream.errored && !stream.destroyed;
    // Most often the system takes it at once, and a promise of its own would say no more.
    return isTaken ? NOW : this.#writeAndWait(NOTHING);
  }

  /** Resolves when the stream has taken this, and all before it. (The callback costs a turn of Node's own queue.) */
  #writeAndWait(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => {
        // A write that a close interrupts is reported as done by some versions of Node.
        if (error || this.#stream.destroyed) this.#failWriting(error, reject);
        else resolve();
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.closed.then(() => reject(this.#error("write to")));
      this.#stream.end((error) => {
        if (error && !hasEndedBefore(error)) return this.#failWriting(error, reject);
        resolve();
        this.#writeEnded = true;
        this.#closeWhenBothEnded();
      });
    });
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = connectionClosed(reason);
    this.#inbox.shut(this.#closeError);
    if (this.#isTls && this.#stream.writable && this.#stream.writableLength === 0) {
      this.#sayGoodbye();
    } else this.#destroy();
  }

  ref(): void {
    this.#stream.ref?.();
  }

  unref(): void {
    this.#stream.unref?.();
  }

  /** TLS ends with a word of its own, without which the peer must take the end for a break. */
  #sayGoodbye(): void {
    const destroy = (): void => this.#destroy();
    const timer = setTimeout(destroy, LONGEST_GOODBYE);
    this.closed.then(() => clearTimeout(timer));
    this.#stream.end(destroy);
  }

  #destroy(): void {
    this.#stream.destroy();
    // A stream may have been told not to emit `close`; a socket gives its resources back only then.
    if (!this.#isSocket) queueMicrotask(() => this.#onClose());
  }

  #closeWhenBothEnded(): void {
    if (this.#writeEnded && this.#readEnded && !this.#stream.destroyed) this.#destroy();
  }

  #endReading(): void {
    this.#inbox.end();
    this.#readEnded = true;
    this.#closeWhenBothEnded();
  }

  /** A socket has addresses while it is connected, and a connection ever after. */
  #noteAddresses(): void {
    const stream = this.#stream;
    const { remoteAddress, remotePort } = stream;
    // The ends come first: a socket that is asked for its address keeps it a second time.
    this.localAddress = this.#ends.local ?? tcpAddress(stream.localAddress, stream.localPort);
    this.remoteAddress = tcpAddress(remoteAddress, remotePort) ?? this.#ends.remote;
  }

  /**
   * Node takes a reset that arrives right behind data for an orderly end. A write of nothing sends nothing, but meets
   * the reset. (It cannot be made behind a write that waits, nor after closeWrite(). A Unix socket needs none: reading
   * meets the reset, and writing would break a socket that has ended in order.)
   */
  #onEnd(): void {
    const { writable, writableLength } = this.#stream;
    const isTcp = (this.remoteAddress ?? this.localAddress)?.transport === "tcp";
    if (!this.#isSocket || !isTcp || this.#isTls || !writable || writableLength > 0) {
      return this.#endReading();
    }
    this.#stream.write(NOTHING, (error) => {
      // EPIPE is a reset that came after the end: the end is read, and then the error that follows.
      if ((error as { code?: string } | undefined)?.code !== "ECONNRESET") this.#endReading();
    });
  }

  #fail(cause: Error): void {
    this.#cause ??= cause;
    // After both ends there is nothing that it could break.
    if (!this.#writeEnded) this.#inbox.breakOff(this.#error("read from"));
    else this.#breakReading();
    if (!this.#isSocket) this.#destroy();
  }

  #onClose(): void {
    this.#breakReading();
    this[CLOSING].happen();
  }

  #breakReading(): void {
    if (!this.#readEnded) this.#inbox.breakOff(this.#error("read from"));
  }

  /** A write that has failed breaks reading, too, also after the peer's end. */
  #failWriting(cause: Error | null | undefined, reject: (error: Error) => void): void {
    this.#cause ??= cause ?? undefined;
    reject(this.#error("write to"));
    this.#inbox.breakOff(this.#error("read from"));
  }

  #error(tried: string): Error {
    if (this.#closeError !== undefined) return this.#closeError;
    const what = `${tried} ${formatEndpoint(this.remoteAddress)}`;
    if (this.#cause !== undefined) return toConnectionError(this.#cause, what);
    return new ConnectionError("reset", `cannot ${what}: the stream was destroyed`);
  }
}

/** What the end of a stream that has ended before reports. */
function hasEndedBefore(error: Error): boolean {
  return (error as { code?: string }).code === "ERR_STREAM_ALREADY_FINISHED";
}
