// The way out: what was pushed and is not sent.

import { type Data, toBytes } from "../common/bytes.ts";
import { checkLimit } from "../common/checks.ts";
import { Deferred, NOW, rejected } from "../common/deferred.ts";
import { Fifo } from "../common/fifo.ts";
import type { Encoding } from "../common/latin1.ts";
import { afterMicrotasks, atEndOfTurn, Yielder } from "../common/turns.ts";
import type { Connection } from "../connection/connection.ts";
import { BackpressureError, ChatError, ClosedError, type ProducerError } from "../errors.ts";
import type { IdleTimer } from "./idle_timer.ts";
import type { Line } from "./inbound.ts";
import { OutgoingBytes } from "./outgoing_bytes.ts";
import { checkItem, isData, type Producer, type ProducerQueue, ProducerRun } from "./producer.ts";

/**
 * What a producer, or a `flush()`, that waits adds to the bytes that wait, so that a loop that pushes nothing else meets a
 * limit, too.
 */
const ENTRY_COST = 1024;

/** With an `idleTimeout` no more is written at a time: each write that is taken shows that the peer is not silent. */
const LONGEST_TIMED_WRITE = 64 * 1024;

/** What most pushes return: there is room. */
const ROOM: Promise<void> = NOW;

/** What the owner is told, with itself, so that one object serves all chats. */
export interface OutboundEvents<Owner> extends Line<Owner> {
  /** How much may wait, and how strings become bytes. */
  limitsOf(owner: Owner): Limits;
  /** Sending has failed: the owner calls `drop()`. */
  onSendFailure(owner: Owner, reason: unknown): void;
  /** Nothing that is asked of the connection can fail any more. */
  onRest(owner: Owner): void;
}

/** Someone who waits until the bytes up to a position are with the transport. */
interface Flush {
  readonly position: number;
  readonly reached: Deferred;
}

/**
 * Data and producers, first in, first out, written one after the other.
 *
 * ```text
 *   push() ──▶ ready: one block of bytes ──────────▶ one write at a time ──▶ connection
 *                ▲        ▲ pieces, while there is room
 *                │     [ producer ][ bytes ][ flush ][ producer ] ◀── push(), while a producer is before it
 *                └─────────────────┘ when that producer has ended
 *
 *            push(), a piece               the turn ends, hurry(), or the mark is reached
 *   idle ─────────────────────▶ gathering ────────────────────────────────────────────────▶ writing
 *    ▲ ▲                           ▲  └ discard()                                           │ │
 *    │ └───────────────────────────┼──┘                                                     │ │
 *    │                             └───────────── only a little came meanwhile ─────────────┘ │
 *    └─────────────────────────────────────────── all is written ─────────────────────────────┘
 *
 *   end(), when idle ──▶ ending ──▶ idle       any of them ── drop(): closed, or broken ──▶ dropped, or lost
 * ```
 *
 * It is the turn of the event loop that ends the gathering, and not the number of microtasks, so that the program may await
 * what it likes between two pushes: 1,000 pipelined batches of 16 answers took 2,008, 4,004 and 6,003 writes on Node, Deno
 * and Bun, and take 1,000.
 */
export class Outbound<Owner> implements ProducerQueue {
  readonly #owner: Owner;
  readonly #events: OutboundEvents<Owner>;

  #state: "idle" | "gathering" | "writing" | "ending" | "dropped" | "lost" = "idle";
  /** Why nothing more is accepted. A message becomes an error when it is told: the stack of one takes some 10 µs on Node. */
  #refusal: Error | string | undefined;
  /** What is left of a long array that is written part by part. */
  #rest: Uint8Array | undefined;
  #ready: OutgoingBytes | undefined;
  /** A producer that is being drained, and what was pushed after it. */
  #later: Fifo<ProducerRun | OutgoingBytes | Deferred> = Fifo.EMPTY;
  #flushes: Fifo<Flush> = Fifo.EMPTY;
  /** How long the arrays are that were written lately. */
  #usual = 0;

  /** How many bytes wait that were pushed, and how many that producers have yielded: what is being written, too. */
  #pushed = 0;
  #pulled = 0;
  /** How many of those that were pushed are behind a producer, how many are being written, and how many were. */
  #behind = 0;
  #underWay = 0;
  #written = 0;
  /** Up to which position nothing more is waited for. */
  #due = 0;
  /** What is added by producers and flushes that wait. */
  #cost = 0;
  #room: Deferred | undefined;
  #yielder: Yielder | undefined;

  /**
   * @param owner Whose bytes they are.
   * @param events What the owner is asked and told.
   */
  constructor(owner: Owner, events: OutboundEvents<Owner>) {
    this.#owner = owner;
    this.#events = events;
  }

