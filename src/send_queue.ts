// The queue of what was pushed and is not sent.

import { OutgoingBytes } from "./chat/outgoing_bytes.ts";
import { isData, isProducer, type Producer, Production } from "./chat/producer.ts";
import { type Data, toBytes } from "./common/bytes.ts";
import { checkLimit, describe, typeName } from "./common/checks.ts";
import { Deferred, quiet } from "./common/deferred.ts";
import { Fifo } from "./common/fifo.ts";
import type { Encoding } from "./common/latin1.ts";
import { atEndOfTurn, Steps } from "./common/turns.ts";
import { BackpressureError, ChatError, ClosedError, ProducerError } from "./errors.ts";

/** How much may wait to be sent. */
export interface SendQueueOptions {
  /** `push()` resolves at once while fewer bytes than this wait. Default: 64 KiB. */
  highWaterMark?: number | undefined;
  /** A push that finds more bytes than this waiting closes the chat. Default: 16 MiB. */
  maxQueuedBytes?: number | undefined;
}

/**
 * What a producer that waits adds to the bytes that wait, so that a loop that pushes nothing else meets a limit, too; and
 * what a `flush()` that waits does, because the bytes behind it are gathered apart from those before it.
 */
const WEIGHT = 1024;

/** What most pushes return: there is room. */
const ROOM: Promise<void> = Promise.resolve();

/** What the queue calls, each time with its owner. */
export interface Sending<Owner> {
  /** Hands bytes to the transport, and resolves when it has taken them all. */
  write(owner: Owner, bytes: Uint8Array): Promise<void>;
  /** Is told, once, why the queue could not go on: what waited is dropped by then. */
  onFailure(owner: Owner, error: Error): void;
}

/** What waits: data, a producer, or somebody who wants to know when all before it is sent. */
type Entry = OutgoingBytes | Production | Deferred;

/**
 * Data and producers, first in, first out, written one after the other.
 *
 * ```text
 *   push() ──▶ [ bytes ][ producer ][ bytes ][ marker ] ──▶ one write at a time ──▶ connection
 *                 ▲          └ asked for a piece when the transport took the one before
 *                 └ adjacent data is gathered here, also while a write is under way
 *
 *   empty ──push()──▶ gathering ──the turn of the event loop ends, or hurry()──▶ writing ──all is written──▶ empty
 *                         ▲                                                          │
 *                         └───────────── a little was pushed meanwhile ──────────────┘
 * ```
 *
 * It is the turn that ends the gathering, and not the number of microtasks, so that the program may await what it likes
 * between two pushes: 1,000 pipelined batches of 16 answers took 2,008, 4,004 and 6,003 writes on Node, Deno and Bun,
 * and take 1,000.
 */
export class SendQueue<Owner = unknown> {
  readonly #owner: Owner;
  readonly #sending: Sending<Owner>;
  readonly #highWaterMark: number;
  readonly #maxQueuedBytes: number;
  readonly #longestWrite: number;
  readonly #encoding: Encoding;

  readonly #entries: Fifo<Entry> = new Fifo();
  /** How long the arrays are that were written lately. */
  #usual = 0;
  /** Bytes not written yet, those of the write under way included, and the weight of what is none. */
  #waiting = 0;
  /** How many producers wait, and how many markers. */
  #weights = 0;
  /** The bytes among them that are being written. */
  #underWay = 0;
  /** The bytes among them that were gathered, and are written one after the other. */
  #leftOfGathered = 0;
  /** Whether more is waited for before the next write. */
  #gathering = false;
  /** Whether anything is gathered or written. */
  #busy = false;
  readonly #steps = new Steps();
  #room: Deferred | undefined;
  /** Why nothing more is accepted. */
  #refusal: Error | undefined;
  #dropped = false;
  /** Whether anything that was pushed was dropped. */
  #lost = false;

