import type { Address, Connection } from "./connection.ts";
import { copyOf } from "./bytes.ts";
import { describe, nameOf } from "./checks.ts";
import { Deferred, quiet } from "./deferred.ts";
import { BackpressureError, ClosedError, ProducerError } from "./errors.ts";
import { Fifo } from "./fifo.ts";
import { Framer, type FramerOptions } from "./framer.ts";
import { iterate } from "./iterate.ts";
import type { Data, Producer } from "./producer.ts";
import { SendQueue, type SendQueueOptions } from "./send_queue.ts";
import { type Terminator, toRule } from "./terminator.ts";

/** How a {@linkcode Chat} cuts frames, and how much it lets wait. */
export interface ChatOptions extends FramerOptions, SendQueueOptions {}

interface WaitingRead {
  readonly terminator: Terminator | undefined;
  readonly answer: Deferred<Uint8Array | null>;
}

/** How long `closeWhenDone()` reads the peer out, in milliseconds: in all, and since bytes last arrived. */
const LONGEST_LINGER = 30_000;
const IDLE_LINGER = 2_000;

/** How many bytes are fetched, without being asked for, from a connection that broke while sending. */
const FETCH_LIMIT = 1024 * 1024;

/**
 * A connection, read as frames and written through producers.
 *
 * Reading: loop over the chat, or call {@linkcode Chat.read}; set {@linkcode Chat.terminator} whenever the next frame
 * ends otherwise. The connection is read only while a frame is asked for, so a slow consumer slows its peer down.
 *
 * Writing: {@linkcode Chat.push} data and producers; they are sent in that order.
 *
 * ```text
 *                  ┌── reads: answered in the order they were asked
 *   connection ──▶ framer ──▶ frames           open ──▶ the peer ended: reads give null, writing goes on
 *   connection ◀── send queue ◀── push()        │  └──▶ broken: frames that are here, then the error
 *                                               └──▶ closed: reads give null, or the reason
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
export class Chat implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #connection: Connection;
  readonly #framer: Framer;
  readonly #sendQueue: SendQueue;
  readonly #reads: Fifo<WaitingRead> = new Fifo();
  readonly #closed = new Deferred<Error | undefined>();
  /** The read of the connection that is under way. */
  #receiving: Promise<Uint8Array | null> | undefined;
  /** `undefined` while bytes may arrive; then what reads are told when no frames are left: the end, or what broke. */
  #readEnd: Error | null | undefined;
  /** Why the chat ended, if anything went wrong: the first reason. */
  #failure: Error | undefined;
  /** Whether what has arrived was dropped, so that no frame is handed out any more. */
  #readDropped = false;
  /** Whether what has arrived is fetched without being asked for, because the connection is gone or going. */
  #fetching = false;
  #connectionClosed = false;
  #isClosed = false;
  #closedByCaller = false;
  #writeClosed: Promise<void> | undefined;
  #done: Promise<void> | undefined;

  /**
   * Makes a chat over an open connection.
   * @param connection The connection; it belongs to the chat from now on.
   * @param options How frames are cut, and how much may wait.
   * @throws {TypeError} If an option is of a wrong type, or a delimiter empty.
   * @throws {RangeError} If a count or a limit is not a whole number of bytes.
   */
  constructor(connection: Connection, options: ChatOptions) {
    if (typeof connection?.closeWrite !== "function") {
      throw new TypeError(
        `connection must be a Connection, such as fromNode(socket) gives, not ${
          nameOf(connection)
        }`,
      );
    }
    this.#connection = connection;
    this.#framer = new Framer(options);
    this.#sendQueue = new SendQueue(
      (bytes) => this.#write(bytes),
      (error) => this.#onSendFailure(error),
      options,
    );
    connection.closed.then(() => this.#onConnectionClosed());
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
    this.#answerReads();
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
    this.#answerReads();
  }

  /** This end's address, where the transport has one. */
  get localAddress(): Address | undefined {
    return this.#connection.localAddress;
  }

  /** The peer's address, where the transport has one. */
  get remoteAddress(): Address | undefined {
    return this.#connection.remoteAddress;
  }

  /**
   * Resolves when the connection is gone: with nothing if it ended in order, or was closed without a reason, and with
   * the error otherwise. It never rejects. A break that happens while the chat neither reads nor writes may be noticed
   * only when it does.
   */
  get closed(): Promise<Error | undefined> {
    return this.#closed.promise;
  }

  /**
   * Reads one frame. A read that was begun takes a frame, even if nobody waits for it any more: to give up on a silent
   * peer, `close(reason)` the chat.
   *
   * @param terminator Where this one frame ends, if not where {@linkcode Chat.terminator} says, which stays in force.
   * @returns The frame without its terminator, the caller's to keep; `null` at the end of the stream (save for a count of 0,
   * which is there as long as the chat is not closed). It may be a view of the chunk that it arrived in: `slice()` what is kept for long.
   * @throws {FrameTooLongError} If the frame is longer than `maxFrameLength`; the next read carries on after it.
   * @throws {IncompleteFrameError} If the stream ended in the middle of the frame, unless the options say otherwise.
   * @throws {ConnectionError} If the connection broke; the frames that had arrived come first.
   * @throws {TypeError} If the terminator is none, or an empty delimiter.
   * @throws {RangeError} If the terminator is a count that is negative, fractional or `NaN`.
   */
  read(terminator?: Terminator): Promise<Uint8Array | null> {
    const answer = new Deferred<Uint8Array | null>();
    try {
      if (terminator !== undefined) toRule(terminator);
      // A copy: the caller may change its array while the read waits.
      const own = terminator instanceof Uint8Array ? copyOf(terminator) : terminator;
      this.#reads.push({ terminator: own, answer });
      this.#answerReads();
    } catch (error) {
      answer.reject(error);
    }
    return answer.promise;
  }

  /**
   * The frames, to the end of the stream. Leaving the loop closes nothing and loses nothing: another loop, or a
   * `read()`, carries on at the next frame. Errors are those of {@linkcode Chat.read}.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return iterate(() => this.read());
  }

  /**
   * Queues data and producers to be sent, in this order, after all that was pushed before. Producers are drained one
   * after the other, and asked for a piece only when the transport has taken the piece before. What is pushed in one
   * turn of the event loop is written together.
   *
   * A large `Uint8Array` is not copied: do not change it before `flush()` has resolved. A producer must not wait for its
   * own chat to make progress (`flush()`, `closeWhenDone()`, or a `push()` that waits): that waits for the producer.
   *
   * @param items Strings (sent as UTF-8), bytes, and iterables of them, sync or async.
   * @returns Resolves at once while fewer than `highWaterMark` bytes wait (a producer counts as next to nothing before it is
   * drained), and otherwise when there is room again. {@linkcode Chat.flush} tells when all is sent.
   * Rejects with the reason if the items will not be sent: a `ClosedError` after `close()`, `closeWrite()` or
   * `closeWhenDone()`. Nobody is troubled if that is not awaited.
   * @throws {TypeError} At once, if an item is none of these; nothing is queued then.
   */
  push(...items: (Data | Producer)[]): Promise<void> {
    return this.#sendQueue.push(items);
  }

  /** Resolves when all that was pushed so far is with the operating system; rejects if it will not be. */
  flush(): Promise<void> {
    return this.#sendQueue.flush();
  }

  /**
   * Ends the sending direction after all that was pushed; reading goes on. Harmless when repeated.
   * @returns Resolves when that is done; rejects if what was pushed could not be sent. It need not be awaited.
   */
  closeWrite(): Promise<void> {
    return this.#writeClosed ??= quiet(this.#closeWrite());
  }

  /**
   * Sends all that was pushed, ends the sending direction, reads the peer out for a bounded time (30 s, and 2 s without a
   * byte), so that it does not lose our last bytes to a reset, and closes. Frames can be read until all is sent; reading
   * ends then. To go on reading, call {@linkcode Chat.closeWrite}. Sending takes as long as the peer and the producers take:
   * {@linkcode Chat.close} ends it. Harmless when repeated.
   * @returns Resolves when the connection is closed; rejects if what was pushed could not be sent. It need not be awaited.
   */
  closeWhenDone(): Promise<void> {
    return this.#done ??= quiet(this.#closeWhenDone());
  }

  /**
   * Closes the connection now. The peer sees an ordinary end, also in the middle of a message, or a reset if what it had
   * sent was not read. What was not sent and what was not read is dropped, waiting pushes reject with a
   * `ClosedError`, and reads give `null`. Harmless when repeated.
   * @param reason If given, reads reject with it instead, and `closed` resolves with it. What is no `Error` becomes the
   * `cause` of a `ClosedError`.
   */
  close(reason?: unknown): void {
    this.#closedByCaller = true;
    const failure = reason === undefined || reason instanceof Error
      ? reason
      : new ClosedError(`the chat was closed: ${describe(reason)}`, { cause: reason });
    this.#closeNow(failure);
  }

  /**
   * Calls {@linkcode Chat.closeWhenDone}: `await using chat = ...` sends what was pushed, and closes, which takes 2 s if the
   * peer neither sends nor ends.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.closeWhenDone();
  }

  /** Answers waiting reads as long as frames are here, and asks the connection for more if one still waits. */
  #answerReads(): void {
    for (let first = this.#reads.first; first !== undefined; first = this.#reads.first) {
      const { terminator, answer } = first;
      try {
        const frame = this.#readDropped ? undefined : this.#framer.next(terminator);
        if (frame === undefined && this.#readEnd === undefined) return this.#receive();
        if (frame !== undefined) answer.resolve(frame);
        else if (this.#readEnd instanceof Error) answer.reject(this.#readEnd);
        else answer.resolve(null);
      } catch (error) {
        answer.reject(error);
      }
      this.#reads.shift();
    }
  }

  #receive(): void {
    if (this.#receiving !== undefined) return;
    this.#receiving = this.#connection.read();
    this.#receiving.then((chunk) => this.#onReceived(chunk), (error) => this.#onBroken(error));
  }

  #onReceived(chunk: Uint8Array | null): void {
    this.#receiving = undefined;
    if (this.#readEnd !== undefined) return;
    if (chunk === null) return this.#onPeerEnd();
    this.#framer.push(chunk);
    this.#answerReads();
    if (!this.#fetching) return;
    // What a connection that is closed still has is little; one that is not might go on for ever.
    if (this.#connectionClosed || this.#framer.buffered < FETCH_LIMIT) this.#receive();
    else this.#onBroken(this.#failure!);
  }

  #onPeerEnd(): void {
    if (this.#failure !== undefined) return this.#onBroken(this.#failure);
    this.#framer.end();
    this.#readEnd = null;
    this.#answerReads();
    this.#settleClosed();
  }

  /** The connection is of no use any more. What has arrived can still be read. */
  #onBroken(error: Error): void {
    this.#receiving = undefined;
    if (this.#readEnd !== undefined) return;
    this.#failure ??= error;
    this.#readEnd = this.#failure;
    this.#sendQueue.drop(this.#failure);
    this.#connection.close(error);
    this.#answerReads();
    this.#settleClosed();
  }

  /** A connection that is gone by itself says why when it is read to its end. */
  #onConnectionClosed(): void {
    this.#connectionClosed = true;
    if (this.#readEnd === undefined) this.#fetch();
    else this.#settleClosed();
  }

  #fetch(): void {
    this.#fetching = true;
    this.#receive();
  }

  #settleClosed(): void {
    if (this.#connectionClosed) this.#closed.resolve(this.#failure);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#connection.write(bytes);
    } catch (error) {
      // Noted here, before anything else that the broken connection brings about.
      if (!this.#isClosed) this.#failure ??= error as Error;
      throw error;
    }
  }

  #onSendFailure(error: Error): void {
    if (error instanceof ProducerError || error instanceof BackpressureError) {
      return this.#closeNow(error);
    }
    this.#failure ??= error;
    // The peer may have said why it broke off, so what had arrived by then is fetched before the connection is closed.
    if (this.#readEnd === undefined) this.#fetch();
    else this.#connection.close(error);
  }

  #closeNow(failure: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failure ??= failure;
    this.#endReading(failure ?? null);
    this.#sendQueue.drop(failure ?? new ClosedError("the chat is closed: nothing can be pushed"));
    this.#connection.close(failure);
    this.#settleClosed();
  }

  #endReading(end: Error | null): void {
    this.#readEnd = end;
    this.#readDropped = true;
    this.#framer.discard();
    this.#answerReads();
  }

  async #closeWrite(): Promise<void> {
    await this.#sendQueue.end();
    // All was sent. Where the connection is gone by now, there is no direction left to end.
    await this.#connection.closeWrite().catch(() => {});
  }

  async #closeWhenDone(): Promise<void> {
    try {
      if (this.#closedByCaller) return;
      await this.closeWrite();
      if (this.#readEnd === undefined) await this.#linger();
    } finally {
      this.#closeNow(undefined);
      await this.#connection.closed;
    }
  }

  /** Drops what the peer still sends, until it ends, too: closing before that would reset the connection. */
  async #linger(): Promise<void> {
    this.#endReading(null);
    const giveUp = (): void => this.#closeNow(undefined);
    const longest = setTimeout(giveUp, LONGEST_LINGER);
    let idle = setTimeout(giveUp, IDLE_LINGER);
    try {
      while (await (this.#receiving ?? this.#connection.read()) !== null) {
        clearTimeout(idle);
        idle = setTimeout(giveUp, IDLE_LINGER);
      }
    } catch (error) {
      // Broken or closed: there is nobody left to wait for.
      if (!this.#isClosed) this.#failure ??= error as Error;
    } finally {
      clearTimeout(longest);
      clearTimeout(idle);
    }
  }
}

/**
 * Checks the options of a chat before there is a connection for it.
 * @throws {TypeError | RangeError} What the constructor would throw.
 */
export function checkChatOptions(options: ChatOptions): void {
  new Framer(options);
  new SendQueue(() => Promise.resolve(), () => {}, options);
}
