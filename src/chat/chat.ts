// Chat: frames in, producers out, over one connection.

import { type AbortSignalLike, onAbort } from "../common/abort.ts";
import { bytesOf, checkBytes, type Data } from "../common/bytes.ts";
import {
  checkOptions,
  checkSignal,
  checkTimeout,
  describe,
  isError,
  type OptionNames,
} from "../common/checks.ts";
import { Deferred, ignoreRejection, NOW, rejected } from "../common/deferred.ts";
import type { Address, Connection, TlsInfo } from "../connection/connection.ts";
import { checkIsConnection, isNative, WATCH, type Watcher } from "../connection/native.ts";
import { formatEndpoint } from "../connection/address.ts";
import { transfer } from "../connection/transfer.ts";
import {
  checkWrap,
  rememberTarget,
  targetOf,
  type Wrap,
  type WrapTarget,
} from "../connection/wrap.ts";
import {
  BackpressureError,
  ChatError,
  ClosedError,
  ConnectionError,
  ProducerError,
  withHint,
} from "../errors.ts";
import {
  type FrameBy,
  Framer,
  FRAMER_OPTIONS,
  type FramerOptions,
  type FramesOf,
  pausing,
} from "../framer/framer.ts";
import type { Framing } from "../framer/framing.ts";
import { type Rule, type Terminator, toRule } from "../framer/terminator.ts";
import { drain, type DrainLimits } from "./drain.ts";
import { IdleTimer } from "./idle_timer.ts";
import { Inbound, type InboundEvents, type ReadOptions } from "./inbound.ts";
import { type Limits, Outbound, type OutboundEvents, toLimits } from "./outbound.ts";
import type { FramePieces } from "./piece_reader.ts";
import type { Producer } from "./producer.ts";

/** How a {@linkcode Chat} cuts frames, how much it lets wait, and for how long. */
export interface ChatOptions extends FramerOptions {
  /**
   * `push()` resolves at once while fewer bytes than this wait, and a producer is pulled ahead while fewer than this of
   * what it has yielded do. Default: 64 KiB.
   */
  highWaterMark?: number | undefined;
  /** A push that finds more bytes than this waiting closes the chat. Default: 16 MiB. */
  maxQueuedBytes?: number | undefined;
  /**
   * How long the peer may be silent, in milliseconds, 0 to 2,147,483,647, or `Infinity`, the default. While a frame is
   * waited for, or data waits to be sent, and for so long nothing arrives and nothing is taken, the chat is closed with
   * a `ConnectionError` of the code `"timeout"`. While the program neither reads nor has data to send, no time passes, and
   * a program that was busy looks at what has arrived meanwhile before it blames the peer.
   *
   * The system takes data some hundred kilobytes ahead of the peer. So a program that pushes again and again to a peer
   * that is gone, and waits for an answer, gives the read a `timeout`. A peer that sends one byte now and then is not
   * silent: see `frameTimeout`.
   */
  idleTimeout?: number | undefined;
  /**
   * How long a frame may take from its first byte to its last, in milliseconds, 0 to 2,147,483,647, or `Infinity`, the
   * default. If it is not whole in time, the chat is closed with a `ConnectionError` of the code `"timeout"`: so a peer that
   * sends a byte now and then cannot hold a server for ever. While the program asks for no frame, no time passes. A
   * `stream()` has no such limit.
   */
  frameTimeout?: number | undefined;
  /** How long {@linkcode Chat.closeWhenDone} reads and discards what the peer still sends, once all is sent. */
  linger?: {
    /** In all, in milliseconds, 0 to 2,147,483,647, or `Infinity`. Default: 30,000. */
    total?: number | undefined;
    /** Since bytes last arrived, in milliseconds, 0 to 2,147,483,647, or `Infinity`. Default: 2,000. */
    idle?: number | undefined;
  } | undefined;
  /** Closes the chat with its reason when it is aborted. */
  signal?: ReadOptions["signal"];
}

/** The names of the options of a chat. */
export const CHAT_OPTIONS: OptionNames<ChatOptions> = {
  ...FRAMER_OPTIONS,
  highWaterMark: 1,
  maxQueuedBytes: 1,
  idleTimeout: 1,
  frameTimeout: 1,
  linger: 1,
  signal: 1,
};

const LINGER_OPTIONS: OptionNames<NonNullable<ChatOptions["linger"]>> = { total: 1, idle: 1 };

const LINGER: DrainLimits = { total: 30_000, idle: 2_000 };

const NOTHING_CAN_BE_PUSHED = "the chat is closed: nothing can be pushed";

/** Where a chat is in its life: the transitions are drawn at {@linkcode Chat}. */
type Life = "open" | "ending" | "lingering" | "closed" | "detached";

/** What a chat keeps from when it begins to end, or `closed` is asked for. */
interface Ending {
  isConnectionGone?: boolean;
  /** What these gave when they were called first: they can be repeated. */
  closingWrite?: Promise<void>;
  closingWhenDone?: Promise<void>;
  disposing?: Promise<void>;
  closed?: Deferred<Error | undefined>;
}

