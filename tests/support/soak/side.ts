/** One end of a scenario: a chat, somebody who writes to it, somebody who reads from it, and its ending. */
import { Buffer } from "node:buffer";
import {
  Chat,
  ChatError,
  type ChatOptions,
  ClosedError,
  type Connection,
  ConnectionError,
  type Detached,
  type Frame,
  FrameTooLongError,
  IncompleteFrameError,
  type Terminator,
  TimeoutError,
} from "../../../mod.ts";
import { text } from "../bytes.ts";
import { CountingSignal } from "../counting_signal.ts";
import type { Message, Script } from "./messages.ts";
import { MeteredConnection } from "./metered_connection.ts";
import { cut, Producers } from "./producers.ts";
import type { Random } from "./random.ts";

/** How an end takes its leave. */
export type Ending =
  /** In order, when all is sent and read. */
  | "closeWhenDone()"
  | "closeWrite()"
  | "await using"
  /** In order, when all is sent. */
  | "closeWhenDone() early"
  /** At any moment. */
  | "close()"
  | "close(reason)"
  | "signal"
  | "discardBuffers(), closeWhenDone()"
  | "discardBuffers(), close()"
  | "closeWhenDone(), close()"
  | "vanish"
  /** By what happens to it. */
  | "reset"
  | "stall"
  | "producer that throws"
  | "producer without an end, close()"
  | "too much queued"
  | "silence";

export const ORDERLY: readonly Ending[] = [
  "closeWhenDone()",
  "closeWrite()",
  "await using",
  "closeWhenDone() early",
];

export const DISORDERLY: readonly Ending[] = [
  "close()",
  "close(reason)",
  "signal",
  "discardBuffers(), closeWhenDone()",
  "discardBuffers(), close()",
  "closeWhenDone(), close()",
  "vanish",
  "reset",
  "stall",
  "producer that throws",
  "producer without an end, close()",
  "too much queued",
  "silence",
];

/** When an ending begins that begins at any moment. */
export interface Moment {
  readonly after: "sent" | "received" | "milliseconds";
  readonly count: number;
}

/** What one end does. */
export interface SidePlan {
  readonly name: string;
  readonly outgoing: Script;
  readonly incoming: Script;
  /** Whether frames are read by the terminator that is set, or each by one of its own. */
  readonly isSticky: boolean;
  readonly options: Omit<ChatOptions, "terminator" | "signal" | "encoding">;
  /** The encodings of its chats, one after the other. */
  readonly encodings: readonly (string | undefined)[];
  readonly ending: Ending;
  readonly moment: Moment;
  readonly detaches: boolean;
}

/** The library broke a promise. */
export class SoakFailure extends Error {}

/** What an end throws that nothing is wrong with. */
const BROKEN = new Error("broken by the producer");
const GIVEN_UP = new Error("the read is given up");

const LONGEST_FRAME = 16 * 1024 * 1024;
/** How long a peer may take until the other may close on it, in milliseconds: closeWhenDone() waits 2 s. */
const SLOW = 1_500;

