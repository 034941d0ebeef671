import { type Chat, FrameTooLongError, type Producer } from "../../mod.ts";
import { HttpError } from "./error.ts";
import { type Fields, parseFields } from "./fields.ts";

/** How a body is told from what follows it: by its length in bytes, in chunks, or by the end of the connection. */
export type BodyFraming = number | "chunked" | "until-close";

/**
 * How long the body is that comes with these fields (RFC 9112, section 6.3); `undefined` if they do not say. Whatever two programs
 * might understand differently is refused: that is how requests are smuggled past the one in front.
 * @throws {HttpError} 400, 501
 */
export function framingOf(fields: Fields, version: "1.0" | "1.1"): BodyFraming | undefined {
  const lengths = fields.all("content-length");
  if (fields.has("transfer-encoding")) {
    if (lengths.length > 0) {
      throw new HttpError(400, "Content-Length and Transfer-Encoding exclude each other");
    }
    if (version === "1.0") throw new HttpError(400, "HTTP/1.0 has no Transfer-Encoding");
    const codings = fields.get("transfer-encoding")!;
    if (/^chunked$/i.test(codings)) return "chunked"; // toLowerCase() makes a "k" of the Kelvin sign, too
    const isLast = /[, \t]chunked$/i.test(codings);
    throw new HttpError(
      isLast ? 501 : 400,
      `Transfer-Encoding cannot be ${JSON.stringify(codings)}`,
    );
  }
  if (lengths.length === 0) return undefined;
  const [length = ""] = lengths;
  if (lengths.length === 1 && /^\d{1,15}$/.test(length)) return Number(length);
  throw new HttpError(
    400,
    `Content-Length must be one number, not ${JSON.stringify(lengths.join(", "))}`,
  );
}

/** What a body may be, and who is told. */
export interface BodyOptions {
  /** The longest body, in bytes. */
  readonly limit: number;
  /** How long it may take, in milliseconds. */
  readonly timeout: number;
  /** Is called once, before the first byte is asked for. */
  readonly onStart?: (() => unknown) | undefined;
  /** Is called when the last byte was handed out, also where there is none. */
  readonly onEnd?: (() => void) | undefined;
  /** Is called when there will be no last byte: reading it has failed, or was left. */
  readonly onBreak?: (() => void) | undefined;
}

/**
 * A body that has not been read yet: pieces, in a loop, or all at once. It lies in the same stream of bytes as what follows it, so
 * it must be read to its end, or skipped, before that is read.
 */
export class Body implements AsyncIterable<Uint8Array> {
  readonly framing: BodyFraming;
  /** The fields behind a chunked body, when it was read to its end. */
  trailers: Fields | undefined;
  readonly #chat: Chat;
  readonly #options: BodyOptions;
  #made: AsyncGenerator<Uint8Array, void> | undefined;
  #announced = 0;
  #isStarted = false;
  #isWanted = false;
  #isComplete: boolean;

  /** @throws {HttpError} 413 if it is known to be too long. */
  constructor(chat: Chat, framing: BodyFraming, options: BodyOptions) {
    this.framing = framing;
    this.#chat = chat;
    this.#options = options;
    this.#isComplete = framing === 0;
    if (framing === 0) options.onEnd?.();
    if (typeof framing === "number") this.#announce(framing);
  }

