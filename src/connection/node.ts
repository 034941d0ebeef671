// fromNode(): Node streams, read and written.

import { bytesOf, plainBytes } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { type Ends, formatEndpoint, tcpAddress } from "./address.ts";
import type { Address, Connection } from "./connection.ts";
import { duplex, type Sink, type Source, type SourceEvents, type Whole } from "./duplex.ts";

/** What is needed of a Node `Readable` of bytes. */
export interface NodeReadableLike {
  /** Listens to the stream's events. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Stops listening. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Holds the flow of `data` events back. */
  pause(): unknown;
  /** Lets `data` events flow. */
  resume(): unknown;
  /** Takes what the stream has buffered. */
  read(): unknown;
  /** Closes the stream now. */
  destroy(): unknown;
  /** Of a stream that the system reads: lets it keep the process alive. */
  ref?(): unknown;
  /** Of such a stream: lets the process end though it is open. */
  unref?(): unknown;
  /** How many bytes the stream has buffered for reading. */
  readonly readableLength: number;
  /** Whether the stream was destroyed. */
  readonly destroyed: boolean;
  /** Whether the readable side has ended. */
  readonly readableEnded: boolean;
  /** The encoding that was set on the stream: there must be none. */
  readonly readableEncoding: string | null;
}

/** What {@linkcode fromNode} needs of a stream: a `net.Socket`, a `tls.TLSSocket`, and any other byte `Duplex` have it. */
export interface NodeDuplexLike extends NodeReadableLike {
  /** Sends a chunk; the callback is called when it was taken, or with an error. */
  write(chunk: Uint8Array, callback?: (error?: Error | null) => void): unknown;
  /** Ends the writing side; the callback is called when that is done, or with an error. */
  end(callback: (error?: Error | null) => void): unknown;
  /** Whether the writing side is open. */
  readonly writable: boolean;
  /** How many bytes wait to be written. */
  readonly writableLength: number;
  /** What broke the stream. */
  readonly errored?: Error | null | undefined;
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
 * over: nothing else should read from it, write to it, or close it.
 *
 * Where an event hands over what was read already (`head`, of an HTTP server's `"upgrade"`), give it to the chat as
 * `unread`.
 *
 * @param stream An open stream, from which nothing else reads.
 * @returns The connection.
 * @throws {TypeError} If it is not a stream that can be read and written, decodes text or carries objects, or has a
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
  if ((stream as Carrier)[SOURCE] !== undefined) {
    throw new TypeError(
      "the stream has a connection already: use that one, or what detach() of its chat gives",
    );
  }
  return connectionOver(stream);
}

/** A connection over a stream whose addresses are known otherwise. */
export function connectionOver(stream: NodeDuplexLike, ends: Ends = NO_ENDS): Connection {
  const transport = new NodeDuplex(stream, ends);
  return duplex(transport, transport, transport);
}

const NOTHING = new Uint8Array(0);
const NO_ENDS: Ends = {};

/** Where a stream keeps its source, for the listeners that all streams share. */
const SOURCE = Symbol("source");

interface Carrier extends NodeReadableLike {
  [SOURCE]?: NodeSource | undefined;
}

/** A Node `Readable`, which pushes its data by events. */
export class NodeSource<Stream extends NodeReadableLike = NodeReadableLike> implements Source {
  /** They are called with the stream as `this`: listeners of each connection's own would cost it 400 bytes. */
  static readonly #listeners: readonly [string, (this: Carrier, ...args: never[]) => void][] = [
    ["data", function (chunk: Uint8Array): void {
      this[SOURCE]!.#onData(chunk);
    }],
    ["end", function (): void {
      this[SOURCE]!.onEnd();
    }],
    ["error", function (cause: Error): void {
      this[SOURCE]!.onError(cause);
    }],
    ["close", function (): void {
      this[SOURCE]!.onClose();
    }],
  ];

  protected readonly stream: Stream;
  protected events!: SourceEvents;
  #isTakingBuffered = false;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  get name(): string {
    return "the stream";
  }

  open(events: SourceEvents): void {
    const stream = this.stream as Carrier;
    this.events = events;
    stream.pause();
    stream[SOURCE] = this;
    for (const [event, listener] of NodeSource.#listeners) stream.on(event, listener);
    if (stream.readableEnded) events.onEnd();
    if (stream.destroyed) this.onClose();
  }

  pull(): void {
    this.stream.resume();
  }

  hold(): void {
    this.stream.pause();
  }

  ref(): void {
    this.stream.ref?.();
  }

  unref(): void {
    this.stream.unref?.();
  }

  protected onEnd(): void {
    this.events.onEnd();
  }

  protected onError(cause: Error): void {
    this.takeBuffered();
    this.events.onFailure(cause);
  }

  protected onClose(): void {
    this.takeBuffered();
    this.events.onEnd();
  }

  /** What a stream had buffered arrived before it broke, or closed, and Node may not emit it any more. */
  protected takeBuffered(): void {
    this.#isTakingBuffered = true;
    for (let left = this.stream.readableLength; left > 0;) {
      const chunk = bytesOf(this.stream.read());
      if (chunk === undefined) break;
      this.events.onChunk(plainBytes(chunk));
      left -= chunk.length;
    }
    this.#isTakingBuffered = false;
  }

  /** Gives the stream back: it may have another source then. */
  protected letGo(): void {
    const stream = this.stream as Carrier;
    for (const [event, listener] of NodeSource.#listeners) {
      stream.off(event, listener as (...args: unknown[]) => void);
    }
    stream[SOURCE] = undefined;
  }

  #onData(chunk: Uint8Array): void {
    // What is taken by read() is emitted as well, or not, by the state of the stream.
    if (!this.#isTakingBuffered) this.events.onChunk(plainBytes(chunk));
  }
}