/**
 * A connection, read as frames and written through producers.
 *
 * Reading: loop over the chat, or call {@linkcode Chat.read}; set {@linkcode Chat.terminator} whenever the next frame
 * ends otherwise. The connection is read only while a frame is asked for (and one chunk ahead once
 * {@linkcode Chat.closed} was asked for), so a slow consumer slows its peer down.
 *
 * Whole frames come one after the other, or many for one promise ({@linkcode Chat.batches}); one of any size comes in
 * pieces ({@linkcode Chat.stream}).
 *
 * Writing: {@linkcode Chat.push} data and producers, or {@linkcode Chat.send} a payload as one frame; they are sent in
 * that order.
 *
 * Ending: {@linkcode Chat.closeWhenDone} sends what was pushed, and closes; {@linkcode Chat.close} closes at once, and drops
 * it. What each ending means to reads and pushes that wait, to producers and to the connection is a table in the
 * documentation, `docs/endings.md`.
 *
 * ```text
 *   connection ──▶ Inbound ──▶ frames, in the order they were asked for
 *   connection ◀── Outbound ◀── push(), send()
 *
 *                                all is sent, and this direction      the peer has ended, too,
 *        closeWhenDone()                   has ended                      or linger is over
 *   open ───────────────▶ ending ───────────────────────▶ lingering ───────────────────────▶ closed
 *    │ │                    │                                 │                                ▲
 *    │ └────────────────────┴─────────────────────────────────┴────────────────────────────────┘
 *    │     close(); signal; a timeout; a producer fails; more than maxQueuedBytes wait; the connection is gone
 *    └── detach() ──▶ detached
 *
 *   While it is open or ending, each direction ends by itself: reading by the peer's end, sending by closeWrite().
 *   The peer's end is answered by closeWhenDone() where nothing but `closed` would tell the program of it.
 * ```
 *
 * @example
 * ```ts
 * import { connect, listen } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = await listen({ port: 0, terminator: "\n" });
 * const client = await connect({ port: listener.address.port, terminator: 5 });
 * const server = (await listener.accept())!;
 *
 * client.push("hello\n");
 * for await (const line of server) {
 *   server.push(line);
 *   break; // leaving the loop leaves the chat open
 * }
 * assertEquals(await client.read(), new TextEncoder().encode("hello"));
 *
 * await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
 * ```
 */