  /**
   * @param owner Whose bytes they are: handed to what is called, so that one function serves all chats.
   * @param sending What becomes of them.
   * @param options How much may wait.
   * @param longestWrite The most that is written at a time, for those who must see it go on.
   */
  constructor(
    owner: Owner,
    sending: Sending<Owner>,
    { highWaterMark = 64 * 1024, maxQueuedBytes = 16 * 1024 * 1024, encoding = "utf-8" }:
      & SendQueueOptions
      & { readonly encoding?: Encoding | undefined },
    longestWrite: number = Infinity,
  ) {
    this.#encoding = encoding;
    this.#longestWrite = longestWrite;
    this.#owner = owner;
    this.#sending = sending;
    // An empty queue has room, whatever the mark.
    this.#highWaterMark = Math.max(1, checkLimit("highWaterMark", highWaterMark));
    this.#maxQueuedBytes = checkLimit("maxQueuedBytes", maxQueuedBytes);
  }

  /** Whether more is accepted. */
  get isOpen(): boolean {
    return this.#refusal === undefined;
  }

  /** Whether all that was pushed is with the transport. */
  get isEmpty(): boolean {
    return !this.#busy;
  }

  /** How many bytes wait, those of a write that is under way included, and those not that producers have not produced. */
  get queued(): number {
    return this.#waiting - this.#weights * WEIGHT;
  }