export class Side {
  readonly plan: SidePlan;
  readonly connection: MeteredConnection;
  readonly producers: Producers;
  readonly reason: Error = new Error("the reason");
  readonly signal: CountingSignal = new CountingSignal();
  /** All signals, to see that nobody listens any more. */
  readonly signals: CountingSignal[] = [this.signal];
  /** What failed at any time. */
  readonly failures: string[] = [];
  chat: Chat<Frame>;
  peer!: Side;
  /** How many frames were sent with `send()`, and were read. */
  framesSent = 0;
  framesRead = 0;
  framesAreKnown = true;
  /** Whether nothing of a frame that was begun is still to come, so that the connection may be handed on. */
  isBetweenFrames = true;
  /** How many messages were pushed, and were read or skipped. */
  sent = 0;
  received = 0;
  tailReceived = 0;
  /** What it waits for. */
  writing = "not begun";
  reading = "not begun";
  ending = "not begun";
  /** The chats that were detached. */
  readonly #former: Chat<Frame>[] = [];
  readonly #breakConnection: () => void;
  readonly #commonSignal: CountingSignal | undefined;
  /** Whether no promise is awaited that need not be, nor its rejection handled. */
  readonly #isCareless: boolean;
  readonly #random: { write: Random; read: Random; end: Random };
  readonly #log: (line: string) => void;
  readonly #started: number = performance.now();
  /** Promises of the chat that nobody awaits, by what made them. */
  readonly #waiting: Map<Promise<unknown>, string> = new Map();
  readonly #timers: Set<ReturnType<typeof setTimeout>> = new Set();
  /** The encoding of the chat that is read. */
  #encoding: string | undefined;
  #isOver = false;
  #isEnding = false;
  #hasDiscarded = false;
  #isMoment: () => void = () => {};
  #written: Promise<void> = Promise.resolve();

  /**
   * @param plan What it does.
   * @param connection Its connection.
   * @param breakConnection Makes it vanish.
   * @param commonSignal A signal that others listen to as well.
   * @param random What it does it with.
   * @param log Is told what happens.
   */
  constructor(
    plan: SidePlan,
    connection: Connection,
    breakConnection: () => void,
    commonSignal: CountingSignal,
    random: Random,
    log: (line: string) => void,
  ) {
    this.plan = plan;
    this.#breakConnection = breakConnection;
    this.#isCareless = random.chance(0.2);
    this.#commonSignal = random.chance(0.3) ? commonSignal : undefined;
    this.connection = new MeteredConnection(connection);
    this.#random = { write: random.fork(), read: random.fork(), end: random.fork() };
    this.producers = new Producers(random.fork());
    this.#log = (line) =>
      log(`${Math.round(performance.now() - this.#started)} ms ${plan.name} ${line}`);
    this.chat = this.#makeChat(this.connection);
  }

  /** Whether it ends in order. */
  get isOrderly(): boolean {
    return ORDERLY.includes(this.plan.ending);
  }

  /** Whether it reads to the end of what is sent. */
  get readsAll(): boolean {
    return this.plan.ending !== "closeWhenDone() early";
  }

  /** Whether all that the peer sends must have been read. */
  get isWhole(): boolean {
    return this.isOrderly && this.readsAll && this.peer.isOrderly && !this.#isSlow;
  }

