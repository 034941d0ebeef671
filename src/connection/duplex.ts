// The connection of this library: one class over a source and a sink, which each transport has in its own way.

import { notify } from "../common/attempt.ts";
import { copyOf } from "../common/bytes.ts";
import { Deferred, isPromise, NOW } from "../common/deferred.ts";
import { typeName } from "../common/checks.ts";
import { Fifo } from "../common/fifo.ts";
import { afterMicrotasks } from "../common/turns.ts";
import { ClosedError, ConnectionError, UnsupportedError } from "../errors.ts";
import type { Address, Connection, TlsInfo } from "./connection.ts";
import { toConnectionError } from "./error_codes.ts";
import {
  type NativeConnection,
  RECEIVE,
  type Receiver,
  type StartTls,
  WATCH,
  type Watcher,
} from "./native.ts";

/** What a source tells its connection, in the order in which it happens, and never before `pull()` has returned. */
export interface SourceEvents {
  /** Bytes have come: they are the connection's to keep. */
  onChunk(chunk: Uint8Array): void;
  /** The peer has ended its direction. */
  onEnd(): void;
  /**
   * Reading failed.
   * @param cause The runtime's error, or one of this library that says more.
   * @param error What readers are told. Default: a `ConnectionError` with that cause.
   */
  onFailure(cause: unknown, error?: Error): void;
  /** The transport is gone, and has given back all that it held. */
  onGone(): void;
}

/** Where bytes come from. */
export interface Source {
  /** What it is called in an error message. */
  readonly name: string;
  /** Is called once, before everything else. */
  open(events: SourceEvents): void;
  /** A reader waits, and nothing is here. It may be called again before anything has come. */
  pull(): void;
  /** Bytes have come that no reader waits for: holds the transport back, if it can be. */
  hold?(): void;
  /** A chunk that waited was taken. */
  onTaken?(): void;
  /** No reader will come: called once at most, and not after the end or an error. */
  cancel?(reason: unknown): void;
  /** As {@linkcode Connection.unlock}. */
  unlock?(): void;
  /** As those of a {@linkcode Connection}. */
  ref?(): void;
  unref?(): void;
}

/** Where bytes go. */
export interface Sink {
  /** What it is called in an error message. */
  readonly name: string;
  /** Whether it may keep what it is given, or hand its buffer on: then it is given copies. */
  readonly keeps?: boolean;
  /** How much it is given at a time, in bytes: {@linkcode LONGEST_PIECE}, or by default all. */
  readonly longestPiece?: number;
  /**
   * Takes bytes. What it returns is a promise, which resolves when all is taken and rejects with the runtime's error, or
   * `undefined` if all is taken. The next write comes after that.
   */
  write(data: UnsharedBytes): unknown;
  /** Ends the direction, after all that was written. */
  end(): unknown;
  /** Nothing more will come: called once at most, not after the end, perhaps while `write()` or `end()` is under way. */
  abort?(reason: unknown): void;
  /** As {@linkcode Connection.unlock}. */
  unlock?(): void;
}

/**
 * Bytes whose memory no other thread has, as many a sink takes no others: TypeScript tells them apart since 5.7, and takes
 * them for any `Uint8Array` before.
 */
export type UnsharedBytes = ReturnType<Uint8Array["slice"]>;

/** What a sink is given at a time that counts by the piece what waits in it, as many do. Bytes. */
export const LONGEST_PIECE: number = 64 * 1024;

/** What a source and a sink belong to. */
export interface Whole {
  /** Whether it is one transport, as a socket is: what breaks one direction breaks both. */
  readonly isOne?: boolean;
  /**
   * Who says that it is gone: `"source"` by `onGone()`; a promise by settling, in whatever way. Default: it is gone when it
   * is released.
   */
  readonly closed?: "source" | PromiseLike<unknown> | undefined;
  /** As {@linkcode Connection.canReset}. */
  readonly canReset?: boolean | undefined;
  readonly localAddress?: Address | undefined;
  readonly remoteAddress?: Address | undefined;
  readonly tls?: TlsInfo | undefined;
  /** Is called once, when both directions are over, or this side closes: closes both now. */
  release?(isClosing: boolean): unknown;
  /** Is called once, when this side closes, also if both directions are over. */
  terminate?(): void;
  /** As that of a `NativeConnection`. */
  startTls?(start: StartTls): Promise<Connection> | undefined;
  /** The sink has failed, which by itself says nothing of the source. */
  onWriteFailure?(error: Error): void;
  /** As those of a {@linkcode Connection}, of what keeps the process alive beside the source. */
  ref?(): void;
  unref?(): void;
}