export class Chat<T = Uint8Array> implements AsyncIterable<T>, AsyncDisposable {
  /** What is told to a chat: functions of its own would cost each 270 bytes on Node. */
  static readonly #events: InboundEvents<Chat<unknown>> & OutboundEvents<Chat<unknown>> = {
    connectionOf: (chat) => chat.#connection,
    handshakeOf: (chat) => chat.#handshake,
    idleTimerOf: (chat) => chat.#idleTimer,
    limitsOf: (chat) => chat.#limits,
    onWait: (chat) => chat.#outbound.hurry(), // the question that a reader waits for the answer of
    onPeerEnd: (chat) => chat.#onPeerEnd(),
    onBroken: (chat, reason) => chat.#onBroken(reason),
    onSlowFrame: (chat, timeout) => chat.#onTimeout(`sent no whole frame within ${timeout} ms`),
    onSendFailure: (chat, reason) => chat.#onSendFailure(reason),
    onRest: (chat) => chat.#settle(),
  };
  static readonly #onGoneFor: Watcher<Chat<unknown>> = (chat, connection) =>
    chat.#onGone(connection);

  static {
    // What console.log() shows, by the names that the runtimes have for it.
    for (const name of ["nodejs.util.inspect.custom", "Deno.customInspect"]) {
      Object.defineProperty(this.prototype, Symbol.for(name), {
        value(this: Chat<unknown>, ...args: unknown[]): string {
          try {
            return this.#inspect(args);
          } catch {
            return "Chat {}"; // a connection of your own may throw, and the prototype is no chat
          }
        },
      });
    }
  }

  #life: Life = "open";
  /** Why the chat ended, if anything went wrong: the first reason. */
  #failure: Error | undefined;
  #connection: Connection;
  readonly #framer: Framer<T>;
  readonly #inbound: Inbound<T, Chat<unknown>>;
  readonly #outbound: Outbound<Chat<unknown>>;
  readonly #idleTimer: IdleTimer;
  readonly #limits: Limits;
  readonly #linger: DrainLimits;
  #framesOut = 0;
  /** An `upgrade()` that is under way. */
  #handshake: Promise<void> | undefined;
  #endingMade: Ending | undefined;

  /**
   * Makes a chat over an open connection.
   * @param connection The connection; it belongs to the chat from now on.
   * @param options How frames are cut: with an encoding they are text. (For options that may have one or not, it is a
   * `Chat<Frame>`.) And how much may wait.
   * @param unread What was received before, and comes first: from {@linkcode Chat.detach}, or a runtime's upgrade event.
   * @throws {TypeError} If an option is of a wrong type, or a delimiter empty.
   * @throws {RangeError} If a count or a limit is not a whole number of bytes, or the encoding unknown.
   */
  constructor(connection: Connection, options: ChatOptions & FramesOf<T>, unread?: Uint8Array) {
    checkIsConnection(connection);
    checkOptions(options, CHAT_OPTIONS);
    checkLife(options);
    const { idleTimeout = Infinity, frameTimeout, signal } = options as ChatOptions;
    this.#connection = connection;
    this.#linger = toDrainLimits(options.linger);
    this.#framer = pausing<T>(framerOptions<T>(options));
    this.#limits = toLimits(options as ChatOptions);
    this.#idleTimer = idleTimeout === Infinity
      ? IdleTimer.NEVER
      : new IdleTimer(idleTimeout, () => this.#onTimeout(`was silent for ${idleTimeout} ms`));
    const limit = frameTimeout === Infinity ? undefined : frameTimeout;
    this.#inbound = new Inbound(this, Chat.#events, this.#framer, limit);
    this.#outbound = new Outbound(this, Chat.#events);
    if (unread !== undefined) this.#inbound.unshift(checkBytes("unread", unread));
    this.#watch(connection);
    if (signal !== undefined) this.#closeOn(signal);
  }

  /**
   * Where the next frame ends. It may be set at any time, and governs every byte after the last frame handed out: those
   * already received, too, and the read that waits right now.
   *
   * @throws {TypeError} If it is set to what is no terminator, or to an empty delimiter.
   * @throws {RangeError} If it is set to a count that is negative, fractional or `NaN`.
   */
  get terminator(): Terminator {
    return this.#framer.terminator;
  }

  set terminator(terminator: Terminator) {
    this.#framer.terminator = terminator;
    this.#inbound.serve();
  }

  /**
   * The longest frame that is accepted, in bytes without its terminator, from the next frame on.
   * @throws {RangeError} If it is set to anything but a whole number of bytes, or `Infinity`.
   */
  get maxFrameLength(): number {
    return this.#framer.maxFrameLength;
  }

  set maxFrameLength(limit: number) {
    this.#framer.maxFrameLength = limit;
    this.#inbound.serve();
  }

  /** This end's address, where the transport has one. */
  get localAddress(): Address | undefined {
    return this.#connection.localAddress;
  }

  /** The peer's address, where the transport has one. */
  get remoteAddress(): Address | undefined {
    return this.#connection.remoteAddress;
  }

  /** What TLS settled with the peer; `undefined` if the connection does not speak it. */
  get tls(): TlsInfo | undefined {
    return this.#connection.tls;
  }

  /** What has passed through so far, and what waits: a snapshot. */
  get stats(): {
    /** How many bytes were received. */
    readonly bytesIn: number;
    /** How many bytes the transport has taken. */
    readonly bytesOut: number;
    /** How many frames were handed out, those of a `stream()` that was read to its end included. */
    readonly framesIn: number;
    /** How many frames {@linkcode Chat.send} has accepted: what is pushed is bytes, and no frames. */
    readonly framesOut: number;
    /** How many received bytes wait to be read. */
    readonly buffered: number;
    /** How many bytes wait to be sent, pushed or yielded; what producers have not yielded does not count. */
    readonly queued: number;
  } {
    return {
      bytesIn: this.#inbound.received,
      bytesOut: this.#outbound.written,
      framesIn: this.#framer.frames,
      framesOut: this.#framesOut,
      buffered: this.#inbound.buffered,
      queued: this.#outbound.queued,
    };
  }

  /**
   * Resolves when the connection is gone: with nothing if it ended in order, or was closed without a reason, and otherwise
   * with the error that reads and pushes reject with. It never rejects.
   *
   * It notices that the peer ends or resets the connection, also if the program never reads: the chat reads one chunk
   * ahead for it, and no more. (What the peer does after a chunk that is not read is noticed when a frame is asked for:
   * a program that expects some, and wants none, reads and drops them.) If no read waits, no loop is open, and no frame was asked for since, nothing else tells the
   * program of the peer's end: the chat then sends what was pushed, and closes, as {@linkcode Chat.closeWhenDone} does. To
   * go on sending after the peer's end, keep a read or a loop waiting.
   */
  get closed(): Promise<Error | undefined> {
    if (this.#life === "open") this.#inbound.watch();
    return this.#whenClosed.promise;
  }

  /**
   * Reads one frame: a message if its framing makes one, text if the chat has an encoding, bytes otherwise.
   *
   * A read that is given up, by `signal` or `timeout`, takes nothing: what has arrived goes to the next read. Without one,
   * a read that was begun takes a frame, even if nobody waits for it any more.
   *
   * After a timeout, the late answer goes to the next read: number the requests, or close the chat.
   *
   * It ends where {@linkcode Chat.terminator} says, or where a terminator does that is given before the options, for this
   * one frame.
   *
   * @param options When to give up.
   * @returns The frame without its terminator, the caller's to keep; `null` at the end of the stream (save for a count
   * of 0, which is there as long as the chat is not closed). Bytes may be a view of the chunk that they arrived in:
   * `slice()` what is kept for long, or given to an API whose types ask for an `ArrayBuffer` of one's own (`Blob`,
   * `crypto.subtle`). Text may be a part of what was decoded together, of up to 16 KiB, which stays in memory as long
   * as any of it.
   * @throws {FrameTooLongError} If the frame is longer than `maxFrameLength`; the next read carries on after it.
   * @throws {MalformedFrameError} If it is no frame by the rules of its framing, or no text, and `fatal` is set.
   * @throws {IncompleteFrameError} If the stream ended in the middle of the frame, unless the options say otherwise.
   * @throws {ConnectionError} If the connection broke, which a write may have found; the frames that had arrived come
   * first.
   * @throws {TimeoutError} If `timeout` has passed. The reason of `signal`, if that was aborted.
   * @throws {FramingError} If the framing breaks the rules for framings; and whatever a framing of your own throws.
   * @throws {ClosedError} If the chat was detached.
   * @throws {TypeError} If the terminator is none, or an empty delimiter, or an option is of a wrong type.
   * @throws {RangeError} If the terminator is a count that is negative, fractional or `NaN`, or the timeout out of range.
   *
   * @example
   * ```ts
   * import { Chat, memoryPair, TimeoutError } from "@asynchat/asynchat";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const [left, right] = memoryPair();
   * const chat = new Chat(left, { terminator: "\n", encoding: "utf-8" });
   * await right.write(new TextEncoder().encode("half a "));
   * await assertRejects(() => chat.read("\n", { timeout: 1 }), TimeoutError);
   * await right.write(new TextEncoder().encode("line\n"));
   * assertEquals(await chat.read(), "half a line");
   * chat.close();
   * ```
   */
  read(options?: ReadOptions): Promise<T | null>;
  /**
   * Reads one frame by that framing: one of its messages, if it makes messages.
   * @param framing Where this one frame ends.
   * @param options When to give up.
   * @returns As above.
   */
  read<M = Uint8Array>(framing: Framing<M>, options?: ReadOptions): Promise<FrameBy<M, T> | null>;
  /**
   * Reads one frame by that terminator.
   * @param terminator Where this one frame ends, if not where {@linkcode Chat.terminator} says, which stays in force.
   * @param options When to give up.
   * @returns As above.
   */
  read(terminator?: Terminator, options?: ReadOptions): Promise<T | null>;
  read(terminator?: Terminator | ReadOptions, options?: ReadOptions): Promise<unknown> {
    return this.#read<unknown>((rule) => this.#framer.next(rule), terminator, options);
  }

  /**
   * Reads one frame as bytes, whatever the chat's encoding.
   * @param terminator As for {@linkcode Chat.read}, whose errors it rejects with.
   * @param options When to give up.
   * @returns The frame; `null` at the end of the stream.
   */
  readBytes(
    terminator?: Terminator | ReadOptions,
    options?: ReadOptions,
  ): Promise<Uint8Array | null> {
    return this.#read((rule) => this.#framer.nextBytes(rule), terminator, options);
  }

  /**
   * Reads one frame as text: in the chat's encoding, or UTF-8 if it has none.
   * @param terminator As for {@linkcode Chat.read}, whose errors it rejects with.
   * @param options When to give up.
   * @returns The frame; `null` at the end of the stream.
   */
  readText(terminator?: Terminator | ReadOptions, options?: ReadOptions): Promise<string | null> {
    return this.#read((rule) => this.#framer.nextText(rule), terminator, options);
  }

  /**
   * The frames, to the end of the stream. Leaving the loop closes nothing and loses nothing: another loop, or a
   * `read()`, carries on at the next frame. Errors are those of {@linkcode Chat.read}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.#inbound.frames();
  }

  /**
   * The frames that are here, again and again, to the end of the stream: many frames for one promise. Each is cut when the
   * inner loop asks for it, so that a terminator set there holds for the very next one, and leaving a loop, the inner or
   * the outer, loses nothing. Take at least one frame of each batch: those that were not taken are in the next.
   *
   * @returns Batches of one frame or more, unless somebody else who reads takes it first. A batch ends where more bytes
   * are needed, or where another read waits. Asking for a frame throws what {@linkcode Chat.read} would reject with;
   * asking for a batch rejects if the connection broke.
   *
   * @example
   * ```ts
   * import { Chat, memoryPair } from "@asynchat/asynchat";
   * import { assertEquals } from "@std/assert";
   *
   * const [left, right] = memoryPair();
   * const chat = new Chat(left, { terminator: "\n", encoding: "utf-8" });
   * await right.write(new TextEncoder().encode("one\n5\nfivesfour\n"));
   * await right.closeWrite();
   *
   * const frames: string[] = [];
   * for await (const batch of chat.batches()) {
   *   for (const frame of batch) {
   *     frames.push(frame);
   *     chat.terminator = frame === "5" ? 5 : "\n"; // of the very next frame
   *   }
   * }
   * assertEquals(frames, ["one", "5", "fives", "four"]);
   * chat.close();
   * ```
   */
  batches(): AsyncIterableIterator<Iterable<T>> {
    return this.#inbound.batches();
  }

  /**
   * One frame of any size, piece by piece as it arrives: `maxFrameLength` does not hold for it, and it takes no more
   * memory than the pieces do.
   *
   * It takes its turn among the reads when it is called, so what is read after it waits until it was read to its end,
   * or left (`break`, `return()`, `await using`, or `cancel()` of a `ReadableStream` made from it); the rest of a frame
   * that was left is dropped. Leave one that nobody wants, too: the reads behind it wait for that.
   *
   * @param terminator Where the frame ends, if not where {@linkcode Chat.terminator} says when its first piece is taken.
   * @returns The pieces, always bytes: at least one each, and none if the frame is empty.
   * @throws {IncompleteFrameError} (The iterator's `next()` rejects with these.) If the stream ended before the frame did,
   * or before it began, unless the option `incomplete` is `"yield"`; it carries what had not been handed out.
   * @throws {ConnectionError} If the connection broke.
   * @throws {ClosedError} If the chat was closed before the frame had ended, and had a terminator.
   * @throws {FrameTooLongError} If the framing must see a whole frame before it hands it out (it has a `check`, or returns
   * the frame itself), and that is too long.
   * @throws {MalformedFrameError} If it is no frame by the rules of its framing.
   * @throws {TypeError} At once, if the terminator is none, or an empty delimiter.
   * @throws {RangeError} At once, if the terminator is a count that is negative, fractional or `NaN`.
   *
   * @example
   * ```ts
   * import { Chat, memoryPair } from "@asynchat/asynchat";
   * import { assertEquals } from "@std/assert";
   *
   * const [left, right] = memoryPair();
   * const chat = new Chat(left, { terminator: "\n", encoding: "utf-8" });
   * right.write(new TextEncoder().encode("11\nhello worldnext\n"));
   *
   * const length = Number(await chat.read());
   * const body = new Response(ReadableStream.from(chat.stream(length)));
   * assertEquals(await body.text(), "hello world");
   * assertEquals(await chat.read(), "next");
   * chat.close();
   * ```
   */
  stream(terminator?: Terminator): FramePieces {
    return this.#inbound.stream(this.#ruleOf(terminator));
  }

  /**
   * Queues data and producers to be sent, in this order, after all that was pushed before. What is pushed in one turn of
   * the event loop is written together: when the turn ends, or as soon as a read of this chat waits for the peer. So
   * `push("bye")` is followed by {@linkcode Chat.closeWhenDone}: {@linkcode Chat.close} drops what was not written.
   *
   * Producers are drained one after the other. One is pulled ahead while fewer than `highWaterMark` bytes of what it has
   * yielded wait to be sent, and never further, so it may be endless; its small pieces are written together, and what it
   * has yielded before it waits for something is written then. It runs in the async context (`AsyncLocalStorage`) of this
   * call. If it will not be drained to its end, it is told: an iterator by `return()`, a Node stream by `destroy()`, a
   * `ReadableStream` by `cancel()`, also if it was never begun, or the chat was closed before.
   *
   * A large `Uint8Array` is not copied: do not change it before `flush()` has resolved. A producer must not wait for its
   * own chat to make progress (`flush()`, `closeWhenDone()`, or a `push()` that waits): that waits for the producer.
   *
   * @param items Strings (sent in the chat's encoding, or UTF-8), bytes, and iterables of them, sync or async: arrays,
   * generators, Node streams, `ReadableStream`s (of a `Blob`, its `stream()`; of a `Response`, its `body`).
   * @returns Resolves at once while fewer than `highWaterMark` bytes wait (a producer counts as 1 KiB before it is
   * drained, and so does a `flush()` that waits), and otherwise when there is room again. {@linkcode Chat.flush} tells
   * when all is sent. Rejects with the reason if the items will not be sent: a `ClosedError` after `close()`,
   * `closeWrite()` or `closeWhenDone()`. A rejection that you do not await is never reported as unhandled.
   * @throws {TypeError} At once, if an item is none of these; nothing is queued then.
   * @throws {RangeError} At once, if a string has a character that the encoding lacks. (A producer that yields one ends the
   * chat with a `ProducerError`.)
   */
  push(...items: (Data | Producer)[]): Promise<void> {
    return this.#outbound.push(items);
  }

  /**
   * Queues a payload as one frame, by the terminator in force: followed by the delimiter, or with what its framing adds. A
   * payload that the peer would not read as this one frame (it contains the delimiter, or does not fit the count or the
   * length) is refused, and nothing of it is sent.
   *
   * @param message A message, where the framing in force makes messages; otherwise a payload: bytes, or a string, which is
   * sent in the chat's encoding, or UTF-8.
   * @returns As {@linkcode Chat.push} does. Await it: a refusal that nobody awaits troubles nobody, and the payload is
   * not sent.
   * @throws {FrameInjectionError} (The promise rejects with these.) If the payload is no frame by the terminator.
   * @throws {UnsupportedError} If the terminator is a framing that cannot encode.
   * @throws {TypeError} If the payload is neither a string nor bytes, or the framing cannot encode such a message.
   * @throws {RangeError} If a string has a character that the encoding lacks.
   *
   * @example
   * ```ts
   * import { Chat, FrameInjectionError, memoryPair, netstring } from "@asynchat/asynchat";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const [left, right] = memoryPair();
   * const client = new Chat(left, { terminator: "\n" });
   * const server = new Chat(right, { terminator: "\n", encoding: "utf-8" });
   *
   * await client.send("a line");
   * assertEquals(await server.read(), "a line");
   * await assertRejects(() => client.send("QUIT\nor two"), FrameInjectionError);
   *
   * client.terminator = server.terminator = netstring();
   * await client.send("two\nlines");
   * assertEquals(await server.read(), "two\nlines");
   * await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
   * ```
   */
  send(message: T | Data): Promise<void> {
    try {
      const pushed = this.push(this.#framer.encode(message));
      if (this.#outbound.isOpen) this.#framesOut++;
      return pushed;
    } catch (error) {
      return rejected(error);
    }
  }

  /** Resolves when all that was pushed so far is with the operating system; rejects if it will not be. */
  flush(): Promise<void> {
    return this.#outbound.flush();
  }

  /**
   * Ends the sending direction after all that was pushed; reading goes on. Harmless when repeated.
   * @returns Resolves when that is done; rejects if what was pushed could not be sent. It need not be awaited.
   */
  closeWrite(): Promise<void> {
    return this.#ending.closingWrite ??= ignoreRejection(this.#closeWrite());
  }

  /**
   * Sends all that was pushed, ends the sending direction, and closes when the peer has ended, too. What the peer still
   * sends is read and discarded, for the time that the option `linger` gives it: to close before would reset the
   * connection, and take from the peer what it has not read yet. (A connection that cannot be reset is closed at once.)
   * Frames can be read until all is sent; reading ends then. To go on reading, call {@linkcode Chat.closeWrite}. Sending
   * takes as long as the peer and the producers take: {@linkcode Chat.close} ends it. Harmless when repeated.
   * @returns Resolves when the connection is closed. Rejects if what was pushed could not be sent, or, with a
   * `ConnectionError` of the code `"timeout"`, if the peer has sent something meanwhile and did not end in time: what it had
   * not read may be lost. It need not be awaited.
   */
  closeWhenDone(): Promise<void> {
    if (this.#life === "detached") return Promise.resolve();
    return this.#ending.closingWhenDone ??= ignoreRejection(this.#closeWhenDone());
  }

  /**
   * Closes the connection now, and drops what was pushed and not sent, also what was pushed just before: to send it first,
   * call {@linkcode Chat.closeWhenDone}. What was not read is dropped, too. Waiting pushes reject with a `ClosedError`, and
   * reads give `null`. The peer sees an ordinary end, also in the middle of a message, or a reset if what it had sent was not
   * read. Harmless when repeated.
   * @param reason If given, reads and pushes reject with it, and `closed` resolves with it. A reason that is not an `Error`
   * becomes the `cause` of a `ClosedError`.
   */
  close(reason?: unknown): void {
    const failure = reason === undefined || isError(reason)
      ? reason
      : new ClosedError(`the chat was closed: ${describe(reason)}`, { cause: reason });
    this.#end(failure);
    // There is nothing to wait for but the connection, whatever was not sent.
    this.#ending.closingWhenDone ??= ignoreRejection(this.#connection.closed);
  }

  /** Lets a read that waits keep the process alive, as it does from the beginning: it undoes {@linkcode Chat.unref}. */
  ref(): void {
    this.#connection.ref?.();
  }

  /**
   * Lets the process end though a read of this chat waits. (A write that is under way is finished before.) It does nothing
   * where the transport cannot do it: with WebSockets and web streams.
   */
  unref(): void {
    this.#connection.unref?.();
  }

  /**
   * Drops what has arrived and was not handed out, and what was pushed and not sent: an emergency exit for a conversation
   * that got out of step. The next byte that arrives begins a new frame, also if the last one was half read: a `stream()`
   * of it rejects. A write that is under way is finished, producers are released, and a `flush()` that waits rejects.
   * Everything else goes on as before.
   * @returns How many bytes were dropped.
   */
  discardBuffers(): {
    /** What had arrived, and was not handed out. */
    readonly unread: number;
    /** What was pushed or yielded, and not sent; what producers had not yielded does not count. */
    readonly unsent: number;
  } {
    return { unread: this.#inbound.discard(), unsent: this.#outbound.discard() };
  }

  /**
   * Hands the connection on, with what has arrived and was not handed out, as when HTTP switches to another protocol
   * (RFC 9110, section 7.8). The chat is done then: waiting reads and later ones reject with a `ClosedError`, `closed`
   * resolves, and closing it does nothing.
   *
   * @returns The connection, and the bytes that come before what it gives.
   * @throws {ClosedError} If the chat is closed, or closing, or its connection broke: that is the `cause` then.
   * @throws {ChatError} With the code `"unsent"`, if something is pushed and not sent yet: `await chat.flush()` first.
   *
   * @example
   * ```ts
   * import { Chat, memoryPair } from "@asynchat/asynchat";
   * import { assertEquals } from "@std/assert";
   *
   * const [left, right] = memoryPair();
   * const http = new Chat(left, { terminator: "\r\n\r\n", encoding: "latin1" });
   * await right.write(new TextEncoder().encode("GET / HTTP/1.1\r\nUpgrade: echo\r\n\r\nhello"));
   * await http.read();
   * http.push("HTTP/1.1 101 Switching Protocols\r\n\r\n");
   * await http.flush();
   *
   * const { connection, unread } = http.detach();
   * const echo = new Chat(connection, { terminator: 5, encoding: "utf-8" }, unread);
   * assertEquals(await echo.read(), "hello");
   * echo.close();
   * ```
   */
  detach(): {
    /** The connection, open as it was. */
    readonly connection: Connection;
    /**
     * What had arrived and was not handed out: it comes before what the connection gives. If a `stream()` was read in
     * part, it begins in the middle of that frame.
     */
    readonly unread: Uint8Array;
  } {
    if (this.#life !== "open" || this.#failure !== undefined) {
      const what =
        "the chat is closed, or closing, or its connection broke: there is none to detach";
      throw new ClosedError(what, { cause: this.#failure });
    }
    this.#checkAllSent("detach()");
    const unread = this.#inbound.takeRest();
    const isWriteClosed = this.#ending.closingWrite !== undefined;
    const connection = transfer(this.#connection, this.#inbound.takeRead(), isWriteClosed);
    connection.unlock?.();
    const closed = new ClosedError("the chat was detached: its connection has another owner");
    this.#life = "detached";
    this.#inbound.drop(closed);
    this.#outbound.drop(closed);
    this.#settle();
    return { connection, unread };
  }

  /**
   * Goes on with the same conversation over what `wrap` makes of the connection. It is how TLS begins once both sides have
   * agreed on it (STARTTLS of SMTP, IMAP, XMPP, LDAP and others): `chat.upgrade(tls({ ca }))` on the client's side,
   * `chat.upgrade(tls({ cert, key }))` on the server's. The terminator stays as it is. What you push or read from now on
   * goes over the new connection.
   *
   * Call it after you have read the peer's word (the server's `220`, the client's `STARTTLS`) and nothing else. On the
   * server's side send the answer first (`await chat.flush()`). Bytes that have arrived in clear behind that word may be an
   * attacker's, put there to pass for encrypted (CVE-2011-0411). Then `upgrade()` refuses them, and closes the chat.
   *
   * @param wrap What makes the connection to go on with: `tls()` of `asynchat/tls`, or your own. It is given the host name
   * that `connect()` was given, and whether a listener accepted the connection. A chat that you made yourself counts as a
   * client's, without a host name: `tls({ servername, ca })`, or `tls({ cert, key }, { isServer: true })`.
   * @returns Resolves when the new connection is there: with TLS, when the handshake is done.
   * @throws {ConnectionError} (The promise rejects with these.) With the code `"tls"`, or `"timeout"`, if the handshake
   * fails, or bytes had arrived in clear. The chat is closed then.
   * @throws {ChatError} With the code `"unsent"`, if something is pushed and not sent yet; with `"reading"`, if a read
   * waits, or a `stream()` was not read to its end. The chat stays as it was.
   * @throws {ClosedError} If the chat is closed, or closing, either direction has ended, or the connection broke.
   * @throws {TypeError} If `wrap` is no function, or gives no connection.
   * @throws What `wrap` throws before it returns: the chat stays as it was. With `tls()` it is an `UnsupportedError` if the
   * connection speaks TLS already, or a `TypeError` if the options do not fit the side. What the promise of `wrap` rejects
   * with closes the chat.
   *
   * @example
   * ```ts
   * import { Chat, connect, listen, tap } from "@asynchat/asynchat";
   * import { assertEquals } from "@std/assert";
   *
   * const lines = { terminator: "\n", encoding: "utf-8" } as const;
   * await using listener = await listen({ port: 0, ...lines });
   * const client = await connect({ port: listener.address.port, ...lines });
   * await client.send("in clear");
   * await client.flush();
   *
   * const seen: string[] = [];
   * await client.upgrade((connection) => tap(connection, (line) => seen.push(line)));
   * await client.send("hello");
   * await client.flush();
   * assertEquals(seen, ['> 6 bytes "hello\\n"']);
   * client.close();
   * ```
   */
  async upgrade(wrap: Wrap): Promise<void> {
    checkWrap(wrap);
    this.#checkUpgrade();
    this.#refuseUnread();
    const ended = new Deferred();
    this.#handshake = ended.promise;
    try {
      await this.#goOver(wrap);
    } finally {
      this.#handshake = undefined;
      this.#watch(this.#connection); // now: it may be gone already, which is not looked at during a handshake
      ended.resolve();
      this.#inbound.serve();
    }
  }

  /**
   * Calls {@linkcode Chat.closeWhenDone}: `await using chat = ...` sends what was pushed, and closes, which takes 2 s
   * (`linger`) if the peer neither sends nor ends. It rejects as that does, unless a read has rejected with what broke: the
   * error that left the block would be hidden in a `SuppressedError`.
   */
  [Symbol.asyncDispose](): Promise<void> {
    const hidesNothing = (error: unknown): void => {
      if (!this.#inbound.hasTold) throw error;
    };
    return this.#ending.disposing ??= ignoreRejection(this.closeWhenDone().catch(hidesNothing));
  }

  #read<R>(
    take: (rule: Rule | undefined) => R | undefined,
    first: Terminator | ReadOptions | undefined,
    options?: ReadOptions,
  ): Promise<R | null> {
    try {
      if (options === undefined && isReadOptions(first)) {
        return this.#inbound.read(() => take(undefined), first);
      }
      const rule = this.#ruleOf(first as Terminator | undefined);
      return this.#inbound.read(() => take(rule), options ?? {});
    } catch (error) {
      return rejected(error);
    }
  }

  /** Made ready now: the caller may change its array while the read waits. */
  #ruleOf(terminator: Terminator | undefined): Rule | undefined {
    return terminator === undefined ? undefined : toRule(terminator, this.#limits.encoding);
  }

  #checkAllSent(before: string): void {
    if (this.#outbound.isEmpty && this.#handshake === undefined) return;
    throw withHint(
      new ChatError("unsent", "data, closeWrite() or upgrade() is under way"),
      `await chat.flush(), closeWrite() or upgrade(), before ${before}`,
    );
  }

  #checkUpgrade(): void {
    const hasEnded = this.#ending.closingWrite !== undefined || this.#inbound.hasEnded;
    if (this.#life !== "open" || hasEnded || this.#failure !== undefined) {
      throw new ClosedError(
        "the chat is closed, or closing, or the peer has ended: upgrade() is not possible any more",
        { cause: this.#failure },
      );
    }
    this.#checkAllSent("upgrade()");
    if (this.#inbound.isIdle) return;
    throw withHint(
      new ChatError("reading", "a read waits, or a stream() was not read to its end"),
      "wait for it before upgrade()",
    );
  }

  /** What has arrived in clear must not pass for what the new connection brings. */
  #refuseUnread(): void {
    const unread = this.#framer.takeRest().length;
    if (unread > 0) {
      const error = new ConnectionError(
        "tls",
        `cannot upgrade the connection with ${formatEndpoint(this.remoteAddress)}: ` +
          `${unread} bytes had come in clear before: an attacker may have put them there`,
      );
      this.close(error);
      throw error;
    }
  }

  async #goOver(wrap: Wrap): Promise<void> {
    const plain = this.#connection;
    const to = targetOf(plain);
    const beneath = transfer(plain, this.#inbound.takeRead(), false);
    await NOW; // a read that was answered tells so first: what it brought cannot be given back
    let wrapping: Connection | Promise<Connection>;
    try {
      wrapping = wrap(beneath, to);
    } catch (error) {
      this.#use(beneath, to);
      throw error;
    }
    try {
      const connection = await wrapping;
      checkIsConnection(connection);
      this.#use(connection, to);
      // It was closed while the last step of the handshake was under way.
      if (this.#life === "closed") connection.close(this.#failure);
    } catch (error) {
      this.#onBroken(error);
      plain.close(error);
      void plain.closed.then(() => this.#onConnectionGone());
      throw error;
    }
  }

  #use(connection: Connection, to: WrapTarget): void {
    this.#connection = connection;
    rememberTarget(connection, to);
  }

  async #closeWrite(): Promise<void> {
    if (this.#life === "detached") return;
    try {
      await this.#outbound.end();
    } catch (reason) {
      if (this.#outbound.hasLost) throw reason;
      // All was sent. Where the connection is gone by now, there is no direction left to end.
      if (saysGone(reason)) return;
      this.#onSendFailure(reason);
      throw this.#failure;
    } finally {
      this.#settle();
    }
  }

  /*
   * How a chat ends. What comes first of these decides what is told, by #failure:
   *
   *   #onPeerEnd()       read() gave null      frames that are here, then null; sending goes on
   *   #onBroken()        read() rejected       frames that are here, then the error
   *   #onSendFailure()   write() rejected      what had arrived is fetched, and then one of the first two
   *   #onGone()          closed by itself      what had arrived is fetched, and then one of the first two
   *   #end()             by this side          null, or the reason, at once
   *
   * #settle() resolves `closed`: when reading has ended, the connection is gone, and nothing under way may say why.
   */

  #onPeerEnd(): void {
    if (this.#failure !== undefined) return this.#onBroken(this.#failure);
    const isOnlyWatched = this.#inbound.isOnlyWatched;
    this.#inbound.finish(null);
    if (isOnlyWatched && this.#life === "open") void this.closeWhenDone();
    this.#settle();
  }

  /** The connection is of no use any more. What has arrived can still be read. */
  #onBroken(reason: unknown): void {
    if (this.#inbound.hasEnded) return;
    const failure = this.#failure ??= toError(reason);
    this.#life = "closed";
    this.#idleTimer.stop();
    this.#outbound.drop(failure);
    this.#connection.close(failure);
    this.#inbound.finish(failure);
    this.#settle();
  }

  /** What a producer did, or the program, ends the chat. What the connection did may have been told by the peer. */
  #onSendFailure(reason: unknown): void {
    const failure = this.#failure ??= toError(reason);
    if (failure instanceof ProducerError || failure instanceof BackpressureError) {
      return this.#end(failure);
    }
    this.#outbound.drop(failure);
    if (!this.#inbound.hasEnded) {
      return this.#inbound.fetch(this.#endingMade?.isConnectionGone === true);
    }
    this.#inbound.finish(failure);
    this.#connection.close(failure);
    this.#settle();
  }

  #onTimeout(what: string): void {
    const peer = formatEndpoint(this.remoteAddress);
    this.#end(new ConnectionError("timeout", `${peer} ${what}`));
  }

  /** Closes both directions now. */
  #end(failure: Error | undefined): void {
    if (this.#life === "detached") return;
    const isNews = this.#life !== "closed";
    if (isNews) this.#failure ??= failure;
    this.#life = "closed";
    this.#idleTimer.stop();
    this.#inbound.drop(this.#failure ?? null);
    if (!isNews) return;
    this.#outbound.drop(this.#failure ?? NOTHING_CAN_BE_PUSHED);
    this.#connection.close(this.#failure);
    this.#settle();
  }

  #watch(connection: Connection): void {
    if (isNative(connection)) {
      return connection[WATCH]<Chat<unknown>>(this, Chat.#onGoneFor);
    }
    const onGone = (): void => this.#onGone(connection);
    connection.closed.then(onGone, onGone);
  }

  /** A connection beneath another is no longer watched: it is gone when the one over it is. */
  #onGone(connection: Connection): void {
    if (connection === this.#connection && this.#handshake === undefined) this.#onConnectionGone();
  }

  /** A connection that is gone by itself says why when it is read to its end. */
  #onConnectionGone(): void {
    this.#ending.isConnectionGone = true;
    if (!this.#inbound.hasEnded) return this.#inbound.fetch(true);
    const isKnown = this.#life !== "open" || this.#failure !== undefined;
    if (isKnown || !isNative(this.#connection)) return this.#settle();
    // One of this library's own that is gone before this side has ended says whether it broke after the peer's end.
    this.#connection.read().then(
      () => this.#settle(),
      (reason) => this.#onSendFailure(reason),
    );
  }

  #settle(): void {
    if (this.#life === "detached") return this.#whenClosed.resolve(undefined);
    if (!this.#endingMade?.isConnectionGone || !this.#inbound.hasEnded) return;
    // What is under way may fail only now, and says why.
    if (this.#life === "lingering") return;
    if (this.#life !== "closed" && this.#outbound.isAsking) return;
    if (this.#failure === undefined && this.#life !== "closed" && !this.#outbound.isEmpty) {
      const peer = formatEndpoint(this.remoteAddress);
      this.#failure = new ConnectionError("reset", `${peer} was gone before all was sent`);
      this.#inbound.finish(this.#failure);
    }
    this.#life = "closed";
    this.#outbound.drop(this.#failure ?? NOTHING_CAN_BE_PUSHED);
    this.#whenClosed.resolve(this.#failure);
  }

  /** Made when it is asked for, or the chat has ended: it costs 260 bytes on Node. */
  get #whenClosed(): Deferred<Error | undefined> {
    return this.#ending.closed ??= new Deferred();
  }

  get #ending(): Ending {
    return this.#endingMade ??= {};
  }

  #closeOn(signal: AbortSignalLike): void {
    if (signal.aborted) return this.close(signal.reason);
    this.#whenClosed.promise.then(onAbort(signal, () => this.close(signal.reason)));
  }

  async #closeWhenDone(): Promise<void> {
    if (this.#life === "open") this.#life = "ending";
    try {
      const before = this.#inbound.received;
      await this.closeWrite();
      const canReset = this.#connection.canReset ?? true;
      if (canReset && !this.#inbound.hasEnded) {
        await this.#drainPeer(this.#inbound.received > before);
      }
    } finally {
      this.#end(undefined);
      await this.#connection.closed;
    }
  }

  /** @param isSending Whether the peer has sent something since this side began to end. */
  async #drainPeer(isSending: boolean): Promise<void> {
    this.#life = "lingering";
    this.#inbound.takeRest(); // what is here had come before, and does not count as sent since
    const connection = transfer(this.#connection, this.#inbound.takeRead(), false);
    this.#inbound.drop(null);
    let gaveUp: Error | undefined;
    const giveUp = (): void => {
      if (isSending) {
        const peer = formatEndpoint(this.remoteAddress);
        const what = `${peer} had not ended: what it has not read may be lost`;
        gaveUp = new ConnectionError("timeout", what);
      }
      this.#end(gaveUp);
    };
    try {
      await drain(() => connection.read(), this.#linger, () => isSending = true, giveUp);
    } catch (reason) {
      if (this.#life !== "lingering") {
        if (gaveUp !== undefined) throw gaveUp;
        return;
      }
      this.#failure ??= toError(reason);
      this.#inbound.finish(this.#failure);
    }
  }

  #inspect(args: unknown[]): string {
    const inspect = args.find((arg) => typeof arg === "function") as Inspect | undefined;
    const options = args.find((arg) => typeof arg === "object");
    const { localAddress, remoteAddress, terminator, stats } = this;
    const shown = {
      state: this.#life,
      local: localAddress && formatEndpoint(localAddress),
      remote: remoteAddress && formatEndpoint(remoteAddress),
      terminator,
      stats,
    };
    return `Chat ${inspect === undefined ? JSON.stringify(shown) : inspect(shown, options)}`;
  }
}

type Inspect = (value: unknown, options: unknown) => string;

/**
 * Checks the options of a chat before there is a connection for it.
 * @throws {TypeError | RangeError} What the constructor would throw.
 */
export function checkChatOptions(options: ChatOptions): void {
  new Framer<unknown>(framerOptions(options as ChatOptions & FramesOf<unknown>));
  checkLife(options);
  toLimits(options);
}

function framerOptions<T>(options: ChatOptions & FramesOf<T>): FramerOptions & FramesOf<T> {
  const { terminator, encoding, fatal, maxFrameLength, incomplete }: ChatOptions = options;
  const own: FramerOptions = { terminator, encoding, fatal, maxFrameLength, incomplete };
  return own as FramerOptions & FramesOf<T>;
}

/** Whether a read was given its options alone. */
function isReadOptions(value: unknown): value is ReadOptions {
  return typeof value === "object" && value !== null && !("decode" in value) &&
    bytesOf(value) === undefined;
}

/** Whether a connection says that it is closed, by this side or the other. */
function saysGone(reason: unknown): boolean {
  return reason instanceof ClosedError ||
    // A peer that hangs up while TLS says goodbye is told of by the read, too.
    (reason instanceof ConnectionError && (reason.code === "reset" || reason.code === "tls"));
}

/** What a connection failed with. One of somebody's own may reject with anything. */
function toError(reason: unknown): Error {
  if (isError(reason)) return reason;
  return new ConnectionError("other", `the connection failed: ${describe(reason)}`, {
    cause: reason,
  });
}

function toDrainLimits(linger: ChatOptions["linger"]): DrainLimits {
  if (linger === undefined) return LINGER;
  const { total = LINGER.total, idle = LINGER.idle } = linger;
  return { total, idle };
}

function checkLife(options: ChatOptions): void {
  const { idleTimeout, frameTimeout, linger = {}, signal } = options;
  checkTimeout("idleTimeout", idleTimeout);
  checkTimeout("frameTimeout", frameTimeout);
  checkTimeout("linger.total", checkOptions(linger, LINGER_OPTIONS, "linger").total);
  checkTimeout("linger.idle", linger.idle);
  checkSignal(signal);
}
