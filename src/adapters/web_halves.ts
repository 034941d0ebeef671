import { nameOf } from "../checks.ts";
import { quiet } from "../deferred.ts";
import type { ReadingHalf, WritingHalf } from "./joined.ts";

/** What is needed of a web `ReadableStream` of bytes. */
export interface WebReadableLike {
  /** Takes the stream over. */
  getReader(): WebReaderLike;
  /** Whether somebody reads it already. */
  readonly locked: boolean;
}

/** What is needed of a `ReadableStreamDefaultReader`. */
export interface WebReaderLike {
  /** The next chunk. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  /** Nothing more is wanted. */
  cancel(reason?: unknown): Promise<unknown>;
  /** Gives the stream back. */
  releaseLock(): void;
}

/** What is needed of a web `WritableStream` of bytes. */
export interface WebWritableLike {
  /** Takes the stream over. */
  getWriter(): WebWriterLike;
  /** Whether somebody writes to it already. */
  readonly locked: boolean;
}

/** What is needed of a `WritableStreamDefaultWriter`. */
export interface WebWriterLike {
  /** Sends a chunk. */
  write(chunk: Uint8Array): Promise<unknown>;
  /** Ends the stream. */
  close(): Promise<unknown>;
  /** Closes the stream now. */
  abort(reason?: unknown): Promise<unknown>;
  /** Gives the stream back. */
  releaseLock(): void;
}

/** Reads a web stream, only while it is asked to. */
export class WebReader implements ReadingHalf {
  readonly #reader: WebReaderLike;
  #failure: Error | undefined;

  /** @throws {TypeError} If somebody reads the stream already. */
  constructor(name: string, stream: WebReadableLike) {
    if (stream.locked) throw new TypeError(`${name} must not be locked: somebody reads it already`);
    this.#reader = stream.getReader();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done && this.#failure !== undefined) throw this.#failure;
      if (done) return null;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`the stream must carry Uint8Arrays, not ${nameOf(value)}`);
      }
      if (value.length > 0) return compact(value);
    }
  }

  fail(error: Error): void {
    this.#failure = error;
    quiet(this.#reader.cancel());
  }

  stop(): void {
    const release = (): void => this.#reader.releaseLock();
    quiet(this.#reader.cancel().then(release, release));
  }
}

/** A few bytes that a runtime has read into a large buffer should not keep the buffer. */
function compact(chunk: Uint8Array): Uint8Array {
  return chunk.length < chunk.buffer.byteLength / 8 ? chunk.slice() : chunk;
}

/** Writes to a web stream. */
export class WebWriter implements WritingHalf {
  readonly #writer: WebWriterLike;

  /** @throws {TypeError} If somebody writes to the stream already. */
  constructor(name: string, stream: WebWritableLike) {
    if (stream.locked) {
      throw new TypeError(`${name} must not be locked: somebody writes to it already`);
    }
    this.#writer = stream.getWriter();
  }

  async write(data: Uint8Array): Promise<void> {
    await this.#writer.write(data);
  }

  async end(): Promise<void> {
    await this.#writer.close();
  }

  stop(): void {
    const release = (): void => this.#writer.releaseLock();
    quiet(this.#writer.abort().then(release, release));
  }
}