/** How long a close waits until the end of TLS is sent. Milliseconds. */
const LONGEST_CLOSE = 1_000;

class NodeDuplex extends NodeSource<NodeDuplexLike> implements Sink, Whole {
  localAddress: Address | undefined;
  remoteAddress: Address | undefined;
  readonly #ends: Ends;
  /** A socket reports resets, and copies what it is given to the system; other streams may pass the array itself on. */
  readonly #isSocket: boolean;

  constructor(stream: NodeDuplexLike, ends: Ends) {
    super(stream);
    this.#ends = ends;
    this.#isSocket = "connecting" in stream;
    this.#noteAddresses();
    if (stream.connecting) stream.on("connect", () => this.#noteAddresses());
    stream.allowHalfOpen = true;
  }

  get isOne(): true {
    return true;
  }

  get closed(): "source" {
    return "source";
  }

  get keeps(): boolean {
    return !this.#isSocket || this.#isTls;
  }

  override get name(): string {
    return formatEndpoint(this.remoteAddress);
  }

  write(data: Uint8Array): Promise<void> | undefined {
    const { stream } = this;
    if (this.keeps) return this.#writeAndWait(data);
    stream.write(data);
    const isTaken = stream.writableLength === 0 && !stream.errored && !stream.destroyed;
    return isTaken ? undefined : this.#writeAndWait(NOTHING);
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.end((error) => {
        // A stream may have been ended before.
        if (!error || hasCode(error, "ERR_STREAM_ALREADY_FINISHED")) resolve();
        else reject(error);
      });
    });
  }

  release(isClosing: boolean): void {
    const { stream } = this;
    const isQuiet = isClosing && this.#isTls && stream.writable && stream.writableLength === 0;
    if (isQuiet) return this.#endTls();
    stream.destroy();
    // A stream may have been told not to emit `close`; a socket gives its resources back only then.
    if (!this.#isSocket) queueMicrotask(() => this.onClose());
  }

  /**
   * Node takes a reset that arrives right behind data for an orderly end. A write of nothing sends nothing, but meets
   * the reset. (It cannot be made behind a write that waits, nor after closeWrite(). A Unix socket needs none: reading
   * meets the reset, and writing would break a socket that has ended in order.)
   */
  protected override onEnd(): void {
    const { writable, writableLength } = this.stream;
    const isTcp = (this.remoteAddress ?? this.localAddress)?.transport === "tcp";
    if (!this.#isSocket || !isTcp || this.#isTls || !writable || writableLength > 0) {
      return super.onEnd();
    }
    this.stream.write(NOTHING, (error) => {
      // EPIPE is a reset that came after the end: the end is read, and then the error that follows.
      if (!hasCode(error, "ECONNRESET")) super.onEnd();
    });
  }

  protected override onClose(): void {
    this.takeBuffered();
    this.events.onGone();
  }

  get #isTls(): boolean {
    return this.stream.encrypted === true;
  }

  /** Resolves when the stream has taken this, and all before it. (The callback costs a turn of Node's own queue.) */
  #writeAndWait(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(data, (error) => {
        // A write that a close interrupts is reported as done by some versions of Node.
        if (error || this.stream.destroyed) reject(error ?? undefined);
        else resolve();
      });
    });
  }

  /** TLS ends with an alert of its own, close_notify, without which the peer must take the end for a break. */
  #endTls(): void {
    const { stream } = this;
    const destroy = (): void => void stream.destroy();
    const timer = setTimeout(destroy, LONGEST_CLOSE);
    stream.on("close", () => clearTimeout(timer));
    stream.end(destroy);
  }

  /** A socket has addresses while it is connected, and a connection ever after. */
  #noteAddresses(): void {
    const { stream } = this;
    const { remoteAddress, remotePort } = stream;
    // The ends come first: a socket that is asked for its address keeps it a second time.
    this.localAddress = this.#ends.local ?? tcpAddress(stream.localAddress, stream.localPort);
    this.remoteAddress = tcpAddress(remoteAddress, remotePort) ?? this.#ends.remote;
  }
}

function hasCode(error: Error | null | undefined, code: string): boolean {
  return (error as { code?: string } | null | undefined)?.code === code;
}
