// A source of bytes and a sink as one connection.

import { bytesOf, plainBytes } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { Deferred, isPromise } from "../common/deferred.ts";
import { Yielder } from "../common/turns.ts";
import { notify } from "../common/attempt.ts";
import type { Connection } from "./connection.ts";
import { connectionClosed } from "./closing.ts";
import { type ClosedError, UnsupportedError } from "../errors.ts";
import { toConnectionError } from "./error_codes.ts";
import type { UnsharedBytes } from "./web_halves.ts";

/**
 * How much a sink is given at a time: a copy, because many a sink keeps what it is given, or hands its buffer on, and
 * the caller may reuse it; and a part, because many a sink counts what waits in it by the piece.
 */
const LARGEST_PIECE = 64 * 1024;

/** What a source gives: the next piece, whatever it is, or the end. */
export interface Step {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

/** Where bytes come from. It rejects with the runtime's own errors, or with a `ConnectionError` that says more. */
export interface Source {
  /** What it is called in an error message. */
  readonly name: string;
  /** It is not called while it is under way, nor after the end or an error. */
  next(): Promise<Step>;
  /**
   * Nothing more will be asked for: called once at most, not after the end or an error, perhaps while `next()` is under
   * way.
   */
  cancel(reason: unknown): void;
  /** As those of a {@linkcode Connection}, where the source has them. */
  ref?(): void;
  unref?(): void;
}

/** Where bytes go. Its errors are as those of a {@linkcode Source}. */
export interface Sink {
  /** What it is called in an error message. */
  readonly name: string;
  /** Sends a piece that is its own to keep. What it returns must be a promise, or nothing. */
  write(data: UnsharedBytes): unknown;
  /** Ends the direction, after all that was written. */
  end(): Promise<unknown>;
  /** Nothing more will come: called once at most, not after the end, perhaps while `write()` or `end()` is under way. */
  abort(reason: unknown): void;
}

/** What a source and a sink belong to. */
export interface Whole {
  /** Whether closing it can take from the peer what was written: as {@linkcode Connection.canReset}. */
  readonly canReset?: boolean | undefined;
  /** Is called once, when both directions have ended, or the connection is closed: closes both now. */
  release?(): unknown;
  /** Settles when both are gone, and all that they held is given back: then the connection is closed, whatever was read. */
  readonly closed?: PromiseLike<unknown> | undefined;
  /** Is called once, when the connection is closed, also if both directions have ended before. */
  onClose?(): void;
  /** Is called when the sink has failed, which by itself says nothing of the source. */
  onWriteFailure?(error: Error): void;
  /** As those of a {@linkcode Connection}, of what keeps the process alive beside the source. */
  ref?(): void;
  unref?(): void;
}

/**
 * ```text
 *   source ──next()──▶ read()       each direction: open ──▶ ended, or failed
 *   sink  ◀──write()── write()      both are over, or close(): the whole is closed
 * ```
 *
 * A direction that is missing has ended from the beginning.
 */
export class JoinedConnection implements Connection {
  readonly canReset: boolean;

  /** Each is let go when its direction is over. */
  #source: Source | undefined;
  #sink: Sink | undefined;
  /** How each direction ended. */
  #readEnd: null | Error | undefined;
  #writeEnd: null | Error | undefined;
  readonly #whole: Whole;
  readonly #closed = new Deferred();
  /** What `close()` interrupts: neither a source nor a sink need answer after it. */
  readonly #underWay: Set<{ reject(reason: ClosedError): void }> = new Set();
  #closeError: ClosedError | undefined;
  #released = false;