  get #pieces(): AsyncGenerator<Uint8Array, void> {
    return this.#made ??= this.#read();
  }

  /** Whether it was read to its end, and what follows it can be read. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether whoever sends it was told to, or need not be. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /**
   * The pieces, as they arrive. A loop that was left can be followed by another one.
   * @throws {HttpError} 400 if the chunks are none, 413 if they are too many
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#pieces.next() };
  }

  /** All of it, or what is left of it. */
  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this) pieces.push(piece);
    const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  /** All of it, as text. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Reads to the end what nobody wants, if that is not more than so many bytes. Returns whether it was. */
  async skip(most: number): Promise<boolean> {
    if (!this.#isStarted && typeof this.framing === "number" && this.framing > most) return false;
    for (let skipped = 0; skipped <= most;) {
      const { done, value } = await this.#pieces.next();
      if (done) return this.#isComplete;
      skipped += value.length;
    }
    return false;
  }

  /** Whoever sends it is told that it is wanted, if that has not happened. */
  want(): void {
    if (this.#isWanted || this.#isComplete) return;
    this.#isWanted = true;
    this.#options.onStart?.();
  }

  /** Nobody will read on. */
  leave(): void {
    if (!this.#isComplete) this.#pieces.return().catch(() => {});
  }

  async *#read(): AsyncGenerator<Uint8Array, void> {
    if (this.#isComplete) return;
    this.#isStarted = true;
    const { timeout } = this.#options;
    const tooLate = setTimeout(() => {
      this.#chat.close(new HttpError(408, `a body must come within ${timeout} ms`));
    }, timeout);
    try {
      this.want();
      if (this.framing === "chunked") yield* this.#chunks();
      else if (this.framing === "until-close") yield* this.#rest();
      else yield* this.#chat.stream(this.framing);
      this.#isComplete = true;
      this.#options.onEnd?.();
    } finally {
      clearTimeout(tooLate);
      if (!this.#isComplete) this.#options.onBreak?.();
    }
  }

  async *#rest(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of this.#chat.stream(null)) {
      this.#announce(piece.length);
      yield piece;
    }
  }

  /**
   * The chunks (RFC 9112, section 7.1): the length of each stands in the line before it, and the last one is empty.
   *
   *     5;some=extension\r\nhello\r\n0\r\nsome: trailer\r\n\r\n
   */
  async *#chunks(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const line = await this.#line();
      const [, digits] = line.match(/^([0-9a-f]{1,8})(?:[ \t]*;(?:\P{Cc}|\t)*)?$/iu) ?? [];
      if (digits === undefined || line.length > LONGEST_CHUNK_LINE) {
        throw new HttpError(
          400,
          `a chunk must begin with its length, not ${JSON.stringify(line.slice(0, 40))}`,
        );
      }
      const length = parseInt(digits, 16);
      if (length === 0) break;
      this.#announce(length);
      yield* this.#chat.stream(length);
      if (await this.#chat.readText(2) !== "\r\n") {
        throw new HttpError(400, `a chunk of ${length} bytes must end with \\r\\n`);
      }
    }
    const lines: string[] = [];
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      if (lines.push(line) > MOST_TRAILERS) throw new HttpError(431, "too many trailers");
    }
    this.trailers = parseFields(lines);
  }

  async #line(): Promise<string> {
    try {
      const line = await this.#chat.readText("\r\n");
      if (line !== null) return line;
    } catch (error) {
      if (!(error instanceof FrameTooLongError)) throw error;
      throw new HttpError(400, "a line between the chunks of a body is too long");
    }
    throw new HttpError(400, "the connection ended in the middle of a body");
  }

  /** What is known of its length, before it is read. */
  #announce(length: number): void {
    this.#announced += length;
    if (this.#announced <= this.#options.limit) return;
    throw new HttpError(413, `a body must be at most ${this.#options.limit} bytes long`);
  }
}

const LONGEST_CHUNK_LINE = 1024;
const MOST_TRAILERS = 50;
const encoder = new TextEncoder();

type Piece = string | Uint8Array;
/** A body that comes in pieces. */
export type Pieces = Iterable<Piece> | AsyncIterable<Piece | Uint8Array[]>;

/** A body of unknown length, in chunks. */
export function inChunks(body: Pieces): Producer {
  return Symbol.asyncIterator in body ? inChunksLater(body) : inChunksNow(body);
}

/** What is here at once needs no promise for each piece. */
function* inChunksNow(body: Iterable<Piece>): Generator<Piece> {
  for (const item of body) {
    const chunk = chunkOf(item);
    if (typeof chunk === "string") yield chunk;
    else yield* chunk;
  }
  yield LAST;
}

async function* inChunksLater(
  body: AsyncIterable<Piece | Uint8Array[]>,
): AsyncGenerator<Piece | Uint8Array[]> {
  for await (const item of body) {
    if (!Array.isArray(item)) yield chunkOf(item);
    else for (const bytes of item) yield chunkOf(bytes);
  }
  yield LAST;
}

/** A chunk, as one piece: of nothing where it would be the last one. */
function chunkOf(item: Piece): string | Uint8Array[] {
  if (item.length === 0) return "";
  if (typeof item === "string" && isAscii(item)) {
    return `${item.length.toString(16)}\r\n${item}\r\n`;
  }
  const bytes = typeof item === "string" ? encoder.encode(item) : item;
  return [encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, END];
}

const LAST = "0\r\n\r\n";
const END = encoder.encode("\r\n");

/** Whether text has as many bytes as characters. */
export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** A body that was said to be that long. If it is not, the conversation cannot go on. */
export async function* exactly(length: number, body: Pieces): AsyncGenerator<Uint8Array> {
  const wrong = `the body has not the ${length} bytes that its Content-Length says`;
  let sent = 0;
  for await (const item of body) {
    for (const bytes of toBytes(item)) {
      sent += bytes.length;
      if (sent > length) throw new Error(wrong);
      yield bytes;
    }
  }
  if (sent < length) throw new Error(wrong);
}

function toBytes(item: Piece | Uint8Array[]): Uint8Array[] {
  if (Array.isArray(item)) return item;
  return [typeof item === "string" ? encoder.encode(item) : item];
}
