import { plainBytes } from "../bytes.ts";
import { ConnectionError } from "../errors.ts";
import { Inbox } from "./inbox.ts";
import type { ReadingHalf, WritingHalf } from "./joined.ts";

/** What is needed of a Node `Readable` of bytes. */
export interface NodeReadableLike {
  /** Listens to the stream's events. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Stops listening. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Holds the flow of `data` events back. */
  pause(): unknown;
  /** Lets `data` events flow. */
  resume(): unknown;
  /** Closes the stream now. */
  destroy(): unknown;
  /** Whether the stream was destroyed. */
  readonly destroyed: boolean;
  /** Whether the stream has ended. */
  readonly readableEnded: boolean;
  /** The encoding that was set on the stream: there must be none. */
  readonly readableEncoding: string | null;
}

/** What is needed of a Node `Writable` of bytes. */
export interface NodeWritableLike {
  /** Listens to the stream's events. */
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Stops listening. */
  off(event: string, listener: (...args: unknown[]) => void): unknown;
  /** Sends a chunk; the callback is called when it was taken, or with an error. */
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): unknown;
  /** Ends the stream; the callback is called when that is done, or with an error. */
  end(callback: (error?: Error | null) => void): unknown;
  /** Closes the stream now. */
  destroy(): unknown;
  /** Whether the stream was destroyed. */
  readonly destroyed: boolean;
  /** How many bytes wait to be written. */
  readonly writableLength: number;
}

/** Reads a Node `Readable`, only while it is asked to. */
export class NodeReader implements ReadingHalf {
  readonly #stream: NodeReadableLike;
  readonly #giveBack: () => void;
  readonly #inbox: Inbox;
  readonly #listeners: readonly (readonly [string, (...args: unknown[]) => void])[] = [
    ["data", (chunk) => this.#inbox.put(plainBytes(chunk as Uint8Array))],
    ["end", () => this.#inbox.end()],
    ["error", (cause) => this.#inbox.fail(cause as Error)],
    ["close", () => this.#inbox.end()],
  ];

  /**
   * @param giveBack What becomes of the stream when it is not read any more.
   * @throws {TypeError} If the stream decodes text.
   */
  constructor(name: string, stream: NodeReadableLike, giveBack: () => void) {
    if (stream.readableEncoding) {
      const met = `text (${stream.readableEncoding})`;
      throw new TypeError(`${name} must carry bytes, not ${met}: remove setEncoding()`);
    }
    this.#stream = stream;
    this.#giveBack = giveBack;
    this.#inbox = new Inbox(stream);
    stream.pause();
    for (const [event, listener] of this.#listeners) stream.on(event, listener);
    if (stream.readableEnded || stream.destroyed) this.#inbox.end();
  }

  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  fail(error: Error): void {
    this.#inbox.fail(error);
  }

  stop(): void {
    this.#giveBack();
    for (const [event, listener] of this.#listeners) this.#stream.off(event, listener);
  }
}

/** Writes to a Node `Writable`. */
export class NodeWriter implements WritingHalf {
  readonly #name: string;
  readonly #stream: NodeWritableLike;
  readonly #isOwned: boolean;
  /** What broke the stream first: what is reported after it says only that the stream is destroyed. */
  #cause: Error | undefined;
  readonly #onError = (cause: unknown): void => {
    this.#cause ??= cause as Error;
  };

  /** @param isOwned Whether the stream is this writer's to end and to destroy. */
  constructor(name: string, stream: NodeWritableLike, isOwned: boolean) {
    this.#name = name;
    this.#stream = stream;
    this.#isOwned = isOwned;
    stream.on("error", this.#onError);
  }

  write(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(data, (error) => {
        if (error) this.#onError(error);
        if (error || (this.#isOwned && this.#stream.destroyed)) reject(this.#error());
        else resolve();
      });
    });
  }

  end(): Promise<void> {
    if (!this.#isOwned) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed) return reject(this.#error());
      this.#stream.on("close", () => reject(this.#error()));
      this.#stream.end((error) => error ? reject(this.#error()) : resolve());
    });
  }

  stop(): void {
    // What has failed, or is under way and may, emits an error, and one that nobody listens to ends the program.
    const isIdle = this.#stream.writableLength === 0 && this.#cause === undefined;
    if (this.#isOwned) this.#stream.destroy();
    else if (isIdle) this.#stream.off("error", this.#onError);
  }

  #error(): Error {
    const { code = "" } = (this.#cause ?? {}) as { code?: string };
    if (this.#cause !== undefined && !code.startsWith("ERR_STREAM")) return this.#cause;
    const what = `cannot write to ${this.#name}: it was closed`;
    return new ConnectionError("reset", what, { cause: this.#cause });
  }
}
