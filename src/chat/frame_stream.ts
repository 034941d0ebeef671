// FrameStream: a framer between web streams, for `pipeThrough()`.

import type { Data } from "../common/bytes.ts";
import { Deferred } from "../common/deferred.ts";
import { Framer, type FramerOptions, type FramesOf } from "../framer/framer.ts";
import type { Terminator } from "../framer/terminator.ts";

/**
 * A framer for `pipeThrough()`: bytes are written to it, and frames are read from it.
 *
 * Unlike in other transform streams, a frame is cut when it is read, and not before, so that the terminator may be changed
 * between any two. A stream that has thrown is over, after a frame that is too long, too: to go on after it, use a
 * {@linkcode Framer}, or a chat.
 *
 * ```text
 *   writable ──write()──▶ framer ──pull()──▶ readable
 *                └ done when all frames are read that were here
 * ```
 *
 * @example
 * ```ts
 * import { FrameStream, lines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const body = new Response("one\r\ntwo\n").body!;
 * const frames: string[] = [];
 * for await (const line of body.pipeThrough(new FrameStream({ terminator: lines(), encoding: "utf-8" }))) {
 *   frames.push(line);
 * }
 * assertEquals(frames, ["one", "two"]);
 * ```
 */
export class FrameStream<T = Uint8Array> {
  /** Where the frames are read. */
  readonly readable: ReadableStream<T>;
  /** Where the bytes are written, or strings. Bytes are not copied: do not write into them any more. */
  readonly writable: WritableStream<Data>;

  readonly #framer: Framer<T>;
  /** Resolves when something has come for the reader. */
  #fed = new Deferred();
  /** Resolves when the reader wants a frame, and none is here. */
  #drained = new Deferred();
  #ended = false;
  #aborted: { readonly reason: unknown } | undefined;

  /**
   * Makes a stream.
   * @param options How frames are cut: with an encoding they are text. (For options that may have one or not, it is a
   * `FrameStream<Frame>`.)
   * @throws {TypeError} If an option is of a wrong type, or a delimiter empty.
   * @throws {RangeError} If a count or a limit is not a whole number of bytes, or the encoding unknown.
   */
  constructor(options: FramerOptions & FramesOf<T>) {
    this.#framer = new Framer<T>(options);
    let writing: WritableStreamDefaultController | undefined;
    const stopWriting = (reason: unknown): void => {
      writing?.error(reason);
      this.#drained.resolve();
    };
    this.writable = new WritableStream<Data>({
      start: (controller) => void (writing = controller),
      write: (chunk) => this.#write(chunk),
      close: () => this.#close(),
      abort: (reason) => this.#abort(reason),
    });
    this.readable = new ReadableStream<T>({
      pull: (controller) =>
        this.#pull(controller).catch((error) => {
          stopWriting(error);
          throw error;
        }),
      cancel: stopWriting,
    }, { highWaterMark: 0 });
  }

  /**
   * Where the next frame ends. Setting it governs every byte after the last frame that was read.
   * @throws {TypeError} If it is set to what is no terminator, or to an empty delimiter.
   * @throws {RangeError} If it is set to a count that is negative, fractional or `NaN`.
   */
  get terminator(): Terminator {
    return this.#framer.terminator;
  }

  set terminator(terminator: Terminator) {
    this.#framer.terminator = terminator;
    this.#fed.resolve();
  }

  async #write(chunk: Data): Promise<void> {
    try {
      this.#framer.push(chunk);
    } catch (error) {
      this.#abort(error);
      throw error;
    }
    this.#fed.resolve();
    await this.#drained.promise;
  }

  #close(): void {
    this.#framer.end();
    this.#ended = true;
    this.#fed.resolve();
  }

  #abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#fed.resolve();
  }

  async #pull(controller: ReadableStreamDefaultController<T>): Promise<void> {
    for (;;) {
      const frame = this.#framer.next();
      if (frame !== undefined) return controller.enqueue(frame);
      if (this.#aborted !== undefined) throw this.#aborted.reason;
      if (this.#ended) return controller.close();
      this.#drained.resolve();
      this.#drained = new Deferred();
      await this.#fed.promise;
      this.#fed = new Deferred();
    }
  }
}