  /** Whether more is accepted. */
  get isOpen(): boolean {
    return this.#refusal === undefined;
  }

  /** Whether all that was pushed is with the transport, or was dropped. */
  get isEmpty(): boolean {
    return !this.#hasUnsent && this.#state !== "ending";
  }

  /** Whether what is ready waits for more. */
  get isGathering(): boolean {
    return this.#state === "gathering";
  }

  /** Whether anything that was pushed was dropped because the chat has ended. */
  get hasLost(): boolean {
    return this.#state === "lost";
  }

  /** Whether a write, or the end of the direction, is under way, and may yet fail. */
  get isAsking(): boolean {
    return this.#underWay > 0 || this.#state === "ending";
  }

  /** How many bytes wait, those of a write that is under way included. */
  get queued(): number {
    return this.#pushed + this.#pulled;
  }

  /** How many bytes the transport has taken. */
  get written(): number {
    return this.#written;
  }

  /** Queues data and producers. Resolves when there is room for more; rejects if they will not be sent. */
  push(items: readonly (Data | Producer)[]): Promise<void> {
    for (const item of items) checkItem(item);
    const { highWaterMark, maxQueuedBytes, encoding } = this.#limits;
    if (encoding === "latin1") items = items.map(toLatin1);
    if (this.#refusal === undefined && this.#waiting > maxQueuedBytes) {
      const error = new BackpressureError(maxQueuedBytes, this.#waiting);
      this.#events.onSendFailure(this.#owner, error);
    }
    if (this.#refusal !== undefined) {
      for (const item of items) if (!isData(item)) this.#begin(item).release();
      return rejected(this.#refusalError());
    }
    for (const item of items) this.#add(item);
    if (this.#waiting < highWaterMark) return ROOM;
    this.hurry();
    return this.#waiting < highWaterMark ? ROOM : (this.#room ??= new Deferred()).promise;
  }

  /** Resolves when all that was pushed so far is with the transport; rejects if that will not happen. */
  flush(): Promise<void> {
    if (this.hasLost) return rejected(this.#refusalError());
    if (this.#later.length === 0) return this.#whenWritten();
    this.hurry();
    const { last } = this.#later;
    if (last instanceof Deferred) return last.promise;
    const reached = new Deferred();
    this.#later = this.#later.with(reached);
    this.#cost += ENTRY_COST;
    return reached.promise;
  }

  /** Writes what is ready, and does not wait for more of it. */
  hurry(): void {
    if (!this.isGathering) return;
    this.#due = this.#position;
    void this.#write();
  }

  /** Accepts no more, and ends the direction when all is with the transport that was not discarded. */
  async end(): Promise<void> {
    this.#refusal ??= "the sending side of this chat is closed: nothing can be pushed";
    // A flush rejects when what was pushed is discarded, and what was pushed after that is waited for.
    while (this.#hasUnsent && !this.hasLost) await Promise.allSettled([this.flush()]);
    if (this.hasLost) throw this.#refusalError();
    if (this.#isDropped) return;
    this.#state = "ending";
    try {
      await this.#handshake;
      this.#idleTimer.begin("write");
      await this.#connection.closeWrite();
    } finally {
      this.#idleTimer.end("write");
      if (this.#state === "ending") this.#state = "idle";
    }
  }

  /**
   * Drops all that was not sent, except what is being written, and goes on. A `flush()` that waits rejects.
   * @returns How many bytes were dropped, not counting what producers have not produced.
   */
  discard(): number {
    if (this.#isDropped) return 0;
    const dropped = this.queued - this.#underWay;
    const fromPushed = Math.min(this.#underWay, this.#pushed - this.#behind);
    this.#pushed = fromPushed;
    this.#pulled = this.#underWay - fromPushed;
    this.#due = 0;
    if (this.#state === "gathering") this.#state = "idle";
    const error = new ChatError("discarded", "what was pushed was dropped by discardBuffers()");
    this.#clear(() => error);
    this.#makeRoom();
    return dropped;
  }

  /** Accepts no more, and drops all that was not sent: pushes and flushes that wait reject with the reason. */
  drop(reason: Error | string): void {
    if (this.#isDropped) return;
    this.#refusal = reason;
    this.#state = this.#hasUnsent ? "lost" : "dropped";
    this.#pushed = this.#pulled = this.#underWay = 0;
    this.#rest = undefined;
    this.#room?.reject(this.#refusalError());
    this.#clear(() => this.#refusalError());
  }

  isReadyFor(run: ProducerRun): boolean {
    const { highWaterMark } = this.#limits;
    return run === this.#later.first && this.#pulled < highWaterMark &&
      this.#pushed - this.#behind < highWaterMark;
  }

  addPiece(piece: Data): void {
    // A producer that gives no more before something happens outside waits for it, and what it has given does not.
    if (this.#state === "idle") afterMicrotasks(() => this.hurry());
    this.#pulled += this.#addReady(piece);
    if (this.#pulled >= this.#limits.highWaterMark) this.hurry();
  }

  onProducerEnd(run: ProducerRun, failure?: ProducerError): void {
    if (run !== this.#later.first) return;
    if (failure !== undefined) {
      // What came before it is sent. If that is discarded, the producer is, too.
      const fail = (): void => this.#events.onSendFailure(this.#owner, failure);
      return void this.#whenWritten().then(fail, () => {});
    }
    this.#later.shift();
    this.#takeCost();
    this.#advance();
  }

  /** What counts for the limits. */
  get #waiting(): number {
    return this.#pushed + this.#cost;
  }

  /** How many bytes were ready so far. */
  get #position(): number {
    return this.#written + this.queued - this.#behind;
  }

  /** Resolves when what is ready now is with the transport; rejects if it will not be. */
  #whenWritten(): Promise<void> {
    this.hurry();
    const position = this.#position;
    if (position === this.#written) return ROOM;
    const { last } = this.#flushes;
    if (last?.position === position) return last.reached.promise;
    const reached = new Deferred();
    this.#flushes = this.#flushes.with({ position, reached });
    this.#cost += ENTRY_COST;
    return reached.promise;
  }

  #begin(producer: Producer): ProducerRun {
    return new ProducerRun(this, producer, this.#limits.encoding);
  }

  #add(item: Data | Producer): void {
    if (!isData(item)) {
      const run = this.#begin(item);
      this.#later = this.#later.with(run);
      this.#cost += ENTRY_COST;
      if (run === this.#later.first) run.wake();
    } else if (this.#later.length === 0) this.#pushed += this.#addReady(item);
    else this.#addBehind(item);
  }

  #addBehind(data: Data): void {
    let { last } = this.#later;
    if (!(last instanceof OutgoingBytes)) {
      last = new OutgoingBytes(this.#usual);
      this.#later = this.#later.with(last);
    }
    const count = last.add(data);
    this.#pushed += count;
    this.#behind += count;
  }

  #addReady(data: Data): number {
    if (this.#state === "idle") this.#gather();
    return (this.#ready ??= new OutgoingBytes(this.#usual)).add(data);
  }

  /** Makes ready what was pushed after a producer that has ended, up to the next one. */
  #advance(): void {
    for (let entry = this.#later.first; entry !== undefined; entry = this.#later.first) {
      if (entry instanceof ProducerRun) {
        entry.wake();
        break;
      }
      this.#later.shift();
      if (entry instanceof Deferred) {
        this.#flushes = this.#flushes.with({ position: this.#position, reached: entry });
      } else {
        for (let array = entry.take(); array !== undefined; array = entry.take()) {
          this.#behind -= this.#addReady(array);
        }
      }
    }
    this.#resolveFlushes();
    if (this.#flushes.length > 0) this.hurry();
  }

  /** Waits for what else comes in this turn of the event loop, so that it is written together. */
  #gather(): void {
    this.#state = "gathering";
    if (gathering.push(this) === 1) void NOW.then(hurryAtEndOfTurn);
  }

  /** One promise a write: what it costs decides how many answers a server gives in a second. */
  async #write(): Promise<void> {
    this.#state = "writing";
    try {
      while (this.#state === "writing" && !this.#isLittle) {
        const bytes = this.#takePart();
        if (bytes === undefined) break;
        const handshake = this.#handshake;
        if (handshake !== undefined) await handshake;
        this.#idleTimer.begin("write");
        const taken = this.#connection.write(bytes);
        // What a socket takes at once need not be waited for.
        if (taken !== NOW) await taken;
        this.#idleTimer.end("write");
        this.#onTaken(bytes.length);
        const turn = (this.#yielder ??= new Yielder()).maybeYield();
        if (turn !== undefined) await turn;
      }
    } catch (reason) {
      this.#idleTimer.end("write");
      if (!this.#isDropped) this.#events.onSendFailure(this.#owner, reason);
    }
    if (this.#state !== "writing") return;
    if (this.#position > this.#written) return this.#gather();
    this.#state = "idle";
    this.#usual = this.#ready?.usual ?? 0;
    this.#ready = undefined;
    this.#events.onRest(this.#owner);
  }

  /** Whether so little came while the rest was written that more may be waited for: no flush waits for it. */
  get #isLittle(): boolean {
    const { highWaterMark } = this.#limits;
    return this.#written >= this.#due && this.#underWay === 0 && this.#flushes.length === 0 &&
      this.#pulled < highWaterMark && this.#waiting < highWaterMark;
  }

  #takePart(): Uint8Array | undefined {
    const bytes = this.#rest ?? this.#ready?.take();
    this.#rest = undefined;
    this.#underWay = bytes?.length ?? 0;
    if (this.#underWay <= LONGEST_TIMED_WRITE || !this.#idleTimer.isNeeded) return bytes;
    this.#rest = bytes!.subarray(LONGEST_TIMED_WRITE);
    return bytes!.subarray(0, LONGEST_TIMED_WRITE);
  }

  #onTaken(count: number): void {
    this.#written += count;
    if (this.#isDropped) return;
    const fromPushed = Math.min(count, this.#pushed - this.#behind);
    this.#pushed -= fromPushed;
    this.#pulled -= count - fromPushed;
    this.#underWay -= count;
    this.#resolveFlushes();
    this.#makeRoom();
  }

  #resolveFlushes(): void {
    for (let flush = this.#flushes.first; flush !== undefined; flush = this.#flushes.first) {
      if (flush.position > this.#written) return;
      this.#flushes.shift();
      this.#takeCost();
      flush.reached.resolve();
    }
  }

  #takeCost(): void {
    this.#cost -= ENTRY_COST;
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.#room !== undefined && this.#waiting < this.#limits.highWaterMark) {
      this.#room.resolve();
      this.#room = undefined;
    }
    const { first } = this.#later;
    if (first instanceof ProducerRun && this.isReadyFor(first)) first.wake();
  }

  #refusalError(): Error {
    const refusal = this.#refusal!;
    return this.#refusal = typeof refusal === "string" ? new ClosedError(refusal) : refusal;
  }

  #clear(reason: () => Error): void {
    const entries = this.#later.clear();
    const flushes = this.#flushes.clear();
    this.#ready = undefined;
    this.#behind = this.#cost = 0;
    for (const { reached } of flushes) reached.reject(reason());
    // Last: a producer may push when it is told.
    for (const entry of entries) {
      if (entry instanceof Deferred) entry.reject(reason());
      else if (entry instanceof ProducerRun) entry.release();
    }
  }

  get #limits(): Limits {
    return this.#events.limitsOf(this.#owner);
  }

  get #connection(): Connection {
    return this.#events.connectionOf(this.#owner);
  }

  get #handshake(): Promise<void> | undefined {
    return this.#events.handshakeOf(this.#owner);
  }

  get #idleTimer(): IdleTimer {
    return this.#events.idleTimerOf(this.#owner);
  }

  get #isDropped(): boolean {
    return this.#state === "dropped" || this.#state === "lost";
  }

  get #hasUnsent(): boolean {
    return this.queued > 0 || this.#later.length > 0;
  }
}

/** Those who have begun to gather: a broadcast has thousands. Most often `hurry()` is called before anything else is done. */
let gathering: Pick<Outbound<unknown>, "isGathering" | "hurry">[] = [];

function hurryAtEndOfTurn(): void {
  const all = gathering.filter((outbound) => outbound.isGathering);
  gathering = [];
  if (all.length > 0) {
    atEndOfTurn(() => {
      for (const outbound of all) outbound.hurry();
    });
  }
}

/** How much may wait, and how strings become bytes. */
export interface Limits {
  readonly highWaterMark: number;
  readonly maxQueuedBytes: number;
  readonly encoding: Encoding;
}

/** What was made last: the chats of a server, which all have the same, share it. */
let lastLimits: Limits | undefined;

/**
 * Checks how much may wait.
 * @throws {TypeError | RangeError} If it is not a number of bytes.
 */
export function toLimits(
  options: { readonly [Name in keyof Limits]?: Limits[Name] | undefined },
): Limits {
  const { maxQueuedBytes = 16 * 1024 * 1024, encoding = "utf-8" } = options;
  let { highWaterMark = 64 * 1024 } = options;
  // An empty queue has room, whatever the mark.
  highWaterMark = Math.max(1, checkLimit("highWaterMark", highWaterMark));
  checkLimit("maxQueuedBytes", maxQueuedBytes);
  const isSame = highWaterMark === lastLimits?.highWaterMark &&
    maxQueuedBytes === lastLimits.maxQueuedBytes && encoding === lastLimits.encoding;
  if (isSame) return lastLimits!;
  return lastLimits = { highWaterMark, maxQueuedBytes, encoding };
}

function toLatin1(item: Data | Producer): Data | Producer {
  return typeof item === "string" ? toBytes("what is pushed", item, "latin1") : item;
}
