// Node streams that go one way, as a source and as a sink.

import { ConnectionError } from "../errors.ts";
import type { Sink, Source, Step } from "./joined_connection.ts";
import { StreamInbox } from "./stream_inbox.ts";

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
  /** Takes what the stream has buffered. */
  read(): unknown;
  /** Lets a stream that the system reads keep the process alive. */
  ref?(): unknown;
  /** Lets the process end though such a stream is open. */
  unref?(): unknown;
  /** How many bytes the stream has buffered. */
  readonly readableLength: number;
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

/** A Node `Readable`, read only while it is asked to. */
export class NodeSource implements Source {
  readonly name: string;
  readonly #stream: NodeReadableLike;
  readonly #giveBack: () => void;
  readonly #inbox: StreamInbox;
  readonly #listeners: readonly (readonly [string, (...args: unknown[]) => void])[] = [
    ["data", (chunk) => this.#inbox.onData(chunk as Uint8Array)],
    ["end", () => this.#inbox.end()],
    ["error", (cause) => this.#inbox.breakOff(cause as Error)],
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
    this.name = name;
    this.#stream = stream;
    this.#giveBack = giveBack;
    this.#inbox = new StreamInbox(stream);
    stream.pause();
    for (const [event, listener] of this.#listeners) stream.on(event, listener);
    if (stream.readableEnded || stream.destroyed) this.#inbox.end();
  }

  async next(): Promise<Step> {
    let value: Uint8Array | null = null;
    try {
      value = await this.#inbox.read();
    } finally {
      if (value === null) this.cancel();
    }
    return value === null ? { done: true } : { done: false, value };
  }

  /** What had arrived is still read; then `next()` rejects with this, and so does one that is under way. */
  fail(error: Error): void {
    this.#inbox.fail(error);
  }

  ref(): void {
    this.#stream.ref?.();
  }

  unref(): void {
    this.#stream.unref?.();
  }

  cancel(): void {
    this.#giveBack();
    for (const [event, listener] of this.#listeners) this.#stream.off(event, listener);
  }
}

/** Whether it is a Node stream, whose `write()` says by a callback when a chunk was taken. */
export function isNodeWritable(sink: object): sink is NodeWritableLike {
  return "on" in sink && "destroy" in sink;
}

/** A Node `Writable`: one that is too slow, or gone, is noticed at the chunk that it has not taken. */
export class NodeSink implements Sink {
  readonly name: string;
  readonly #stream: NodeWritableLike;
  readonly #isOwned: boolean;
  /** What broke the stream first: what is reported after it says only that the stream is destroyed. */
  #cause: Error | undefined;
  readonly #onError = (cause: unknown): void => {
    this.#cause ??= cause as Error;
  };

  /** @param isOwned Whether the stream is this sink's to end and to destroy. */
  constructor(name: string, stream: NodeWritableLike, isOwned: boolean) {
    this.name = name;
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
    if (!this.#isOwned) {
      this.#letGo();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed) return reject(this.#error());
      this.#stream.on("close", () => reject(this.#error()));
      this.#stream.end((error) => {
        if (error) this.#onError(error);
        if (error) reject(this.#error());
        else resolve();
      });
    });
  }

  abort(): void {
    if (this.#isOwned) this.#stream.destroy();
    else this.#letGo();
  }

  #letGo(): void {
    // What has failed, or is under way and may, emits an error, and one that nobody listens to ends the program.
    const isIdle = this.#stream.writableLength === 0 && this.#cause === undefined;
    if (isIdle) this.#stream.off("error", this.#onError);
  }

  #error(): Error {
    if (this.#cause !== undefined) return this.#cause;
    return new ConnectionError("reset", `cannot write to ${this.name}: it was closed`);
  }
}
