// Node streams that go one way, as a source and as a sink.

import { ConnectionError } from "../errors.ts";
import { LONGEST_PIECE, type Sink } from "./duplex.ts";
import { type NodeReadableLike, NodeSource } from "./node.ts";

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

/** A Node `Readable` that goes one way: that it closes is its end. */
export class NodeHalfSource extends NodeSource {
  readonly #name: string;
  readonly #giveBack: () => void;

  /**
   * @param giveBack What becomes of the stream when it is not read any more.
   * @throws {TypeError} If the stream decodes text.
   */
  constructor(name: string, stream: NodeReadableLike, giveBack: () => void) {
    if (stream.readableEncoding) {
      const met = `text (${stream.readableEncoding})`;
      throw new TypeError(`${name} must carry bytes, not ${met}: remove setEncoding()`);
    }
    super(stream);
    this.#name = name;
    this.#giveBack = giveBack;
  }

  override get name(): string {
    return this.#name;
  }

  cancel(): void {
    this.#giveBack();
    this.letGo();
  }

  /** What had arrived is still read; then reading rejects with this. */
  fail(error: Error): void {
    this.events.onFailure(error, error);
    this.cancel();
  }

  protected override onEnd(): void {
    super.onEnd();
    this.cancel();
  }

  protected override onError(cause: Error): void {
    super.onError(cause);
    this.cancel();
  }

  protected override onClose(): void {
    super.onClose();
    this.cancel();
  }
}

/** Whether it is a Node stream, whose `write()` says by a callback when a chunk was taken. */
export function isNodeWritable(sink: object): sink is NodeWritableLike {
  return "on" in sink && "destroy" in sink;
}

/** A Node `Writable`: one that is too slow, or gone, is noticed at the chunk that it has not taken. */
export class NodeSink implements Sink {
  readonly name: string;
  readonly keeps = true;
  readonly longestPiece: number = LONGEST_PIECE;
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