  get stats(): { bytesIn: number; bytesOut: number; framesIn: number; framesOut: number } {
    const sum = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
    for (const { stats } of [...this.#former, this.chat]) {
      for (const key of ["bytesIn", "bytesOut", "framesIn", "framesOut"] as const) {
        sum[key] += stats[key];
      }
    }
    return sum;
  }

  /** What it waits for. */
  get state(): string {
    return `${this.plan.name} (${this.plan.ending}):\n` +
      `    writes: ${this.writing}, ${this.sent} of ${this.plan.outgoing.messages.length}\n` +
      `    reads: ${this.reading}, ${this.received} of ${this.plan.incoming.messages.length}\n` +
      `    ends: ${this.ending}\n` +
      `    promises: ${[...this.#waiting.values()].join(", ") || "none"}\n` +
      `    connection: ${this.connection.underWay}\n` +
      `    stats: ${JSON.stringify(this.chat.stats)}`;
  }

  /** Plays its part, and resolves when the chat is closed and all its promises have settled. */
  async play(): Promise<void> {
    const tasks = this.plan.ending === "silence"
      ? this.#untilPeerIsOver()
      : Promise.all([this.#written = this.#write(), this.#read()]);
    tasks.catch(() => {});
    await this.#end(tasks);
    await tasks;
    this.ending = "waits for closed";
    let error = await this.chat.closed;
    for (const former of this.#former) error ??= await former.closed;
    this.#log(`is closed: ${error}`);
    if (error !== undefined) this.#judge(error, "closed");
    this.ending = "waits for promises";
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting.keys());
    for (const timer of this.#timers) clearTimeout(timer);
    this.ending = "is over";
  }

  /** Whether the program, or what happens to it, may end the chat with this. */
  #allows(error: unknown): boolean {
    const { ending, options } = this.plan;
    const { code, cause } = error as { code?: string; cause?: unknown };
    if (error instanceof ConnectionError) {
      if (code === "timeout") return (options.idleTimeout ?? Infinity) < 1000;
      if (code !== "reset") return false;
      // A peer that waits for our end in vain for 2 s closes.
      return ending === "reset" || !this.peer.isOrderly || this.#isSlow;
    }
    if (code === "producer") return ending === "producer that throws" && cause === BROKEN;
    if (code === "backpressure") return ending === "too much queued";
    if (ending === "vanish") return error instanceof ClosedError;
    return error === this.reason && (ending === "close(reason)" || ending === "signal");
  }

  /** Whether the peer, who reads no more frames, may have lost patience with what we send. */
  get #isSlow(): boolean {
    return !this.peer.readsAll && performance.now() - this.#started > SLOW;
  }

  #judge(error: unknown, what: string): void {
    if (error instanceof SoakFailure) throw error;
    if (!this.#allows(error)) this.#fail(`${what}: ${describe(error)}`);
  }

  #fail(message: string): never {
    throw new SoakFailure(`${this.plan.name}: ${message}`);
  }

  #makeChat(connection: Connection, unread?: Uint8Array): Chat<Frame> {
    const { ending, options } = this.plan;
    const signal = ending === "signal" ? this.signal : this.#commonSignal;
    const chat = new Chat<Frame>(connection, {
      maxFrameLength: LONGEST_FRAME,
      ...options,
      signal,
      encoding: this.#encodingOf(this.#former.length),
      terminator: "\n",
    }, unread);
    chat.closed.then(() => {
      if (chat === this.chat) this.#isOver = true;
    });
    return chat;
  }

