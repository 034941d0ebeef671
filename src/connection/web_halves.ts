// Web streams, as a source and as a sink.

import { bytesOf, copyOf } from "../common/bytes.ts";
import { notify } from "../common/attempt.ts";
import type { Sink, Source, Step } from "./joined_connection.ts";

/** What is needed of a readable: a `ReadableStream` of bytes has it. */
export interface ReadableStreamLike {
  /** Whether somebody reads from it already. */
  readonly locked: boolean;
  /** Begins to read. */
  getReader(): ReadableStreamReaderLike;
}

/** What reads from a {@linkcode ReadableStreamLike}. */
export interface ReadableStreamReaderLike {
  /** The next chunk, or the end. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Nothing more will be read. */
  cancel(reason?: unknown): Promise<unknown>;
  /** Lets others read. */
  releaseLock(): void;
}

/**
 * Bytes whose memory no other thread has, as many a writable takes no others: TypeScript tells them apart since 5.7,
 * and takes them for any `Uint8Array` before.
 */
export type UnsharedBytes = ReturnType<Uint8Array["slice"]>;

/** What is needed of a writable: a `WritableStream` of bytes has it. */
export interface WritableStreamLike {
  /** Whether somebody writes to it already. */
  readonly locked: boolean;
  /** Begins to write. */
  getWriter(): WritableStreamWriterLike;
}

/** What writes to a {@linkcode WritableStreamLike}. */
export interface WritableStreamWriterLike {
  /** Writes a chunk, and resolves when the stream's sink has taken it. */
  write(chunk: UnsharedBytes): Promise<unknown>;
  /** Ends the stream, after all that was written. */
  close(): Promise<unknown>;
  /** Breaks the stream off. */
  abort(reason?: unknown): Promise<unknown>;
  /** Lets others write. */
  releaseLock(): void;
}

/**
 * Whether it is there to be taken: asked of both halves before one of them is taken.
 * @throws {TypeError} If somebody has it already.
 */
export function checkUnlocked(name: string, stream: { readonly locked: boolean }): void {
  if (stream.locked) {
    throw new TypeError(`${name} is locked: somebody else has it, and must let it go first`);
  }
}

/** A web stream, read only while it is asked to. */
export class WebSource implements Source {
  readonly name: string;
  readonly #reader: ReadableStreamReaderLike;
  #failure: Error | undefined;

  constructor(name: string, stream: ReadableStreamLike) {
    this.name = name;
    this.#reader = stream.getReader();
  }

  async next(): Promise<Step> {
    let result: Step | undefined;
    try {
      result = await this.#reader.read();
    } finally {
      if (result === undefined || result.done) this.#reader.releaseLock();
    }
    const { done, value } = result;
    if (done && this.#failure !== undefined) throw this.#failure;
    const bytes = bytesOf(value);
    return bytes === undefined ? result : { done, value: compact(bytes) };
  }

  /** `next()` rejects with this, and so does one that is under way. */
  fail(error: Error): void {
    this.#failure = error;
    notify(() => this.#reader.cancel(error));
  }

  cancel(reason: unknown): void {
    notify(() => this.#reader.cancel(reason));
    notify(() => this.#reader.releaseLock());
  }
}

/** A few bytes that a runtime has read into a large buffer should not keep the buffer. */
function compact(chunk: Uint8Array): Uint8Array {
  return chunk.length < chunk.buffer.byteLength / 8 ? copyOf(chunk) : chunk;
}

/** A web stream, written to. */
export class WebSink implements Sink {
  readonly name: string;
  readonly #writer: WritableStreamWriterLike;

  constructor(name: string, stream: WritableStreamLike) {
    this.name = name;
    this.#writer = stream.getWriter();
  }

  write(data: UnsharedBytes): Promise<unknown> {
    return this.#writer.write(data);
  }

  async end(): Promise<void> {
    await this.#writer.close();
    this.#writer.releaseLock();
  }

  abort(reason: unknown): void {
    notify(() => this.#writer.abort(reason));
    notify(() => this.#writer.releaseLock());
  }
}
