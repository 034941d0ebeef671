import type { Sink } from "./joined_connection.ts";

/** What {@linkcode fromIterable} needs of a Node stream to write to: any `Writable` of bytes has it. */
export interface NodeWritableLike {
  /** Listens to the stream's events. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  /** Sends a chunk; the callback is called when it was taken, or with an error. */
  write(chunk: Uint8Array, callback: (error?: Error | null) => void): unknown;
  /** Ends the stream; the callback is called when that is done, or with an error. */
  end(callback: (error?: Error | null) => void): unknown;
  /** Breaks the stream off. */
  destroy(): unknown;
}

/** Whether it is a Node stream, whose `write()` says by a callback when a chunk was taken. */
export function isNodeWritable(sink: object): sink is NodeWritableLike {
  return "on" in sink && "destroy" in sink;
}

/** A Node stream, written to: a file that is too slow, or gone, is noticed at the chunk that it has not taken. */
export class NodeSink implements Sink {
  readonly name = "the sink";
  readonly #stream: NodeWritableLike;
  /** What broke the stream: what Node reports after it says only that the stream is destroyed. */
  #failure: Error | undefined;

  constructor(stream: NodeWritableLike) {
    this.#stream = stream;
    stream.on("error", (error: Error) => this.#failure ??= error);
  }

  write(data: Uint8Array): Promise<void> {
    return this.#done((done) => this.#stream.write(data, done));
  }

  end(): Promise<void> {
    return this.#done((done) => this.#stream.end(done));
  }

  abort(): void {
    this.#stream.destroy();
  }

  #done(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      begin((error) => error ? reject(this.#failure ?? error) : resolve());
    });
  }
}