  /** Queues data and producers. Resolves when there is room for more; rejects if they will not be sent. */
  push(items: readonly (Data | Producer)[]): Promise<void> {
    for (const item of items) checkItem(item);
    if (this.#encoding === "latin1") items = items.map(toLatin1);
    if (this.#refusal === undefined && this.#waiting > this.#maxQueuedBytes) {
      this.#fail(new BackpressureError(this.#maxQueuedBytes, this.#waiting));
    }
    if (this.#refusal !== undefined) {
      for (const item of items) if (!isData(item)) void new Production(item).abandon();
      return quiet(Promise.reject(this.#refusal));
    }
    for (const item of items) this.#add(item);
    if (items.length > 0 && !this.#busy) this.#gather();
    if (this.#waiting < this.#highWaterMark) return ROOM;
    this.hurry();
    return (this.#room ??= new Deferred()).promise;
  }

  /** Resolves when all that was pushed so far is with the transport; rejects if that will not happen. */
  flush(): Promise<void> {
    if (this.#lost) return quiet(Promise.reject(this.#refusal));
    this.hurry();
    if (!this.#busy) return Promise.resolve(); // also where all that was gathered has been discarded
    const { last } = this.#entries;
    if (last instanceof Deferred) return last.promise;
    const reached = new Deferred();
    this.#addWeighty(reached);
    return reached.promise;
  }

  /** Writes what was pushed so far, and does not wait for more of it. */
  hurry(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#leftOfGathered = this.queued;
    void this.#drain();
  }

  /** Accepts no more, and resolves when all is with the transport that was not discarded. */
  async end(): Promise<void> {
    this.#refusal ??= new ClosedError(
      "the sending side of this chat is closed: nothing can be pushed",
    );
    // A flush rejects when what was pushed is discarded, and then what was pushed after that is waited for.
    while (this.#busy && !this.#lost) await Promise.allSettled([this.flush()]);
    if (this.#lost) throw this.#refusal;
  }

  /**
   * Drops all that was not sent, save what is being written, and goes on. Whoever waits for it to be sent is told so.
   * @returns How many bytes were dropped, not counting what producers have not produced.
   */
  discard(): number {
    if (this.#dropped) return 0;
    const entries = this.#entries.clear();
    const dropped = this.queued - this.#underWay;
    this.#waiting = this.#underWay;
    this.#weights = 0;
    this.#took(0);
    // Last: a producer may push when it is told.
    tell(entries, new ChatError("discarded", "what was pushed was dropped by discardBuffers()"));
    return dropped;
  }

  /** Accepts no more, and drops all that was not sent: whoever waits for it is told why. */
  drop(reason: Error): void {
    if (this.#dropped) return;
    this.#refusal = reason;
    this.#dropped = true;
    this.#lost = this.#busy;
    this.#waiting = 0;
    this.#weights = 0;
    this.#room?.reject(reason);
    tell(this.#entries.clear(), reason);
  }

  #add(item: Data | Producer): void {
    if (!isData(item)) {
      return this.#addWeighty(new Production(item));
    }
    let last = this.#entries.last;
    if (!(last instanceof OutgoingBytes)) {
      this.#entries.push(last = new OutgoingBytes(this.#usual));
    }
    this.#waiting += last.add(typeof item === "string" ? item : toBytes("data", item));
  }

  #addWeighty(entry: Production | Deferred): void {
    this.#entries.push(entry);
    this.#weights++;
    this.#waiting += WEIGHT;
  }

  #shiftWeighty(): void {
    this.#entries.shift();
    this.#weights--;
    this.#took(WEIGHT);
  }

  /** Waits for what else is pushed in this turn of the event loop, so that it is written together, unless there is a hurry. */
  #gather(): void {
    this.#busy = this.#gathering = true;
    // Most often there is one before anything else is done.
    queueMicrotask(() => {
      if (this.#gathering) atEndOfTurn(() => this.hurry());
    });
  }

  async #drain(): Promise<void> {
    try {
      for (let entry = this.#entries.first; entry !== undefined; entry = this.#entries.first) {
        const turn = this.#steps.dueTurn();
        if (turn !== undefined) await turn;
        else if (this.#isLittle) return this.#gather();
        else if (entry instanceof OutgoingBytes) await this.#sendSome(entry);
        else if (entry instanceof Production) await this.#sendPiece(entry);
        else {
          this.#shiftWeighty();
          entry.resolve();
        }
      }
    } catch (error) {
      this.#fail(error as Error);
    }
    this.#busy = false;
  }

  /** Whether so little came while the rest was written that more may be waited for: nothing waits for it to be sent. */
  get #isLittle(): boolean {
    return this.#leftOfGathered <= 0 && this.#entries.length === 1 && this.queued > 0 &&
      this.#waiting < this.#highWaterMark;
  }

  /**
   * Writes the first array that waits, or removes the entry if there is none: in one step, because what is pushed
   * between the two would be lost.
   */
  #sendSome(entry: OutgoingBytes): Promise<void> | undefined {
    const bytes = entry.take();
    if (bytes !== undefined) return this.#send(bytes, bytes.length);
    this.#usual = entry.usual;
    this.#entries.shift();
    return undefined;
  }

  async #sendPiece(production: Production): Promise<void> {
    let pieces: Uint8Array[] | undefined;
    try {
      pieces = (await production.next())?.map((piece) => toBytes("a piece", piece, this.#encoding));
    } catch (error) {
      if (this.#entries.first !== production) return;
      throw new ProducerError(`a producer failed: ${describe(error)}`, { cause: error });
    }
    if (this.#entries.first !== production) return; // it was dropped while it produced
    if (pieces === undefined) {
      return this.#shiftWeighty();
    }
    for (const piece of pieces) {
      if (this.#entries.first !== production) return;
      await this.#send(piece, 0);
    }
  }

  async #send(bytes: Uint8Array, counted: number): Promise<void> {
    this.#underWay = counted;
    for (let at = 0; at < bytes.length && !this.#dropped;) {
      const part = bytes.length > this.#longestWrite
        ? bytes.subarray(at, at + this.#longestWrite)
        : bytes;
      await this.#sending.write(this.#owner, part);
      at += part.length;
      if (at < bytes.length) await this.#steps.dueTurn();
    }
    this.#underWay = 0;
    this.#leftOfGathered -= counted;
    this.#took(counted);
  }

  #took(weight: number): void {
    if (this.#dropped) return;
    this.#waiting -= weight;
    if (this.#waiting >= this.#highWaterMark) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #fail(error: Error): void {
    if (this.#dropped) return;
    this.drop(error);
    this.#sending.onFailure(this.#owner, error);
  }
}

/** Tells those who wait for entries that were dropped, and the producers among them. */
function tell(entries: readonly Entry[], reason: Error): void {
  for (const entry of entries) {
    if (entry instanceof Deferred) entry.reject(reason);
    else if (entry instanceof Production) void entry.abandon();
  }
}

function toLatin1(item: Data | Producer): Data | Producer {
  return typeof item === "string" ? toBytes("what is pushed", item, "latin1") : item;
}

function checkItem(item: unknown): void {
  if (isData(item) || isProducer(item)) return;
  throw new TypeError(
    `push() takes strings, Uint8Arrays and iterables of them, not ${typeName(item)}` +
      (typeof item === "function" ? ": call it" : ""),
  );
}
