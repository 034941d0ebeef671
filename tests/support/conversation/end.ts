/** One end of a conversation: a chat, or several that follow each other on one connection, and what a program knows of them. */
import { Buffer } from "node:buffer";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  type Connection,
  type Data,
  delimited,
  type Frame,
  FrameTooLongError,
  IncompleteFrameError,
  lengthPrefixed,
  type Producer,
  type Terminator,
  TimeoutError,
} from "../../../mod.ts";
import { chaos } from "../../../src/testing/mod.ts";
import { bytes, concat } from "../bytes.ts";
import { CountingSignal } from "../counting_signal.ts";
import { StrictConnection } from "../strict_connection.ts";
import { PlannedProducer } from "./producers.ts";
import type { Closing, Ending, GiveUp, Item, Operation, Options, Weather } from "./script.ts";

/** Terminators that are kept: the frames together are the bytes. */
const LINE = delimited("\n", { keep: true });
const PREFIXED = lengthPrefixed({ bytes: 1, strip: 0 });

/** After how many frames a loop is left: there is no end to empty ones. */
const MOST_FRAMES = 200;
/** No line that is sent is longer. */
const LONGEST_LINE = 1_000;

const REASON = new Error("enough");
const ABORTED = new Error("given up");

/** Something that was pushed: what of it exists so far. */
interface Sent {
  readonly pieces: Uint8Array[];
  isWhole: boolean;
}

/** A chat, and what the program that has it knows of it. */
interface Talk {
  readonly chat: Chat<Frame>;
  readonly signal: CountingSignal;
  /** Whether `closed` has resolved, and the error that it says. */
  isOver: boolean;
  error?: Error | undefined;
  isDetached: boolean;
  isClosed: boolean;
  /** Whether the program has ended its sending, or its reading. */
  endsWrites: boolean;
  endsReads: boolean;
  /** Whether the program has asked for a frame. */
  hasAsked: boolean;
  /** What the first call gave. */
  writeClosed?: Promise<void>;
  done?: Promise<void>;
}

/** What asks for frames. */
const ASKING: ReadonlySet<string> = new Set(
  [
    "read",
    "readBytes",
    "readText",
    "loop",
    "next, and leave",
    "batches",
    "stream",
  ] satisfies Operation["op"][],
);

export class End {
  peer!: End;
  readonly #raw: Connection;
  readonly #connection: StrictConnection;
  readonly #options: Options;
  /** Several, if the connection was handed on. */
  readonly #talks: Talk[] = [];
  readonly #signals: CountingSignal[] = [];
  /** What was pushed, in order, in parts that `discardBuffers()` has parted. */
  readonly #sent: Sent[][] = [[]];
  /** Arrays that were pushed and not flushed: until then they are the chat's. */
  #lent: Uint8Array[] = [];
  /** What was handed out, in the order in which it was asked for. */
  readonly #slots: Uint8Array[][] = [];
  /** How many frames were handed out, where that is known. */
  #frames: number | undefined = 0;
  #framesSent = 0;
  /** Whether frames were dropped on the way, as the program, or a limit, has said. */
  #hasGaps: boolean;
  /** Whether a count of 0 was ever in force, which gives no frame any more at the end, whatever is left. */
  #hasZero = false;
  /** Whether a read has met the end of the stream. */
  #sawEnd = false;
  /** Whether something was refused, though the program had not ended its sending. */
  #wasRefused = false;
  /** Whether the chat says that all was sent, and the direction ended. */
  #isAllSent = false;
  /** The codes of errors that this end has given reason for. */
  readonly #codes: Set<string> = new Set(["frame-injection"]);
  /** Whether something was done at this end, or happens to it, that may break the connection. */
  #mayBreak: boolean;
  readonly #accepted: PlannedProducer[] = [];
  readonly #refused: PlannedProducer[] = [];
  /** What `closed` says, of each chat. */
  readonly #closedWith: (Error | undefined)[] = [];
  /** Whether anything that was asked for before it was closed has said that the connection broke. */
  #isBroken = false;
  readonly #wrongs: string[] = [];
  readonly #waiting: Map<Promise<unknown>, string> = new Map();
  /** Numbered lines that were not sent yet. */
  #stock = "";
  #lines = 0;

