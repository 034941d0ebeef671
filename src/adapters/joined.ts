import type { Address, Connection } from "../connection.ts";
import { Deferred } from "../deferred.ts";
import { ClosedError, ConnectionError } from "../errors.ts";
import { toConnectionError } from "./system_error.ts";

/** What a connection reads from. It rejects with the runtime's own errors, or with a `ConnectionError` that says more. */
export interface ReadingHalf {
  /** The next bytes, at least one; `null` at the end. */
  read(): Promise<Uint8Array | null>;
  /** What had arrived is still read; then it rejects with this, and so does a read that waits. */
  fail(error: Error): void;
  /** Gives the stream back now. A read that is under way may stay so for ever. */
  stop(): void;
}

/** What a connection writes to. Its errors are as those of a {@linkcode ReadingHalf}. */
export interface WritingHalf {
  /** Resolves when the transport has taken all of it. */
  write(data: Uint8Array): Promise<void>;
  /** Ends the stream. */
  end(): Promise<void>;
  /** Gives the stream back now. A write that is under way may stay so for ever. */
  stop(): void;
}

/** What the halves of a {@linkcode JoinedConnection} are called in messages. */
export interface HalfNames {
  /** What is read from. */
  readonly reading: string;
  /** What is written to. */
  readonly writing: string;
}

/** What else there is to do when a direction breaks, or the connection ends. */
export interface JoinedEnd {
  /** Is called when a write has failed, which by itself says nothing of the other direction. */
  onWriteFailure(error: Error): void;
  /** Is called once, when the connection is closed. */
  onClose(): void;
  /** Resolves when what lies behind the streams is gone: `closed` waits for it. */
  readonly gone: Promise<void>;
}

/**
 * A connection whose directions are streams of their own, which end, and fail, one without the other.
 *
 * ```text
 *   read() ends or fails ──┬── both: over ──▶ gone ──▶ closed
 *   write() fails, or end ─┘            ▲
 *   close() ── stops both halves ───────┘
 * ```
 */
export class JoinedConnection implements Connection {
  readonly localAddress: Address | undefined = undefined;
  readonly remoteAddress: Address | undefined = undefined;

  readonly #readingHalf: ReadingHalf;
  readonly #writingHalf: WritingHalf;
  readonly #names: HalfNames;
  readonly #end: JoinedEnd;
  readonly #closed = new Deferred();
  #reading: Deferred<Uint8Array | null> | undefined;
  #writing: Deferred | undefined;
  /** How reading ended. */
  #readEnd: null | Error | undefined;
  #writeFailure: Error | undefined;
  #writeEnded = false;
  #closeError: ClosedError | undefined;

  constructor(
    reading: ReadingHalf,
    writing: WritingHalf,
    names: HalfNames,
    end: JoinedEnd,
  ) {
    this.#readingHalf = reading;
    this.#writingHalf = writing;
    this.#names = names;
    this.#end = end;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(): Promise<Uint8Array | null> {
    if (this.#closeError !== undefined) return Promise.reject(this.#closeError);
    if (this.#readEnd instanceof Error) return Promise.reject(this.#readEnd);
    if (this.#readEnd === null) return Promise.resolve(null);
    const reading = new Deferred<Uint8Array | null>();
    this.#reading = reading;
    this.#readingHalf.read().then(
      (chunk) => {
        if (chunk === null) this.#endReading(null);
        reading.resolve(chunk);
      },
      (cause) => {
        const error = toError(cause, `read from ${this.#names.reading}`);
        this.#endReading(error);
        reading.reject(error);
      },
    );
    return reading.promise;
  }

  write(data: Uint8Array): Promise<void> {
    const failure = this.#closeError ?? this.#writeFailure;
    if (failure !== undefined) return Promise.reject(failure);
    if (data.length === 0) return Promise.resolve();
    return this.#whileWriting(this.#writingHalf.write(data));
  }

  closeWrite(): Promise<void> {
    const failure = this.#closeError ?? this.#writeFailure;
    if (failure !== undefined) return Promise.reject(failure);
    return this.#whileWriting(this.#writingHalf.end().then(() => this.#endWriting()));
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = new ClosedError("the connection is closed", { cause: reason });
    this.#reading?.reject(this.#closeError);
    this.#writing?.reject(this.#closeError);
    this.#readingHalf.stop();
    this.#writingHalf.stop();
    this.#end.onClose();
    this.#finish();
  }

  #whileWriting(done: Promise<void>): Promise<void> {
    const writing = new Deferred();
    this.#writing = writing;
    done.then(writing.resolve, (cause) => {
      this.#writeFailure = toError(cause, `write to ${this.#names.writing}`);
      this.#end.onWriteFailure(this.#writeFailure);
      this.#endWriting();
      writing.reject(this.#writeFailure);
    });
    return writing.promise;
  }

  #endReading(end: null | Error): void {
    this.#readEnd = end;
    this.#finishWhenBothEnded();
  }

  #endWriting(): void {
    this.#writeEnded = true;
    this.#finishWhenBothEnded();
  }

  #finishWhenBothEnded(): void {
    if (!this.#writeEnded || this.#readEnd === undefined || this.#closeError !== undefined) return;
    this.#readingHalf.stop();
    this.#writingHalf.stop();
    this.#finish();
  }

  #finish(): void {
    this.#closed.resolve(this.#end.gone);
  }
}

function toError(cause: unknown, attempt: string): Error {
  return cause instanceof ConnectionError ? cause : toConnectionError(cause, attempt);
}