  constructor(source: Source | undefined, sink: Sink | undefined, whole: Whole = {}) {
    this.#source = source;
    this.#sink = sink;
    this.#whole = whole;
    // Where nothing is written, nothing is lost.
    this.canReset = whole.canReset ?? sink !== undefined;
    if (source === undefined) this.#readEnd = null;
    if (sink === undefined) this.#writeEnd = null;
    const { closed } = whole;
    if (closed) Promise.resolve(closed).then(() => {}, () => {}).then(this.#closed.resolve);
    this.#closeWhenBothEnded();
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(): Promise<Uint8Array | null> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    if (this.#readEnd) return Promise.reject(this.#readEnd);
    if (this.#source === undefined) return Promise.resolve(null);
    return this.#untilClosed(this.#readFrom(this.#source));
  }

  write(data: Uint8Array): Promise<void> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    if (data.length === 0) return Promise.resolve();
    if (this.#sink !== undefined) return this.#untilClosed(this.#writeTo(this.#sink, data));
    return Promise.reject(
      this.#writeEnd ??
        new UnsupportedError(
          "nothing can be written: this connection has no writing side, or none any more",
        ),
    );
  }

  closeWrite(): Promise<void> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    if (this.#writeEnd) return Promise.reject(this.#writeEnd);
    if (this.#sink === undefined) return Promise.resolve();
    return this.#untilClosed(this.#end(this.#sink));
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    const closed = this.#closeError = connectionClosed(reason);
    for (const operation of this.#underWay) operation.reject(closed);
    this.#cancel(reason ?? closed);
    this.#abort(reason ?? closed);
    this.#whole.onClose?.();
    this.#release();
  }

  ref(): void {
    this.#source?.ref?.();
    this.#whole.ref?.();
  }

  unref(): void {
    this.#source?.unref?.();
    this.#whole.unref?.();
  }

  async #readFrom(source: Source): Promise<Uint8Array | null> {
    const yielder = new Yielder();
    for (;;) {
      const piece = await this.#ask(source);
      if (piece === null) return null;
      if (piece.length > 0) return plainBytes(piece);
      await yielder.maybeYield(); // it may give nothing for ever
      if (this.#source !== source) return null; // closed meanwhile: nobody waits for it any more
    }
  }

  async #ask(source: Source): Promise<Uint8Array | null> {
    let step: Step;
    try {
      step = await source.next();
    } catch (cause) {
      this.#source = undefined;
      throw this.#endReading(toConnectionError(cause, `read from ${source.name}`));
    }
    const { done, value } = step;
    if (done) {
      this.#source = undefined;
      return this.#endReading(null);
    }
    const bytes = bytesOf(value);
    if (bytes !== undefined) return bytes;
    const error = new TypeError(`${source.name} must give Uint8Arrays, not ${typeName(value)}`);
    this.#cancel(error);
    throw this.#endReading(error);
  }

  async #writeTo(sink: Sink, data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length && this.#sink === sink; at += LARGEST_PIECE) {
      await this.#writePiece(sink, new Uint8Array(data.subarray(at, at + LARGEST_PIECE)));
    }
  }

  async #writePiece(sink: Sink, piece: UnsharedBytes): Promise<void> {
    let result: unknown;
    try {
      result = sink.write(piece);
      if (isPromise(result)) await result;
    } catch (cause) {
      throw this.#failWriting(cause, toConnectionError(cause, `write to ${sink.name}`));
    }
    if (result === undefined || isPromise(result)) return;
    const error = new TypeError(
      `write() of ${sink.name} must return a promise that says when there is room, not ${
        typeName(result)
      }`,
    );
    throw this.#failWriting(error, error);
  }

  async #end(sink: Sink): Promise<void> {
    try {
      await sink.end();
      this.#sink = undefined;
      this.#endWriting(null);
    } catch (cause) {
      throw this.#failWriting(cause, toConnectionError(cause, `write to ${sink.name}`));
    }
  }

  #cancel(reason: unknown): void {
    const source = this.#source;
    this.#source = undefined;
    source?.cancel(reason);
  }

  #abort(reason: unknown): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.abort(reason);
  }

  #endReading<E extends null | Error>(end: E): E {
    this.#readEnd = end;
    this.#closeWhenBothEnded();
    return end;
  }

  #failWriting(cause: unknown, error: Error): Error {
    this.#abort(cause);
    this.#endWriting(error);
    this.#whole.onWriteFailure?.(error);
    return error;
  }

  #endWriting(end: null | Error): void {
    this.#writeEnd = end;
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#readEnd !== undefined && this.#writeEnd !== undefined) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    notify(() => this.#whole.release?.());
    if (!this.#whole.closed) this.#closed.resolve();
  }

  #untilClosed<T>(operation: Promise<T>): Promise<T> {
    const result = new Deferred<T>();
    this.#underWay.add(result);
    operation.then(result.resolve, (error) => result.reject(error))
      .then(() => this.#underWay.delete(result));
    return result.promise;
  }
}