/** A connection over a source and a sink, which its transport tells what happens. */
export interface Duplex extends NativeConnection, SourceEvents {
  /** How many bytes wait to be read. */
  readonly unread: number;
}

/**
 * A connection over a source and a sink. A direction that is missing has ended from the beginning.
 * @param whole What they belong to.
 */
export function duplex(
  source: Source | undefined,
  sink: Sink | undefined,
  whole: Whole = {},
): Duplex {
  return new DuplexConnection(source, sink, whole);
}

/** What both directions of a connection begin with (nothing), and end as: in order, with an error, or by `close()`. */
type End = null | Error | "closed" | undefined;

/**
 * ```text
 *   source ──▶ onChunk() ──▶ [ chunks that no reader waits for ] ──▶ read()       each direction: open ──▶ ended, or failed
 *                                                    write() ──▶ sink
 *
 *   open ──▶ released ──▶ gone        released: both directions are over, or close() was called
 *    └─────────────────────▲          gone: the transport says so
 * ```
 *
 * Where the two are one transport, what breaks one direction breaks the other: reading after all that has arrived.
 */
class DuplexConnection implements Duplex {
  readonly #source: Source | undefined;
  readonly #sink: Sink | undefined;
  readonly #whole: Whole;
  #life: "open" | "released" | "gone" = "open";
  #readEnd: End;
  #writeEnd: End;
  /** What broke one transport first: what its runtime reports later often says only that it is closed. */
  #cause: unknown;
  /** What the transport has said itself about it. */
  #told: Error | undefined;
  /** What `close()` was given, and what is told after it. Made when it is told: its stack takes some 10 µs on Node. */
  #closeReason: unknown;
  #closedError: ClosedError | undefined;
  #chunks: Fifo<Uint8Array> = Fifo.EMPTY;
  #length = 0;
  #receiver: Receiver | undefined;
  /** What `close()` interrupts: a sink need not answer after it. */
  #underWay: Deferred | undefined;
  #closed: Deferred | undefined;
  #owner: unknown;
  #watcher: Watcher<never> | undefined;

  constructor(source: Source | undefined, sink: Sink | undefined, whole: Whole) {
    this.#source = source;
    this.#sink = sink;
    this.#whole = whole;
    if (source === undefined) this.#readEnd = null;
    if (sink === undefined) this.#writeEnd = null;
    const { closed } = whole;
    if (typeof closed === "object") {
      Promise.resolve(closed).then(() => this.onGone(), () => this.onGone());
    }
    source?.open(this);
    this.#releaseWhenOver();
  }

  get localAddress(): Address | undefined {
    return this.#whole.localAddress;
  }

  get remoteAddress(): Address | undefined {
    return this.#whole.remoteAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#whole.tls;
  }

  /** Where nothing is written, nothing is lost. */
  get canReset(): boolean {
    return this.#whole.canReset ?? this.#sink !== undefined;
  }

  get unread(): number {
    return this.#length;
  }

