// Web streams, as a source and as a sink.

import { bytesOf, copyOf } from "../common/bytes.ts";
import { attempt, notify } from "../common/attempt.ts";
import type { ConnectionError } from "../errors.ts";
import { LONGEST_PIECE, type Sink, type UnsharedBytes } from "./duplex.ts";
import { toConnectionError } from "./error_codes.ts";
import { PulledSource, type Step } from "./pulled_source.ts";

/** What is needed of a readable: a `ReadableStream` of bytes has it. */
export interface ReadableStreamLike {
  /** Whether somebody reads from it already. */
  readonly locked: boolean;
  /** Begins to read. */
  getReader(): {
    /** The next chunk, or the end. */
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    /** Nothing more will be read. */
    cancel(reason?: unknown): Promise<unknown>;
    /** Lets others read. */
    releaseLock(): void;
  };
}

/** What is needed of a writable: a `WritableStream` of bytes has it. */
export interface WritableStreamLike {
  /** Whether somebody writes to it already. */
  readonly locked: boolean;
  /** Begins to write. */
  getWriter(): {
    /**
     * Writes a chunk, and resolves when the stream's sink has taken it. (It is bytes whose memory no other thread has:
     * TypeScript tells them apart since 5.7.)
     */
    write(chunk: ReturnType<Uint8Array["slice"]>): Promise<unknown>;
    /** Ends the stream, after all that was written. */
    close(): Promise<unknown>;
    /** Breaks the stream off. */
    abort(reason?: unknown): Promise<unknown>;
    /** Lets others write. */
    releaseLock(): void;
  };
}

type Reader = ReturnType<ReadableStreamLike["getReader"]>;
type Writer = ReturnType<WritableStreamLike["getWriter"]>;

/**
 * Whether it is there to be taken: asked of both halves before one of them is taken.
 * @throws {TypeError} If somebody has it already.
 */
export function checkUnlocked(name: string, stream: { readonly locked: boolean }): void {
  if (stream.locked) {
    throw new TypeError(`${name} is locked: somebody else has it, and must let it go first`);
  }
}

/**
 * A web stream, read only while it is asked to. Its lock is taken at once, and again when it is needed after `unlock()`.
 */
export class WebSource extends PulledSource {
  readonly name: string;
  readonly #stream: ReadableStreamLike;
  readonly #opening: Promise<ConnectionError | undefined> | undefined;
  #reader: Reader | undefined;
  #isReading = false;
  #failure: Error | undefined;

  /** @param opened Rejects when the transport of the stream could not be opened, of one that says so. */
  constructor(name: string, stream: ReadableStreamLike, opened?: PromiseLike<unknown> | undefined) {
    super();
    this.name = name;
    this.#stream = stream;
    this.#reader = stream.getReader();
    this.#opening = opened && Promise.resolve(opened).then(
      () => undefined,
      (cause) => toConnectionError(cause, "connect"),
    );
  }

  protected override async next(): Promise<Step> {
    const reader = this.#reader ??= this.#stream.getReader();
    let result: Step | undefined;
    this.#isReading = true;
    try {
      result = await reader.read();
    } finally {
      this.#isReading = false;
      if (result === undefined || result.done) reader.releaseLock();
    }
    const { done, value } = result;
    if (done) {
      // The readable of a transport that could not be opened may end as that of any other.
      const failure = this.#failure ?? await this.#opening;
      if (failure !== undefined) throw failure;
    }
    const bytes = bytesOf(value);
    return bytes === undefined ? result : { done, value: compact(bytes) };
  }

  /** Lets others have the stream, unless it is being read, until it is used again. */
  unlock(): void {
    if (this.#isReading) return;
    this.#reader?.releaseLock();
    this.#reader = undefined;
  }

  /** Reading rejects with this, also what is under way. */
  fail(error: Error): void {
    this.#failure = error;
    notify(() => this.#reader?.cancel(error));
  }

  protected override giveUp(reason: unknown): void {
    const reader = this.#reader ?? attempt(() => this.#stream.getReader());
    notify(() => reader?.cancel(reason));
    notify(() => reader?.releaseLock());
  }
}

/** A few bytes that a runtime has read into a large buffer should not keep the buffer. */
function compact(chunk: Uint8Array): Uint8Array {
  return chunk.length < chunk.buffer.byteLength / 8 ? copyOf(chunk) : chunk;
}

/** A web stream, written to. Its lock is taken as that of a {@linkcode WebSource}. */
export class WebSink implements Sink {
  readonly name: string;
  readonly keeps = true;
  readonly longestPiece: number = LONGEST_PIECE;
  readonly #stream: WritableStreamLike;
  #writer: Writer | undefined;

  constructor(name: string, stream: WritableStreamLike) {
    this.name = name;
    this.#stream = stream;
    this.#writer = stream.getWriter();
  }

  async write(data: UnsharedBytes): Promise<void> {
    await this.#take().write(data);
  }

  async end(): Promise<void> {
    const writer = this.#take();
    await writer.close();
    writer.releaseLock();
  }

  /** Lets others have the stream until it is used again: nothing is being written. */
  unlock(): void {
    this.#writer?.releaseLock();
    this.#writer = undefined;
  }

  abort(reason: unknown): void {
    const writer = attempt(() => this.#take());
    notify(() => writer?.abort(reason));
    notify(() => writer?.releaseLock());
  }

  #take(): Writer {
    return this.#writer ??= this.#stream.getWriter();
  }
}