  #encodingOf(at: number): string | undefined {
    const { encodings } = this.plan;
    return encodings[at % encodings.length];
  }

  /** Notes a promise that must settle; it may reject only if something went wrong. The careless leave it alone. */
  #note(what: string, promise: Promise<unknown>): void {
    if (this.#isCareless) return;
    this.#waiting.set(promise, what);
    promise.then(
      () => this.#waiting.delete(promise),
      (error) => {
        this.#waiting.delete(promise);
        if (!this.#allowsLoss(error)) {
          this.failures.push(`${this.plan.name}: ${what}: ${describe(error)}`);
        }
      },
    );
  }

  /** Whether what was pushed may be refused with this. */
  #allowsLoss(error: unknown): boolean {
    const { ending } = this.plan;
    const { code } = error as { code?: string };
    if (code === "discarded") return ending.startsWith("discardBuffers()");
    if (code === "closed") return !this.isOrderly;
    return this.#allows(error);
  }

  #delay(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, milliseconds);
      this.#timers.add(timer);
    });
  }

  // Writing

  async #write(): Promise<void> {
    const { plan } = this;
    const random = this.#random.write;
    const { messages, tail } = plan.outgoing;
    const isHasty = this.#isCareless || random.chance(0.2) || plan.ending === "too much queued";
    const bad = random.below(messages.length + 1);
    const isBroken = (): boolean => this.#isOver || (this.#isEnding && !this.isOrderly);
    for (const message of messages) {
      if (isBroken()) return this.#stopWriting();
      if (this.sent === bad) this.#pushBadly(message);
      if (plan.detaches && random.chance(0.2)) await this.#handOver();
      if (isBroken()) return this.#stopWriting();
      const pushed = this.#pushMessage(message);
      this.sent++;
      this.#isMoment();
      if (isHasty) continue;
      this.writing = `waits for push() of ${message.name}`;
      if (random.chance(0.5)) await pushed.catch(() => {});
      this.writing = "waits for flush()";
      if (random.chance(0.1)) await this.#flush();
      this.writing = "waits for a timer";
      if (random.chance(0.1)) await this.#delay(random.below(4));
    }
    if (isBroken()) return this.#stopWriting();
    if (this.sent === bad) this.#pushBadly(undefined);
    if (tail !== undefined) {
      this.#note("push() of the tail", this.chat.push(this.producers.of(cut(tail, random))));
      this.#note("closeWrite()", this.chat.closeWrite());
    } else if (plan.ending === "closeWrite()") {
      this.#note("closeWrite()", this.chat.closeWrite());
    }
    this.#stopWriting();
  }

  #stopWriting(): void {
    this.writing = "is done";
    this.#log(`has written ${this.sent} of ${this.plan.outgoing.messages.length}`);
  }

  async #flush(): Promise<boolean> {
    const flushed = this.chat.flush();
    this.#note("flush()", flushed);
    return await flushed.then(() => true, () => false);
  }

  /** Pushes what will not be sent to its end. */
  #pushBadly(message: Message | undefined): void {
    const begun = message === undefined ? [] : cut(message.encode(), this.#random.write);
    const { ending } = this.plan;
    if (ending === "producer that throws") {
      this.#note("push() that throws", this.chat.push(this.producers.failing(begun, BROKEN)));
    } else if (ending === "producer without an end, close()") {
      this.#note("push() without an end", this.chat.push(this.producers.endless(begun)));
    }
  }

  #pushMessage(message: Message): Promise<void> {
    const random = this.#random.write;
    const { chat } = this;
    const way = random.below(6);
    let pushed: Promise<void>;
    if (way <= 1) {
      if (!this.plan.isSticky) chat.terminator = message.terminator;
      if (chat.terminator === message.terminator) {
        this.framesSent++;
        pushed = chat.send(message.payload);
        this.#note(`send() of ${message.name}`, pushed);
        return pushed;
      }
    }
    const frame = message.encode();
    const isText = typeof message.payload === "string" && random.chance(0.5);
    const pieces = cut(isText ? text(frame) : frame, random);
    if (way <= 2) {
      pushed = chat.push(frame);
      // When it is with the system, the array is the caller's again.
      const flushed = chat.flush();
      this.#note("flush()", flushed);
      flushed.then(() => frame.fill(0xee), () => {});
    } else if (way === 3) pushed = chat.push(...pieces);
    else if (way === 4) pushed = chat.push(this.producers.of(pieces));
    else {
      const middle = random.below(pieces.length);
      pushed = chat.push(
        ...pieces.slice(0, middle),
        this.producers.of(pieces.slice(middle, middle + 1)),
        this.producers.of([]),
        ...pieces.slice(middle + 1),
      );
    }
    this.#note(`push() of ${message.name}`, pushed);
    return pushed;
  }

  /** Goes on with a new chat over the same connection. */
  async #handOver(): Promise<void> {
    this.writing = "waits for flush() before detach()";
    if (!await this.#flush() || !this.isBetweenFrames || this.#isEnding || this.#isOver) return;
    const former = this.chat;
    const detached = this.#detach();
    if (detached === undefined) return;
    this.#former.push(former);
    this.chat = this.#makeChat(detached.connection, detached.unread);
    this.#log(`went on with a new chat, ${detached.unread.length} bytes unread`);
  }

  /** Nothing, if the connection broke before. */
  #detach(): Detached | undefined {
    try {
      return this.chat.detach();
    } catch (error) {
      const { cause } = error as ClosedError;
      if (!(error instanceof ClosedError) || cause === undefined) throw error;
      this.#judge(cause, "detach()");
      return undefined;
    }
  }

  // Reading

  async #read(): Promise<void> {
    const { messages, tail } = this.plan.incoming;
    let isOpen = true;
    while (isOpen && this.received < messages.length) isOpen = await this.#step();
    if (isOpen && tail !== undefined) isOpen = await this.#patiently(() => this.#readTail(tail));
    else if (isOpen && this.plan.ending === "closeWrite()") {
      isOpen = await this.#patiently(() => this.#readEnd());
    }
    this.reading = "is done";
    this.#log(`has read ${this.received} of ${messages.length}`);
  }

  /** Reads a message, or some. Returns whether more may come. */
  async #step(): Promise<boolean> {
    const random = this.#random.read;
    this.reading = "waits for a timer";
    if (random.chance(0.05)) await this.#delay(random.below(4));
    const way = random.pick(this.plan.isSticky ? STICKY_WAYS : WAYS);
    this.reading = `reads with ${way}`;
    const goesOn = await this.#patiently(() => this.#readBy(way, this.chat));
    this.#log(`has read ${this.received} messages, the last with ${way}`);
    return goesOn;
  }

  /** Does it, again if the chat was detached meanwhile. Returns whether more may come. */
  async #patiently(read: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const { chat } = this;
      this.#encoding = this.#encodingOf(this.#former.length);
      try {
        return await read();
      } catch (error) {
        if (chat !== this.chat && error instanceof ClosedError) continue;
        this.#judgeRead(error);
        return false;
      }
    }
  }

  #judgeRead(error: unknown): void {
    const isCut = error instanceof IncompleteFrameError && this.#mayBeCut;
    const isClosed = error instanceof ClosedError && (!this.isOrderly || !this.readsAll);
    this.#log(`reads no more: ${error}`);
    if (this.#hasDiscarded && error instanceof ChatError) return;
    if (!isCut && !isClosed) this.#judge(error, `reading message ${this.received}`);
  }

  /** Whether a frame may be a part of what was sent: where that is asked for, and after discardBuffers(). */
  get #mayBePart(): boolean {
    return this.#hasDiscarded || (this.plan.options.incomplete === "yield" && this.#mayBeCut);
  }

  get #mayBeCut(): boolean {
    return !this.peer.isOrderly || !this.isOrderly || this.#isSlow;
  }

  async #readBy(way: Way, chat: Chat<Frame>): Promise<boolean> {
    const { isSticky } = this.plan;
    const message = this.#next!;
    const { terminator } = message;
    if (isSticky) setTerminator(chat, terminator);
    const once = isSticky ? undefined : terminator;
    const random = this.#random.read;
    switch (way) {
      case "read()":
        return this.#take(await chat.read(once));
      case "readBytes()":
        return this.#take(await chat.readBytes(once));
      case "readText()":
        return this.#take(await chat.readText(once));
      case "read() with a timeout":
        return await this.#readInTime(chat, once);
      case "read() with a signal":
        return await this.#readWithSignal(chat, once);
      case "reads at once":
        return await this.#readTogether(chat);
      case "read() of too much":
        return await this.#readTooMuch(chat, message, once);
      case "stream()":
        return await this.#readPieces(chat, message, once);
      case "a loop":
        for await (const frame of chat) {
          if (!this.#take(frame)) return false;
          const next = this.#next;
          if (next === undefined || random.chance(0.2)) return true;
          if (random.chance(0.05)) await this.#delay(random.below(3));
          setTerminator(chat, next.terminator);
        }
        return this.#takeEnd();
      case "batches()":
        for await (const batch of chat.batches()) {
          for (const frame of batch) {
            if (!this.#take(frame)) return false;
            const next = this.#next;
            if (next === undefined || random.chance(0.1)) return true;
            setTerminator(chat, next.terminator);
          }
        }
        return this.#takeEnd();
    }
  }

  get #next(): Message | undefined {
    return this.plan.incoming.messages[this.received];
  }

  /** Notes a frame, which must be the next one. Returns whether more may come. */
  #take(frame: Frame | null): boolean {
    if (frame === null) return this.#takeEnd();
    this.framesRead++;
    const message = this.#next;
    if (message === undefined) this.#fail(`got a frame more than was sent: ${describe(frame)}`);
    if (!this.#isPayload(frame, message)) {
      if (this.#mayBePart) {
        this.#log("got a frame that may be a part");
        return false;
      }
      this.#fail(`message ${this.received} (${message.name}) is not what was sent`);
    }
    this.isBetweenFrames = true;
    this.#takeOne();
    // A frame is the caller's: what is written into it is seen by nobody else.
    if (frame instanceof Uint8Array && this.#random.read.chance(0.2)) frame.fill(0xdd);
    return true;
  }

  #takeOne(): void {
    this.received++;
    this.#isMoment();
  }

  #takeEnd(): boolean {
    const { messages, tail } = this.plan.incoming;
    const isAll = this.received === messages.length && (tail?.length ?? 0) === this.tailReceived;
    if (!isAll && !this.#mayBeCut && this.readsAll) {
      this.#fail(`the stream ended after ${this.received} of ${messages.length} messages`);
    }
    return false;
  }

  #isPayload(frame: Frame, { payload }: Message): boolean {
    const encoding = this.#encoding ?? "utf-8";
    if (typeof frame === "string") {
      if (typeof payload === "string" && encoding === "utf-8") return frame === payload;
      const sent = typeof payload === "string" ? Buffer.from(payload) : payload;
      return frame === new TextDecoder(encoding, { ignoreBOM: true }).decode(sent);
    }
    return isEqual(frame, typeof payload === "string" ? Buffer.from(payload) : payload);
  }

  async #readInTime(chat: Chat<Frame>, once: Terminator | undefined): Promise<boolean> {
    const timeout = this.#random.read.below(4);
    try {
      return this.#take(await chat.read(once, { timeout }));
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      return true;
    }
  }

  async #readWithSignal(chat: Chat<Frame>, once: Terminator | undefined): Promise<boolean> {
    const signal = new CountingSignal();
    this.signals.push(signal);
    const timer = setTimeout(() => signal.abort(GIVEN_UP), this.#random.read.below(4));
    try {
      return this.#take(await chat.read(once, { signal }));
    } catch (error) {
      if (error !== GIVEN_UP) throw error;
      return true;
    } finally {
      clearTimeout(timer);
    }
  }

  async #readTogether(chat: Chat<Frame>): Promise<boolean> {
    const { isSticky, incoming } = this.plan;
    const first = this.#next!;
    const next = incoming.messages.slice(this.received, this.received + 4);
    const isOther = ({ terminator }: Message): boolean => terminator !== first.terminator;
    const others = first.terminator === 0 ? 1 : next.findIndex(isOther);
    const asked = isSticky && others > 0 ? next.slice(0, others) : next;
    const frames = await Promise.allSettled(
      asked.map(({ terminator }) => chat.read(isSticky ? undefined : terminator)),
    );
    let isOpen = true;
    for (const [at, frame] of frames.entries()) {
      if (isOpen) {
        if (frame.status === "rejected") throw this.#onlyError(frames.slice(at), frame.reason);
        isOpen = this.#take(frame.value);
      } else if (frame.status === "fulfilled" && frame.value !== null) {
        // At the end of the stream a count of 0 still has its frame.
        if (asked[at]!.terminator !== 0 && !this.#hasDiscarded) {
          this.#fail("a read got a frame after the end");
        }
        this.framesRead++;
      }
    }
    return isOpen;
  }

  /** The error of the first of several reads: those behind it must have met it, too. */
  #onlyError(reads: readonly PromiseSettledResult<unknown>[], error: unknown): unknown {
    // Behind a frame that the end cut off comes the end, and any frames of a count of 0.
    this.framesAreKnown = false;
    if (error instanceof IncompleteFrameError || this.#hasDiscarded) return error;
    if (reads.every(({ status }) => status === "rejected")) return error;
    return new SoakFailure(
      `${this.plan.name}: a read was answered after one that failed: ${error}`,
    );
  }

  async #readTooMuch(
    chat: Chat<Frame>,
    message: Message,
    once: Terminator | undefined,
  ): Promise<boolean> {
    if (message.length < 4) return this.#take(await chat.read(once));
    this.isBetweenFrames = false;
    chat.maxFrameLength = message.length >> 1;
    try {
      const frame = await chat.read(once);
      if (frame === null) return this.#takeEnd();
      if (!this.#mayBePart) {
        this.#fail(`message ${this.received} (${message.name}) is too long, and was read`);
      }
      this.framesRead++;
      return false;
    } catch (error) {
      if (!(error instanceof FrameTooLongError)) throw error;
      this.#takeOne();
      return true;
    } finally {
      chat.maxFrameLength = LONGEST_FRAME;
    }
  }

  async #readPieces(
    chat: Chat<Frame>,
    message: Message,
    once: Terminator | undefined,
  ): Promise<boolean> {
    const random = this.#random.read;
    const left = random.chance(0.3) ? random.below(5) : Infinity;
    const payload = typeof message.payload === "string"
      ? Buffer.from(message.payload)
      : message.payload;
    let at = 0;
    this.isBetweenFrames = false;
    let pieces = 0;
    for await (const piece of chat.stream(once)) {
      if (pieces++ === left) {
        this.#takeOne();
        return true;
      }
      if (!isEqual(piece, payload.subarray(at, at + piece.length))) {
        if (this.#mayBePart) {
          this.framesAreKnown = false;
          return false;
        }
        this.#fail(`a piece of message ${this.received} (${message.name}) is not what was sent`);
      }
      at += piece.length;
      if (random.chance(0.05)) await this.#delay(random.below(3));
    }
    if (at === payload.length) {
      this.framesRead++;
      this.isBetweenFrames = true;
      this.#takeOne();
      return true;
    }
    if (this.plan.options.incomplete === "yield") this.framesRead++;
    this.#log(`got ${at} of ${payload.length} bytes of message ${this.received}`);
    return this.#takeEnd();
  }

  async #readTail(tail: Uint8Array): Promise<boolean> {
    const { chat } = this;
    const random = this.#random.read;
    this.reading = "reads the tail";
    const take = (bytes: Uint8Array): void => {
      const sent = tail.subarray(this.tailReceived, this.tailReceived + bytes.length);
      if (!isEqual(bytes, sent) && !this.#hasDiscarded) {
        this.#fail(`the tail is not what was sent, near ${this.tailReceived}`);
      }
      this.tailReceived += bytes.length;
    };
    if (random.chance(0.5)) {
      for await (const piece of chat.stream(null)) take(piece);
      this.framesAreKnown = false;
    } else {
      for (;;) {
        const bytes = await chat.readBytes(null);
        if (bytes === null) break;
        this.framesRead++;
        take(bytes);
      }
    }
    return this.#takeEnd();
  }

  async #readEnd(): Promise<boolean> {
    this.reading = "reads the end";
    const { chat } = this;
    if (chat.terminator === 0) chat.terminator = "\n";
    const frame = await (this.plan.isSticky ? chat.read() : chat.read("\n"));
    return this.#take(frame);
  }

  // Ending

  async #end(tasks: Promise<unknown>): Promise<void> {
    const { ending } = this.plan;
    switch (ending) {
      case "await using": {
        await this.#using(tasks);
        break;
      }
      case "closeWhenDone() early":
        this.ending = "waits until all is pushed";
        await this.#written;
        this.#closeWhenDone();
        break;
      case "closeWrite()":
        await this.#all(tasks);
        // It is closed by itself, unless reading ended early.
        if (this.#mayBeCut) this.#closeWhenDone();
        break;
      case "closeWhenDone()":
        await this.#all(tasks);
        this.#closeWhenDone();
        break;
      case "reset":
      case "stall":
      case "too much queued":
      case "producer that throws":
        await this.#all(tasks);
        if (this.#random.end.chance(0.5)) this.#closeWhenDone();
        else this.chat.close();
        break;
      case "silence":
        await tasks;
        this.#closeWhenDone();
        break;
      default:
        await this.#moment(tasks);
        await this.#break(ending);
    }
    this.ending = "has ended";
  }

  async #break(ending: Ending): Promise<void> {
    this.#isEnding = true;
    this.#log(`breaks off: ${ending}`);
    switch (ending) {
      case "close()":
      case "producer without an end, close()":
        return this.chat.close();
      case "close(reason)":
        return this.chat.close(this.reason);
      case "signal":
        return this.signal.abort(this.reason);
      case "discardBuffers(), closeWhenDone()":
        this.#discard();
        return this.#closeWhenDone();
      case "discardBuffers(), close()":
        this.#discard();
        return this.chat.close();
      case "closeWhenDone(), close()":
        this.#closeWhenDone();
        this.ending = "waits between closeWhenDone() and close()";
        await this.#delay(this.#random.end.below(10));
        return this.chat.close();
      case "vanish":
        return this.#breakConnection();
    }
  }

  #discard(): void {
    this.#hasDiscarded = true;
    this.framesAreKnown = false;
    this.chat.discardBuffers();
  }

  #closeWhenDone(): void {
    this.#isEnding = true;
    this.#log("closeWhenDone()");
    this.#note("closeWhenDone()", this.chat.closeWhenDone());
  }

  async #using(tasks: Promise<unknown>): Promise<void> {
    try {
      await using _chat = this.chat;
      await this.#all(tasks);
    } catch (error) {
      if (!this.#allowsLoss(error)) this.#fail(`await using: ${describe(error)}`);
    }
  }

  async #all(tasks: Promise<unknown>): Promise<void> {
    this.ending = "waits until all is sent and read";
    await tasks.catch(() => {});
  }

  async #moment(tasks: Promise<unknown>): Promise<void> {
    const { after, count } = this.plan.moment;
    this.ending = `waits for ${count} ${after}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reached = new Promise<void>((resolve) => {
      if (after === "milliseconds") timer = setTimeout(resolve, count);
      else {
        const isReached = (): boolean => (after === "sent" ? this.sent : this.received) >= count;
        this.#isMoment = () => isReached() && resolve();
        this.#isMoment();
      }
    });
    await Promise.race([reached, tasks.catch(() => {})]);
    clearTimeout(timer);
  }

  async #untilPeerIsOver(): Promise<void> {
    this.writing = this.reading = "is silent";
    while (!this.peer.#isOver) await this.#delay(5);
  }
}

type Way =
  | "read()"
  | "readBytes()"
  | "readText()"
  | "read() with a timeout"
  | "read() with a signal"
  | "reads at once"
  | "read() of too much"
  | "stream()"
  | "a loop"
  | "batches()";

const WAYS: readonly Way[] = [
  "read()",
  "readBytes()",
  "readText()",
  "read() with a timeout",
  "read() with a signal",
  "reads at once",
  "read() of too much",
  "stream()",
];

const STICKY_WAYS: readonly Way[] = [...WAYS, "a loop", "a loop", "batches()", "batches()"];

/** Sets it where that makes a difference: a count of 0 that was set has one frame at the end of the stream. */
function setTerminator(chat: Chat<Frame>, terminator: Terminator): void {
  if (chat.terminator !== terminator || terminator === 0) chat.terminator = terminator;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.stack ?? value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return JSON.stringify(value)?.slice(0, 100) ?? String(value);
}
