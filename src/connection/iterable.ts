// fromIterable(): an iterable to read, and a writer or a Node stream to write.

import { bytesOf, concat, type Data, toBytes } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { StringJoiner } from "../common/string_joiner.ts";
import { notify } from "../common/attempt.ts";
import type { Connection } from "./connection.ts";
import { duplex, LONGEST_PIECE, type Sink } from "./duplex.ts";
import { PulledSource, type Step } from "./pulled_source.ts";
import { isNodeWritable, NodeSink, type NodeWritableLike } from "./node_halves.ts";

/**
 * Where {@linkcode fromIterable} writes: a `Writer` of `node:stream/iter` has this shape, and so has an object of your
 * own. Only `write()` is required.
 */
export interface WriterLike {
  /**
   * Takes a chunk, which is its own to keep.
   * @returns Settles when there is room for more; nothing, if there is.
   */
  write(chunk: Uint8Array): PromiseLike<unknown> | void;
  /** No more chunks come. */
  end?(): unknown;
  /** No more chunks come, and those that came are not all. */
  fail?(reason: unknown): unknown;
}

/**
 * A connection over an iterable and a writer: what the source yields is read, and what is written goes to the sink.
 * They are those of `node:stream/iter`, or a generator, an array, and whatever has `write()`, or Node streams, such as
 * those of files.
 *
 * The source is asked for more only when somebody reads. `close()` calls its `return()`, and `fail()` of the sink; Node
 * streams are destroyed.
 *
 * @param source What yields the bytes to be read, or several pieces at a time, as an array; an empty array for a
 * connection that is only written to. A string, of a Node stream after `setEncoding()`, say, becomes the bytes of it in
 * UTF-8.
 * @param sink What takes the bytes that are written. Without it nothing can be.
 * @returns The connection.
 * @throws {TypeError} If the source is no iterable of bytes, or the sink has no `write()`.
 *
 * @example
 * ```ts
 * import { Chat, fromIterable, lines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * async function* question(): AsyncGenerator<Uint8Array> {
 *   yield new TextEncoder().encode("2\n4");
 *   yield new TextEncoder().encode("0\n");
 * }
 * let answer = "";
 * const sink = { write: (chunk: Uint8Array) => void (answer += new TextDecoder().decode(chunk)) };
 *
 * const chat = new Chat(fromIterable(question(), sink), { terminator: lines(), encoding: "utf-8" });
 * let sum = 0;
 * for await (const line of chat) sum += Number(line);
 * await chat.send(String(sum));
 * await chat.closeWhenDone();
 * assertEquals(answer, "42\n");
 * ```
 */
export function fromIterable(
  source: AsyncIterable<Data | readonly Data[]> | Iterable<Data | readonly Data[]>,
  sink?: WriterLike,
): Connection;
/**
 * A connection over an iterable and a Node stream that is written to, such as a file's:
 * `fromIterable([], createWriteStream(path))`. A write is done when the stream's is, and its error is told to whoever
 * writes.
 *
 * @param source What yields the bytes to be read, as above.
 * @param sink What takes the bytes that are written. It is destroyed when the connection is closed before it has ended.
 * @returns The connection.
 * @throws {TypeError} If the source is no iterable of bytes.
 */
export function fromIterable(
  source: AsyncIterable<Data | readonly Data[]> | Iterable<Data | readonly Data[]>,
  sink: NodeWritableLike,
): Connection;
export function fromIterable(
  source: ByteIterable,
  sink?: WriterLike | NodeWritableLike,
): Connection {
  if (!isIterable(source)) {
    const hint = typeof source === "function"
      ? ": call it"
      : typeof source === "string" || ArrayBuffer.isView(source)
      ? ": put it into an array"
      : "";
    throw new TypeError(
      `the source must be an iterable of Uint8Arrays, not ${typeName(source)}${hint}`,
    );
  }
  if (sink !== undefined && typeof sink?.write !== "function") {
    throw new TypeError(`the sink must have a write(), and ${typeName(sink)} has none`);
  }
  return duplex(
    new IterableSource(source),
    sink && (isNodeWritable(sink) ? new NodeSink("the sink", sink, true) : new WriterSink(sink)),
  );
}

type ByteIterable = AsyncIterable<Data | readonly Data[]> | Iterable<Data | readonly Data[]>;

/** Strings and bytes are iterable, too, but what they yield is no bytes. */
function isIterable(value: unknown): value is ByteIterable {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

class IterableSource extends PulledSource {
  readonly name = "the source";
  readonly #iterable: ByteIterable;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  /** What was yielded together, and not handed out yet. */
  #batch: Iterator<unknown> = [].values();
  readonly #strings = new StringJoiner();

  constructor(iterable: ByteIterable) {
    super();
    this.#iterable = iterable;
  }

  protected override async next(): Promise<Step> {
    this.#iterator ??= iterate(this.#iterable);
    for (;;) {
      const piece = this.#batch.next();
      if (!piece.done) return this.#toStep(piece.value);
      const result = await this.#iterator.next();
      if (result.done) return this.#end() ?? result;
      if (!Array.isArray(result.value)) return this.#toStep(result.value);
      this.#batch = result.value.values();
    }
  }

  #toStep(piece: unknown): Step {
    if (typeof piece === "string") {
      return { done: false, value: toBytes("a piece", this.#strings.join(piece)) };
    }
    const rest = this.#strings.takeRest();
    const bytes = bytesOf(piece);
    if (rest === "" || bytes === undefined) return { done: false, value: bytes ?? piece };
    return { done: false, value: concat(toBytes("a piece", rest), bytes) };
  }

  /** Half a surrogate pair whose other half did not come. */
  #end(): Step | undefined {
    const rest = this.#strings.takeRest();
    return rest === "" ? undefined : { done: false, value: toBytes("a piece", rest) };
  }

  /**
   * A Node stream is destroyed itself: its generator would close it only when the next chunk has come, and not at all
   * if not begun.
   */
  protected override giveUp(): void {
    const { destroy } = this.#iterable as { destroy?: unknown };
    if (typeof destroy === "function") notify(() => destroy.call(this.#iterable));
    else notify(() => (this.#iterator ?? iterate(this.#iterable)).return?.());
  }
}

function iterate(iterable: ByteIterable): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in iterable
    ? iterable[Symbol.asyncIterator]()
    : iterable[Symbol.iterator]();
}

class WriterSink implements Sink {
  readonly name = "the sink";
  readonly keeps = true;
  readonly longestPiece = LONGEST_PIECE;
  readonly #writer: WriterLike;

  constructor(writer: WriterLike) {
    this.#writer = writer;
  }

  write(data: Uint8Array): unknown {
    return this.#writer.write(data);
  }

  async end(): Promise<void> {
    await this.#writer.end?.();
  }

  abort(reason: unknown): void {
    notify(() => this.#writer.fail?.(reason));
  }
}