  constructor(raw: Connection, options: Options, weather: Weather | undefined) {
    this.#raw = raw;
    this.#connection = new StrictConnection(weather === undefined ? raw : chaos(raw, weather));
    this.#options = options;
    this.#hasGaps = options.incomplete === "drop";
    if (options.idleTimeout !== undefined) this.#codes.add("timeout");
    if ((options.maxQueuedBytes ?? Infinity) < Infinity) this.#codes.add("backpressure");
    const { resetAfter = Infinity, stallAfter = Infinity } = weather ?? {};
    this.#mayBreak = Math.min(resetAfter, stallAfter) < Infinity || this.#codes.size > 1;
    this.#track("connection.closed", this.#connection.closed);
    this.#begin(this.#connection);
  }

  /** What it waits for. */
  get waiting(): string[] {
    return [...this.#waiting.values()];
  }

  /** Resolves when it waits for nothing. */
  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting.keys());
    await this.#connection.settled();
  }

  /** Does it; gives its promise, if there is one. */
  perform(operation: Operation, isStale = false): Promise<unknown> | undefined {
    return this.#try(isStale ? this.#talks[0]! : this.#talks.at(-1)!, operation);
  }

  /** Reads to the end, while what was pushed is sent and the direction ended, and closes. */
  endInOrder(): void {
    this.perform({ op: "terminator", ending: null });
    this.perform({ op: "closeWrite" });
    const reading = this.#loop(this.#talks.at(-1)!, MOST_FRAMES);
    this.#track(
      "the orderly end",
      reading.finally(() => void this.perform({ op: "closeWhenDone" })),
    );
  }

  close(): void {
    for (const talk of this.#talks) {
      if (talk.error !== undefined && !talk.endsWrites) this.#pushLate(talk);
      this.#try(talk, { op: "close" });
    }
  }

  /** Checks that all was sent and has arrived, if there was no reason why it should not. */
  checkWhole(): void {
    if (this.#mayBreak || this.peer.#mayBreak) return;
    assertEquals(this.#closedWith, this.#talks.map(() => undefined));
    assertEquals([this.#isAllSent, this.#connection.isEnded], [true, true], "not all was sent");
  }

  /** Checks what must hold when both ends are closed. */
  check(): void {
    assertEquals(this.#wrongs, []);
    this.#connection.check();
    if (this.#isBroken) assert(this.#closedWith.some(Boolean), "closed does not say what broke");
    for (const producer of this.#accepted) producer.check(false);
    for (const producer of this.#refused) producer.check(true);
    const listeners = this.#signals.reduce((sum, signal) => sum + signal.listeners, 0);
    assertStrictEquals(listeners, 0, "it still listens to a signal");
    this.#checkStats();
    this.#checkFrames();
    this.#checkArrival();
  }

  #checkStats(): void {
    const sum = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0, queued: 0 };
    for (const { chat: { stats } } of this.#talks) {
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += stats[name];
    }
    const { bytesIn, ...others } = sum;
    const received = concat(this.#connection.received).length;
    assert(bytesIn <= received, `stats.bytesIn is ${bytesIn}, and ${received} bytes came`);
    assertEquals(others, {
      bytesOut: this.#connection.written,
      framesIn: this.#frames ?? sum.framesIn,
      framesOut: this.#framesSent,
      queued: 0,
    });
  }

  #checkFrames(): void {
    const received = concat(this.#connection.received);
    let at = 0;
    for (const frame of this.#slots.flat()) {
      if (this.#hasGaps) at = indexOf(received, frame, at);
      const isNext = Buffer.compare(frame, received.subarray(at, at + frame.length)) === 0;
      assert(isNext, `a frame of ${frame.length} bytes is out of order, at byte ${at}`);
      at += frame.length;
    }
    if (this.#sawEnd && !this.#hasGaps) assertStrictEquals(at, received.length, "a frame is lost");
  }

  /** Checks that what has arrived is what the peer has sent, or begins like it. */
  #checkArrival(): void {
    const received = concat(this.#connection.received);
    const { peer } = this;
    const parts = peer.#sent.map((part) => concat(part.flatMap(({ pieces }) => pieces)));
    assert(beginsLike(received, parts), "what has arrived is not what was sent");
    if (!peer.#isAllSent || peer.#wasRefused || parts.length > 1) return;
    if (!this.#connection.isEnded) return;
    assertEquals(received.length, parts[0]!.length, "not all has arrived");
    assert(peer.#sent[0]!.every(({ isWhole }) => isWhole), "a producer was not drained");
  }

  /** What comes too late rejects with what `closed` says. */
  #pushLate({ chat, error }: Talk): void {
    const late = chat.push("late").then(() => "it was accepted", (reason) => reason);
    this.#track("late push", late.then((reason) => assertStrictEquals(reason, error)));
  }

  #begin(connection: Connection, unread?: Uint8Array): void {
    const signal = this.#makeSignal();
    const options = { terminator: LINE, ...this.#options, signal };
    const chat = new Chat<Frame>(connection, options, unread);
    const state = { isOver: false, isDetached: false, isClosed: false };
    const talk: Talk = {
      chat,
      signal,
      ...state,
      endsWrites: false,
      endsReads: false,
      hasAsked: false,
    };
    this.#talks.push(talk);
    const closed = chat.closed.then((error) => {
      talk.isOver = true;
      talk.error = error;
      this.#closedWith.push(error);
      if (error !== undefined) throw error;
    });
    this.#track("closed", closed);
  }

  #makeSignal(): CountingSignal {
    const signal = new CountingSignal();
    this.#signals.push(signal);
    return signal;
  }

  #try(talk: Talk, operation: Operation): Promise<unknown> | undefined {
    try {
      return this.#perform(talk, operation);
    } catch (error) {
      this.#wrongs.push(`${operation.op}: ${error}`);
      return undefined;
    }
  }

  #perform(talk: Talk, operation: Operation): Promise<unknown> | undefined {
    const { chat } = talk;
    // `closed` was asked for, and no frame: then the chat answers the peer's end with its own.
    if (!talk.hasAsked) this.#codes.add("closed");
    talk.hasAsked ||= ASKING.has(operation.op);
    switch (operation.op) {
      case "read":
      case "readBytes":
      case "readText":
        return this.#read(talk, operation.op, operation.ending, operation.giveUp);
      case "loop":
        return this.#track("loop", this.#loop(talk, operation.frames));
      case "next, and leave":
        return this.#leave(talk, operation.nexts);
      case "batches":
        return this.#track("batches", this.#batches(talk, operation.batches, operation.frames));
      case "stream":
        return this.#track("stream", this.#stream(talk, operation.ending, operation.pieces));
      case "push":
        return this.#push(talk, operation.items);
      case "send":
        return this.#send(talk);
      case "flush":
        return this.#flush(talk);
      case "terminator":
        chat.terminator = this.#toTerminator(operation.ending)!;
        return undefined;
      case "maxFrameLength":
        this.#codes.add("frame-too-long");
        chat.maxFrameLength = operation.limit;
        return undefined;
      case "stats":
        for (const [name, value] of Object.entries(chat.stats)) {
          assert(Number.isSafeInteger(value) && value >= 0, `stats.${name} is ${value}`);
        }
        return undefined;
      case "wrong":
        assertThrows(() => chat.terminator = -1, RangeError);
        assertThrows(() => chat.push(42 as unknown as string), TypeError);
        return assertRejects(() => chat.read(""), TypeError);
      case "vanish":
        this.#mayBreak = true;
        this.#codes.add("closed");
        return void this.#raw.close();
      case "detach":
        return void this.#detach(talk);
      default:
        return this.#close(talk, operation.op);
    }
  }

  #toTerminator(ending: Ending | undefined): Terminator | undefined {
    this.#hasZero ||= ending === 0;
    return ending === "line" ? LINE : ending === "prefixed" ? PREFIXED : ending;
  }

  #close(talk: Talk, op: Exclude<Closing, "detach">): Promise<unknown> | undefined {
    const { chat } = talk;
    // A chat that is over listens to its signal no more.
    if (op === "abort" && talk.isOver) return undefined;
    if (op === "discardBuffers") {
      this.#hasGaps = true;
      this.#codes.add("discarded");
      this.#sent.push([]);
      const { unread, unsent } = chat.discardBuffers();
      assert(unread >= 0 && unsent >= 0, `${unread} and ${unsent} bytes were dropped`);
      return undefined;
    }
    this.#codes.add("closed");
    talk.endsWrites = true;
    if (op === "closeWrite") {
      const promise = chat.closeWrite();
      assertStrictEquals(promise, talk.writeClosed ??= promise, "another promise");
      return this.#track(op, this.#noteAllSent(talk, promise));
    }
    talk.endsReads = true;
    if (!this.#connection.isEnded) this.#mayBreak = true;
    if (op === "closeWhenDone" || op === "dispose") {
      this.#codes.add("timeout"); // a peer that has sent something, and does not end
      // Disposing may resolve where this rejects: when a read has rejected with what broke.
      const disposed = op === "dispose" ? chat[Symbol.asyncDispose]() : undefined;
      const promise = chat.closeWhenDone();
      if (!talk.isDetached) assertStrictEquals(promise, talk.done ??= promise, "another promise");
      const noted = this.#noteAllSent(talk, promise);
      return this.#track(op, disposed === undefined ? noted : noted.catch(() => disposed));
    }
    this.#mayBreak = talk.isClosed = true;
    if (op !== "close") this.#codes.add("the reason");
    if (op === "abort") talk.signal.abort(REASON);
    else chat.close(op === "close" ? undefined : REASON);
    return undefined;
  }

  async #noteAllSent(talk: Talk, promise: Promise<void>): Promise<void> {
    await promise;
    if (!talk.isClosed && !talk.isDetached) this.#isAllSent = true;
  }

  #detach(talk: Talk): void {
    const { chat } = talk;
    let detached: ReturnType<Chat["detach"]>;
    try {
      detached = chat.detach();
    } catch (error) {
      assertInstanceOf(error, ChatError);
      assert(error instanceof ClosedError || error.code === "unsent", `${error}`);
      return;
    }
    assert(!talk.endsReads, "it was closed, or closing, and detached");
    this.#codes.add("closed");
    // The direction has ended: what the next chat pushes is refused by the connection, which closes that chat.
    if (talk.endsWrites) this.#mayBreak = true;
    talk.isDetached = talk.endsReads = talk.endsWrites = true;
    this.#isAllSent = false; // the next chat may push more
    this.#begin(detached.connection, detached.unread);
  }

  #push(talk: Talk, items: readonly Item[]): Promise<unknown> {
    const sent: Sent[] = items.map(() => ({ pieces: [], isWhole: false }));
    const isOver = talk.endsWrites;
    const made = items.map((item, i) => this.#make(talk, item, sent[i]!, isOver));
    if (!isOver) this.#sent.at(-1)!.push(...sent);
    return this.#note(isOver, talk.chat.push(...made));
  }

  #note(isOver: boolean, pushed: Promise<void>): Promise<unknown> {
    const noted = pushed.then(
      () => void (isOver && this.#wrongs.push("a push was accepted after the end")),
      (error) => {
        if (!isOver) this.#wasRefused = true;
        throw error;
      },
    );
    return this.#track("push", noted);
  }

  #send(talk: Talk): Promise<unknown> {
    const { chat, endsWrites: isOver } = talk;
    const line = this.#takeLine();
    const { framesOut } = chat.stats;
    const promise = chat.send(line);
    if (chat.stats.framesOut === framesOut) return this.#track("send", promise); // refused
    this.#framesSent++;
    if (!isOver) this.#sent.at(-1)!.push({ pieces: [bytes(line)], isWhole: true });
    return this.#note(isOver, promise);
  }

  /** What was pushed before is the program's again when it resolves. */
  #flush(talk: Talk): Promise<unknown> {
    const lent = this.#lent;
    this.#lent = [];
    const flushed = talk.chat.flush().then(() => {
      for (const array of lent) array.fill(0xee);
    });
    return this.#track("flush", flushed);
  }

  #make(talk: Talk, item: Item, sent: Sent, isOver: boolean): Data | Producer {
    if (!("length" in item)) {
      if (item.then === "throws" || item.then === "yields nonsense") {
        this.#mayBreak = true;
        this.#codes.add("producer");
      }
      const planned = new PlannedProducer(item, {
        take: (length) => {
          const piece = this.#take(length);
          sent.pieces.push(bytes(piece));
          return piece;
        },
        perform: (operation) => void this.#try(talk, operation),
        end: () => sent.isWhole = true,
      });
      (isOver ? this.#refused : this.#accepted).push(planned);
      return planned.producer;
    }
    const data = this.#take(item.length);
    sent.pieces.push(bytes(data));
    sent.isWhole = true;
    if (item.isText) return data;
    this.#lent.push(bytes(data));
    return this.#lent.at(-1)!;
  }

  /** Text of which no two stretches are alike. */
  #take(length: number): string {
    while (this.#stock.length < length) {
      this.#stock += `${this.#lines++}${".".repeat(Math.min(length / 50, LONGEST_LINE / 2))}\n`;
    }
    const taken = this.#stock.slice(0, length);
    this.#stock = this.#stock.slice(length);
    return taken;
  }

  /** The same, to the end of a line. */
  #takeLine(): string {
    if (this.#stock === "") this.#stock = `${this.#lines++}\n`;
    return this.#take(this.#stock.indexOf("\n") + 1);
  }

  #read(
    talk: Talk,
    op: "read" | "readBytes" | "readText",
    ending: Ending | undefined,
    giveUp: GiveUp,
  ): Promise<unknown> {
    const signal = this.#makeSignal();
    if (giveUp === "before") signal.abort(ABORTED);
    const slot = this.#makeSlot();
    const options = giveUp === "timeout" ? { timeout: 0 } : { signal };
    const reading = talk.chat[op](this.#toTerminator(ending), options);
    if (typeof giveUp === "number") void abortAfter(signal, giveUp);
    return this.#track(op, this.#fill(talk, slot, reading));
  }

  async #loop(talk: Talk, frames: number): Promise<void> {
    const iterator = talk.chat[Symbol.asyncIterator]();
    for (let i = 0; i < frames; i++) {
      const next = iterator.next().then(({ value }) => value ?? null);
      if (!await this.#fill(talk, this.#makeSlot(), next)) return;
    }
    await iterator.return!();
  }

  #leave(talk: Talk, nexts: number): Promise<unknown> {
    const iterator = talk.chat[Symbol.asyncIterator]();
    for (let i = 0; i < nexts; i++) {
      const slot = this.#makeSlot();
      const asked = iterator.next().then(
        ({ value }) => void (value === undefined || this.#keep(slot, value)),
        (error) => this.#noteError(slot, error),
      );
      this.#track("next", asked);
    }
    return this.#track("return", iterator.return!());
  }

  async #batches(talk: Talk, batches: number, frames: number): Promise<void> {
    const iterator = talk.chat.batches()[Symbol.asyncIterator]();
    try {
      for (let i = 0; i < batches; i++) {
        const { done, value } = await iterator.next();
        if (done) return this.#noteEnd(talk);
        let taken = 0;
        for (const frame of value) {
          this.#keep(this.#makeSlot(), frame);
          if (++taken >= frames) break;
        }
      }
      await iterator.return!();
    } catch (error) {
      this.#noteError(this.#makeSlot(), error);
    }
  }

  async #stream(talk: Talk, ending: Ending | undefined, pieces: number): Promise<void> {
    const stream = talk.chat.stream(this.#toTerminator(ending));
    const slot = this.#makeSlot();
    this.#frames = undefined; // it counts when it is read to its end
    try {
      for (let i = 0; i < pieces; i++) {
        const { done, value } = await stream.next();
        if (done) return;
        slot.push(value);
      }
      this.#hasGaps = true;
      await stream.return();
    } catch (error) {
      if (!(error instanceof IncompleteFrameError)) this.#hasGaps = true;
      this.#noteError(slot, error);
    }
  }

  #makeSlot(): Uint8Array[] {
    const slot: Uint8Array[] = [];
    this.#slots.push(slot);
    return slot;
  }

  /** Puts what is read where it belongs. Resolves with whether there was a frame. */
  async #fill(talk: Talk, slot: Uint8Array[], reading: Promise<Frame | null>): Promise<boolean> {
    try {
      const frame = await reading;
      if (frame === null) this.#noteEnd(talk);
      else this.#keep(slot, frame);
      return frame !== null;
    } catch (error) {
      this.#noteError(slot, error);
      return false;
    }
  }

  /** A frame is the caller's: to keep, or to write into. */
  #keep(slot: Uint8Array[], frame: Frame): void {
    if (this.#frames !== undefined) this.#frames++;
    if (typeof frame === "string") slot.push(bytes(frame));
    else if (this.#slots.length % 2 === 0) slot.push(frame);
    else {
      slot.push(frame.slice());
      frame.fill(0xdd);
    }
  }

  #noteEnd(talk: Talk): void {
    if (!talk.endsReads && !this.#hasZero) this.#sawEnd = true;
  }

  #noteError(slot: Uint8Array[], error: unknown): void {
    const isGap = error instanceof FrameTooLongError;
    this.#hasGaps ||= isGap;
    if (error instanceof IncompleteFrameError && this.#connection.isEnded) slot.push(error.bytes);
    else if (!isGap || !this.#codes.has(error.code)) throw error;
  }

  /** Waits for it, when all is over. It may reject only with errors that one of the ends, or the weather, has given reason for. */
  #track<T>(name: string, promise: Promise<T>): Promise<T> {
    const isOpen = this.#closedWith.length < this.#talks.length;
    this.#waiting.set(promise, name);
    promise.then(
      () => this.#waiting.delete(promise),
      (error) => {
        this.#waiting.delete(promise);
        if (isOpen && error instanceof ChatError && error.code === "reset") this.#isBroken = true;
        if (!this.#mayRejectWith(error)) this.#wrongs.push(`${name}: rejects with ${error}`);
      },
    );
    return promise;
  }

  #mayRejectWith(error: unknown): boolean {
    if (error === REASON) return this.#codes.has("the reason");
    if (error === ABORTED || error instanceof TimeoutError) return true;
    if (!(error instanceof ChatError)) return false;
    if (error.code === "reset") return this.#mayBreak || this.peer.#mayBreak;
    return this.#codes.has(error.code);
  }
}

async function abortAfter(signal: CountingSignal, ticks: number): Promise<void> {
  for (let i = 0; i < ticks; i++) await Promise.resolve();
  signal.abort(ABORTED);
}

/** Whether the bytes are, one after the other, beginnings of the parts. */
function beginsLike(bytes: Uint8Array, parts: readonly Uint8Array[]): boolean {
  if (bytes.length === 0) return true;
  const [part, ...rest] = parts;
  if (part === undefined) return false;
  const most = Math.min(part.length, bytes.length);
  let common = most;
  if (Buffer.compare(part.subarray(0, most), bytes.subarray(0, most)) !== 0) {
    for (common = 0; part[common] === bytes[common];) common++;
  }
  if (common === bytes.length) return true;
  // The part may have been cut off a little earlier, where what came next happens to begin like the rest of it.
  for (let cut = common; cut >= Math.max(0, common - LONGEST_LINE); cut--) {
    if (beginsLike(bytes.subarray(cut), rest)) return true;
  }
  return false;
}

function indexOf(bytes: Uint8Array, part: Uint8Array, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part, from);
}