  get closed(): Promise<void> {
    this.#closed ??= new Deferred();
    if (this.#life === "gone") this.#closed.resolve();
    return this.#closed.promise;
  }

  read(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) =>
      this[RECEIVE]({ onChunk: resolve, onReadFailure: reject })
    );
  }

  [RECEIVE](receiver: Receiver | undefined): void {
    this.#receiver = receiver;
    if (receiver === undefined) return;
    if (this.#length > 0 || this.#readEnd !== undefined) this.#answerSoon();
    else this.#source!.pull();
  }

  write(data: Uint8Array): Promise<void> {
    const [sink, end] = [this.#sink, this.#writeEnd];
    if (end) return Promise.reject(this.#errorOf(end));
    if (data.length === 0) return NOW;
    if (this.#isLost) return Promise.reject(this.#failWriting(undefined));
    if (sink === undefined || end === null) {
      const what = "nothing can be written: this connection has no writing side, or none any more";
      return Promise.reject(new UnsupportedError(what));
    }
    if (sink.keeps || !this.#whole.isOne) return this.#untilClosed(this.#writePieces(sink, data));
    // What a socket takes at once, as it does most often, needs no promise of its own; what it does not, it settles itself
    // when it is closed.
    const result = sink.write(data as UnsharedBytes) as Promise<void> | undefined;
    return result === undefined ? NOW : result.catch((cause) => {
      throw this.#failWriting(cause);
    });
  }

  closeWrite(): Promise<void> {
    const end = this.#writeEnd;
    if (end) return Promise.reject(this.#errorOf(end));
    if (end === null) return NOW;
    if (!this.#isLost) return this.#untilClosed(this.#endWriting(this.#sink!));
    // Some transports are gone when the peer has ended, and then nothing is left to be ended.
    return this.#readEnd === null ? NOW : Promise.reject(this.#failWriting(undefined));
  }

  close(reason?: unknown): void {
    if (this.#writeEnd === "closed") return;
    this.#closeReason = reason;
    const [isReading, isWriting] = [this.#readEnd === undefined, this.#writeEnd === undefined];
    this.#chunks = Fifo.EMPTY;
    this.#length = 0;
    this.#readEnd = this.#writeEnd = "closed";
    if (this.#receiver !== undefined) this.#answerSoon();
    this.#underWay?.reject(this.#errorOf("closed"));
    if (isReading) this.#source?.cancel?.(reason ?? this.#errorOf("closed"));
    if (isWriting) this.#sink?.abort?.(reason ?? this.#errorOf("closed"));
    this.#whole.terminate?.();
    this.#release(true);
  }

  unlock(): void {
    this.#source?.unlock?.();
    this.#sink?.unlock?.();
  }

  ref(): void {
    this.#source?.ref?.();
    this.#whole.ref?.();
  }

  unref(): void {
    this.#source?.unref?.();
    this.#whole.unref?.();
  }

  /** What has been read already, no runtime's own way could be given. */
  startTls(start: StartTls): Promise<Connection> | undefined {
    const isBusy = this.#length > 0 || this.#readEnd !== undefined || this.#writeEnd !== undefined;
    return isBusy ? undefined : this.#whole.startTls?.(start);
  }

  [WATCH]<Owner>(owner: Owner, watcher: Watcher<Owner>): void {
    this.#owner = owner;
    this.#watcher = watcher;
    if (this.#life === "gone") this.#notifyWatcher();
  }

  onChunk(chunk: Uint8Array): void {
    if (this.#readEnd !== undefined || chunk.length === 0) return;
    if (this.#receiver !== undefined && this.#length === 0) {
      return this.#takeReceiver().onChunk(chunk);
    }
    this.#chunks = this.#chunks.with(chunk);
    this.#length += chunk.length;
    this.#source!.hold?.();
  }

  onEnd(): void {
    if (this.#readEnd !== undefined) return;
    // A write has failed before: what had arrived is read, and now comes why there is no more.
    this.#endReading(this.#writeEnd && this.#whole.isOne ? this.#error("read from") : null);
  }

  onFailure(cause: unknown, error?: Error): void {
    if (!this.#whole.isOne) {
      if (this.#readEnd !== undefined) return;
      return this.#endReading(error ?? toConnectionError(cause, `read from ${this.#source!.name}`));
    }
    // After both ends there is nothing that could break.
    if (this.#writeEnd === "closed" || (this.#readEnd === null && this.#writeEnd === null)) return;
    this.#cause ??= cause;
    this.#told ??= error;
    this.#writeEnd ||= this.#error("write to");
    this.#underWay?.reject(this.#writeEnd);
    this.#endReading(this.#error("read from"));
  }

  onGone(): void {
    if (this.#life === "gone") return;
    this.#life = "gone";
    if (this.#isLost && this.#readEnd === undefined) this.onFailure(undefined);
    if (this.#isLost && this.#writeEnd !== null) {
      const end = this.#writeEnd ?? this.#error("write to");
      this.#underWay?.reject(this.#errorOf(end));
    }
    this.#closed?.resolve();
    this.#notifyWatcher();
  }

  /** Whether neither direction can go on. Two streams that were joined say by themselves how they end. */
  get #isLost(): boolean {
    return this.#life === "gone" && this.#whole.isOne === true;
  }

  async #writePieces(sink: Sink, data: Uint8Array): Promise<void> {
    const { keeps, longestPiece = Infinity } = sink;
    for (let at = 0; at < data.length && this.#writeEnd === undefined; at += longestPiece) {
      const piece = data.subarray(at, at + longestPiece);
      const result = sink.write((keeps ? copyOf(piece) : piece) as UnsharedBytes);
      if (isPromise(result)) await result;
      else if (result !== undefined) {
        const error = new TypeError(
          `write() of ${sink.name} must return a promise that says when there is room, not ${
            typeName(result)
          }`,
        );
        throw this.#failWriting(error, error);
      }
    }
  }

  async #endWriting(sink: Sink): Promise<void> {
    await sink.end();
    this.#writeEnd ??= null;
    this.#releaseWhenOver();
  }

  #untilClosed(operation: Promise<void>): Promise<void> {
    const done = this.#underWay = new Deferred();
    operation.then(done.resolve, (cause) => done.reject(this.#failWriting(cause))).then(() => {
      if (this.#underWay === done) this.#underWay = undefined;
    });
    return done.promise;
  }

  /** A write that has failed breaks reading, too, where the two are one: after what arrives until the source says more. */
  #failWriting(cause: unknown, error?: Error): Error {
    if (this.#writeEnd) return this.#errorOf(this.#writeEnd);
    if (this.#whole.isOne) {
      this.#cause ??= cause;
      this.#writeEnd = this.#error("write to");
      if (this.#readEnd === null) this.#readEnd = this.#error("read from");
    } else {
      this.#writeEnd = error ?? toConnectionError(cause, `write to ${this.#sink!.name}`);
      this.#sink!.abort?.(cause);
      this.#whole.onWriteFailure?.(this.#writeEnd);
    }
    this.#releaseWhenOver();
    return this.#writeEnd;
  }

  #endReading(end: null | Error): void {
    this.#readEnd = end;
    this.#answerWhenEmpty();
    this.#releaseWhenOver();
  }

  #errorOf(end: Error | "closed"): Error {
    if (end !== "closed") return end;
    const cause = this.#closeReason;
    return this.#closedError ??= new ClosedError(
      "the connection is closed",
      cause === undefined ? undefined : { cause },
    );
  }

  /** What has broken both directions, as one of them tells it. */
  #error(tried: string): Error {
    if (this.#told !== undefined) return this.#told;
    const what = `${tried} ${this.#source!.name}`;
    if (this.#cause !== undefined) return toConnectionError(this.#cause, what);
    return new ConnectionError("reset", `cannot ${what}: it was closed, or reset`);
  }

  /** Of two streams that were joined, the one that is read is over when all of it was read. */
  #releaseWhenOver(): void {
    const isRead = this.#readEnd !== undefined && (this.#whole.isOne || this.#length === 0);
    if (isRead && this.#writeEnd !== undefined) this.#release(false);
  }

  #release(isClosing: boolean): void {
    if (this.#life !== "open") return;
    this.#life = "released";
    notify(() => this.#whole.release?.(isClosing));
    if (this.#whole.closed === undefined) this.onGone();
  }

  #answerWhenEmpty(): void {
    if (this.#receiver !== undefined && this.#length === 0) this.#answer();
  }

  /** Its receiver is in the middle of something, perhaps. */
  #answerSoon(): void {
    const receiver = this.#receiver;
    void NOW.then(() => {
      if (this.#receiver !== undefined && this.#receiver === receiver) this.#answer();
    });
  }

  #answer(): void {
    const receiver = this.#takeReceiver();
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#length -= chunk.length;
      this.#source!.onTaken?.();
      if (this.#length === 0) this.#releaseWhenOver();
      receiver.onChunk(chunk);
    } else if (this.#readEnd) receiver.onReadFailure(this.#errorOf(this.#readEnd));
    else receiver.onChunk(null);
  }

  #takeReceiver(): Receiver {
    const receiver = this.#receiver!;
    this.#receiver = undefined;
    return receiver;
  }

  #notifyWatcher(): void {
    const [owner, watcher] = [this.#owner, this.#watcher];
    if (watcher === undefined) return;
    // What is under way is answered first, and says why. (In an event of Node's, `afterMicrotasks()` would come before.)
    void NOW.then(() => afterMicrotasks(() => watcher(owner as never, this)));
  }
}
