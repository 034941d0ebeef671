/**
 * Two chats with each other, on which any operations are played in any order, and what must hold whatever they are:
 * nothing throws that is not documented to, every promise settles once both ends are closed, what arrives is what was
 * sent, in order, and all of it if nobody broke off, and each producer is told once that it is over.
 */
import { nextTurn } from "./turn.ts";
import { Buffer } from "node:buffer";
import process from "node:process";
import { inspect } from "node:util";
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
  type ChatOptions,
  ClosedError,
  type Connection,
  ConnectionError,
  type Data,
  delimited,
  type Detached,
  FrameTooLongError,
  IncompleteFrameError,
  type Producer,
  type ReadOptions,
  type Terminator,
} from "../../mod.ts";
import type { MakePair } from "../../testing.ts";
import { bytes, concat } from "./bytes.ts";
import { StrictConnection } from "./strict_connection.ts";

/** Where frames end. Terminators are kept, so that the frames together are the bytes. */
export type Ending = "line" | number | null;

/** What a producer does between its pieces, and at last. */
export interface ProducerPlan {
  readonly isAsync: boolean;
  /** How long each piece is. */
  readonly pieces: readonly number[];
  readonly then: "ends" | "throws" | "goes on" | "hangs" | "yields nonsense";
  /** What it does to its own chat before its last piece or end, and when it is told that it is over. */
  readonly does?: Operation | undefined;
  readonly doesAtReturn?: Operation | undefined;
}

export type Item = { readonly length: number; readonly isText: boolean } | ProducerPlan;

/** Something that a program may do with a chat, at any time. */
export type Operation =
  | {
    readonly op: "read" | "readBytes" | "readText";
    readonly ending?: Ending | undefined;
    readonly giveUp?: "at once" | "soon" | "before" | undefined;
  }
  | { readonly op: "loop"; readonly frames: number }
  | { readonly op: "next, and leave"; readonly nexts: number }
  | { readonly op: "batches"; readonly batches: number; readonly frames: number }
  | { readonly op: "stream"; readonly ending?: Ending | undefined; readonly pieces: number }
  | { readonly op: "push"; readonly items: readonly Item[] }
  | { readonly op: Closing | "send" | "flush" | "stats" | "wrong" }
  | { readonly op: "terminator"; readonly ending: Ending }
  | { readonly op: "maxFrameLength"; readonly limit: number };

/** What ends a chat, or a part of it. */
export const CLOSINGS = [
  "closeWrite",
  "closeWhenDone",
  "close",
  "close with a reason",
  "dispose",
  "discardBuffers",
  "detach",
] as const;

export type Closing = typeof CLOSINGS[number];

export interface Step {
  /** Whose. */
  readonly end: 0 | 1;
  readonly does: Operation;
  /** Whether it is done with the chat that the connection was detached from, if there is one. */
  readonly isStale?: boolean | undefined;
  /** What passes before the next step: turns of the event loop, of the microtask queue, or until it has come to its end. */
  readonly then?: { readonly turns: number } | { readonly ticks: number } | "await" | undefined;
}

export type Options = Partial<Omit<ChatOptions, "encoding">>;

export interface Script {
  readonly options: readonly [Options, Options];
  readonly steps: readonly Step[];
  /** How it is ended: both are closed; or each is read to its end, ends its direction and says goodbye, as far as that goes. */
  readonly finale: "close" | "goodbye";
}

const LINE = delimited("\n", { keep: true });
const toTerminator = (ending: Ending): Terminator => ending === "line" ? LINE : ending;

/** A loop is left after so many frames: there is no end to empty ones. */
const MOST_FRAMES = 200;
/** No line that is sent is longer. */
const LONGEST_LINE = 1_000;
/** A producer that goes on and on hangs after so many pieces: over memory it would leave nobody else a turn. */
const MOST_PIECES = 300;
/** How many turns of the event loop goodbyes may take before they are cut short. */
const PATIENCE = 30;

const unhandled: unknown[] = [];
let isListening = false;

/** Plays a script, and checks what must hold. */
export async function play(
  makePair: MakePair,
  { options, steps, finale }: Script,
): Promise<void> {
  if (!isListening) process.on("unhandledRejection", (reason) => unhandled.push(reason));
  isListening = true;
  const [left, right] = await makePair();
  const ends = [new End(left, options[0]), new End(right, options[1])] as const;
  for (const { end, does, isStale, then } of steps) {
    const result = ends[end].perform(does, isStale);
    if (then === undefined) continue;
    if (then === "await") await Promise.race([result?.catch(() => {}), nextTurn()]);
    else if ("turns" in then) { for (let i = 0; i < then.turns; i++) await nextTurn(); }
    else for (let i = 0; i < then.ticks; i++) await Promise.resolve();
  }
  if (finale === "goodbye") {
    for (const end of ends) end.sayGoodbye();
    for (let i = 0; i < PATIENCE && ends.some((end) => !end.isSettled); i++) await nextTurn();
  }
  for (const end of ends) end.close();
  // Timers take their turns, too; a socket takes its time.
  for (let i = 0; i < 1000 && ends.some((end) => !end.isSettled); i++) {
    await (i < PATIENCE ? nextTurn() : new Promise((resolve) => setTimeout(resolve, 5)));
  }
  for (const end of ends) end.check();
  ends[0].checkArrival(ends[1]);
  ends[1].checkArrival(ends[0]);
  await nextTurn();
  assertEquals(unhandled.splice(0), [], "a rejection that nobody handled");
}

/** Something that was pushed: what of it exists so far. */
interface Sent {
  readonly pieces: Uint8Array[];
  isWhole: boolean;
}

/** What became of a producer. */
interface Told {
  readonly isAsync: boolean;
  ended: number;
  returned: number;
  pulled: number;
}

/** A chat, and what the program that has it knows of it. */
interface Talk {
  readonly chat: Chat;
  isDetached: boolean;
  isClosed: boolean;
  /** Whether the program has ended its sending, or its reading. */
  endsWrites: boolean;
  endsReads: boolean;
  /** What the first call gave. */
  writeClosed?: Promise<void>;
  done?: Promise<void>;
}

const REASON = new Error("enough");
const ABORTED = new Error("given up");

/** One end of the conversation. */
class End {
  readonly #connection: StrictConnection;
  readonly #options: Options;
  /** Several, if the connection was handed on. */
  readonly #talks: Talk[] = [];
  /** What was pushed, in order, in parts that `discardBuffers()` has parted. */
  readonly #sent: Sent[][] = [[]];
  /** What was handed out, in the order in which it was asked for. */
  readonly #slots: Uint8Array[][] = [];
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
  readonly #accepted: Told[] = [];
  readonly #refused: Told[] = [];
  /** What `closed` says, of each chat. */
  readonly #closedWith: (Error | undefined)[] = [];
  /** Whether anything that was asked for before it was closed has said that the connection broke. */
  #isBroken = false;
  readonly #wrongs: string[] = [];
  readonly #waiting: Set<{ readonly name: string }> = new Set();
  /** Numbered lines that nobody has sent yet. */
  #stock = "";
  #lines = 0;

  constructor(connection: Connection, options: Options) {
    this.#connection = new StrictConnection(connection);
    this.#options = options;
    this.#hasGaps = options.incomplete === "drop";
    this.#track("connection.closed", connection.closed);
    this.#begin(this.#connection);
  }

  get isSettled(): boolean {
    return this.#waiting.size === 0;
  }

  /** Does it; gives its promise, if there is one. */
  perform(operation: Operation, isStale = false): Promise<unknown> | undefined {
    return this.#try(isStale ? this.#talks[0]! : this.#talks.at(-1)!, operation);
  }

  /** Reads to the end, while what was pushed is sent and the direction ended, and closes. */
  sayGoodbye(): void {
    this.perform({ op: "terminator", ending: null });
    this.perform({ op: "closeWrite" });
    const reading = this.#loop(this.#talks.at(-1)!, MOST_FRAMES);
    this.#track("goodbye", reading.finally(() => void this.perform({ op: "closeWhenDone" })));
  }

  close(): void {
    for (const talk of this.#talks) this.#try(talk, { op: "close" });
  }

  /** Checks what must hold when both ends are closed. */
  check(): void {
    assertEquals([...this.#waiting].map(({ name }) => name), [], "it waits for ever");
    assertEquals(this.#wrongs, []);
    this.#connection.check();
    if (this.#isBroken) assert(this.#closedWith.some(Boolean), "closed does not say what broke");
    for (const told of this.#accepted) {
      const { isAsync, ended, returned } = told;
      // The promise of an end that nobody has seen yet is no end.
      const isTold = ended + returned === 1 || (isAsync && ended === 1 && returned === 1);
      assert(isTold, `a producer was told ${inspect(told)}`);
    }
    for (const { ended, returned, pulled } of this.#refused) {
      assertEquals({ ended, returned, pulled }, { ended: 0, returned: 1, pulled: 0 });
    }
    this.#checkFrames();
  }

  /** Checks that what has arrived at the other end is what was sent, or begins like it. */
  checkArrival(peer: End): void {
    const received = concat(peer.#connection.received);
    const parts = this.#sent.map((part) => concat(part.flatMap(({ pieces }) => pieces)));
    assert(beginsLike(received, parts), "what has arrived is not what was sent");
    if (!this.#isAllSent || this.#wasRefused || parts.length > 1) return;
    if (!peer.#connection.isEnded) return;
    assertEquals(received.length, parts[0]!.length, "not all has arrived");
    assert(this.#sent[0]!.every(({ isWhole }) => isWhole), "a producer was not drained");
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

  #begin(connection: Connection, unread?: Uint8Array): void {
    const chat = new Chat(connection, { terminator: LINE, ...this.#options }, unread);
    this.#talks.push({
      chat,
      isDetached: false,
      isClosed: false,
      endsWrites: false,
      endsReads: false,
    });
    const closed = chat.closed.then((error) => void this.#closedWith.push(error));
    this.#track("closed", closed, () => "it rejects");
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
        return this.#track("flush", chat.flush());
      case "terminator":
        this.#hasZero ||= operation.ending === 0;
        chat.terminator = toTerminator(operation.ending);
        return undefined;
      case "maxFrameLength":
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
      case "detach":
        return void this.#detach(talk);
      default:
        return this.#close(talk, operation.op);
    }
  }

  #close(talk: Talk, op: Exclude<Closing, "detach">): Promise<unknown> | undefined {
    const { chat } = talk;
    if (op === "discardBuffers") {
      this.#hasGaps = true;
      this.#sent.push([]);
      const { unread, unsent } = chat.discardBuffers();
      assert(unread >= 0 && unsent >= 0, `${unread} and ${unsent} bytes were dropped`);
      return undefined;
    }
    talk.endsWrites = true;
    if (op === "closeWrite") {
      const promise = chat.closeWrite();
      assertStrictEquals(promise, talk.writeClosed ??= promise, "another promise");
      return this.#track(op, this.#noteAllSent(talk, promise));
    }
    talk.endsReads = true;
    if (op === "closeWhenDone" || op === "dispose") {
      // Disposing may resolve where this rejects: when a read was told that the connection broke.
      const disposed = op === "dispose" ? chat[Symbol.asyncDispose]() : undefined;
      const promise = chat.closeWhenDone();
      if (!talk.isDetached) assertStrictEquals(promise, talk.done ??= promise, "another promise");
      const noted = this.#noteAllSent(talk, promise);
      return this.#track(op, disposed === undefined ? noted : noted.catch(() => disposed));
    }
    talk.isClosed = true;
    chat.close(op === "close" ? undefined : REASON);
    return undefined;
  }

  async #noteAllSent(talk: Talk, promise: Promise<void>): Promise<void> {
    await promise;
    if (!talk.isClosed && !talk.isDetached) this.#isAllSent = true;
  }

  #detach(talk: Talk): void {
    const { chat } = talk;
    let detached: Detached;
    try {
      detached = chat.detach();
    } catch (error) {
      assertInstanceOf(error, ChatError);
      assert(error instanceof ClosedError || error.code === "unsent", `${error}`);
      return;
    }
    assert(!talk.endsReads, "it was closed, or closing, and detached");
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
    if (!isOver) this.#sent.at(-1)!.push({ pieces: [bytes(line)], isWhole: true });
    return this.#note(isOver, promise);
  }

  #make(talk: Talk, item: Item, sent: Sent, isOver: boolean): Data | Producer {
    if (!("length" in item)) return this.#makeProducer(talk, item, sent, isOver);
    const data = this.#take(item.length);
    sent.pieces.push(bytes(data));
    sent.isWhole = true;
    return item.isText ? data : bytes(data);
  }

  #makeProducer(talk: Talk, plan: ProducerPlan, sent: Sent, isOver: boolean): Producer {
    const told: Told = { isAsync: plan.isAsync, ended: 0, returned: 0, pulled: 0 };
    (isOver ? this.#refused : this.#accepted).push(told);
    let [given, isFinal] = [0, false];
    const give = (length: number): IteratorResult<Data> => {
      given++;
      const piece = this.#take(length);
      sent.pieces.push(bytes(piece));
      return { done: false, value: piece };
    };
    const produce = (): IteratorResult<Data> => {
      if (given < plan.pieces.length) return give(plan.pieces[given]!);
      if (plan.does !== undefined && !isFinal) {
        isFinal = true;
        this.#try(talk, plan.does);
      }
      if (plan.then === "goes on" && given < MOST_PIECES) return give(64);
      if (plan.then === "yields nonsense") return { done: false, value: 42 as unknown as string };
      if (plan.then === "goes on" || plan.then === "hangs") {
        return { done: false, value: new Promise(() => {}) as unknown as string };
      }
      told.ended++;
      sent.isWhole = true;
      if (plan.then === "throws") throw new Error("out of paper");
      return { done: true, value: undefined };
    };
    const next = (): void => {
      told.pulled++;
      if (told.ended + told.returned > 0) this.#wrongs.push("a producer is asked after its end");
    };
    const end = (): void => {
      told.returned++;
      if (plan.doesAtReturn !== undefined) this.#try(talk, plan.doesAtReturn);
    };
    const over = { done: true, value: undefined } as const;
    if (!plan.isAsync) {
      return {
        [Symbol.iterator]: () => ({ next: () => (next(), produce()), return: () => (end(), over) }),
      };
    }
    const later = async (): Promise<IteratorResult<Data>> => {
      next();
      if (given % 3 === 0) await Promise.resolve();
      if (given % 5 === 0) await nextTurn();
      return told.returned > 0 ? over : produce();
    };
    return {
      [Symbol.asyncIterator]: () => ({ next: later, return: () => (end(), Promise.resolve(over)) }),
    };
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
    giveUp: "before" | "at once" | "soon" | undefined,
  ): Promise<unknown> {
    const terminator = ending === undefined ? undefined : toTerminator(ending);
    const controller = new AbortController();
    const { signal } = controller;
    if (giveUp === "before") controller.abort(ABORTED);
    const options: ReadOptions = giveUp === "soon" ? { timeout: 0 } : { signal };
    const slot = this.#makeSlot();
    const reading: Promise<Uint8Array | string | null> = talk.chat[op](terminator, options);
    if (giveUp === "at once") controller.abort(ABORTED);
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
        ({ value }) => void (value && slot.push(value)),
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
          this.#makeSlot().push(frame);
          if (++taken >= frames) break;
        }
      }
      await iterator.return!();
    } catch (error) {
      this.#noteError(this.#makeSlot(), error);
    }
  }

  async #stream(talk: Talk, ending: Ending | undefined, pieces: number): Promise<void> {
    const terminator = ending === undefined ? undefined : toTerminator(ending);
    const stream = talk.chat.stream(terminator);
    const slot = this.#makeSlot();
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
  async #fill(
    talk: Talk,
    slot: Uint8Array[],
    reading: Promise<Uint8Array | string | null>,
  ): Promise<boolean> {
    try {
      const frame = await reading;
      if (frame === null) this.#noteEnd(talk);
      else slot.push(typeof frame === "string" ? bytes(frame) : frame);
      return frame !== null;
    } catch (error) {
      this.#noteError(slot, error);
      return false;
    }
  }

  #noteEnd(talk: Talk): void {
    if (!talk.endsReads && !this.#hasZero) this.#sawEnd = true;
  }

  #noteError(slot: Uint8Array[], error: unknown): void {
    if (error instanceof IncompleteFrameError) slot.push(error.bytes);
    else if (error instanceof FrameTooLongError) this.#hasGaps = true;
    else throw error;
  }

  /** Waits for it, when all is over. It may reject with the errors that are the library's, or the program's own. */
  #track<T>(name: string, promise: Promise<T>, wrong = wrongOf): Promise<T> {
    const entry = { name };
    this.#waiting.add(entry);
    const isOpen = this.#closedWith.length < this.#talks.length;
    promise.catch((error) => {
      if (isOpen && error instanceof ConnectionError) this.#isBroken = true;
      const what = wrong(error);
      if (what !== undefined) this.#wrongs.push(`${name}: ${what}`);
    }).finally(() => this.#waiting.delete(entry));
    return promise;
  }
}

function isKnown(error: unknown): boolean {
  return error instanceof ChatError || error === REASON || error === ABORTED;
}

function wrongOf(error: unknown): string | undefined {
  return isKnown(error) ? undefined : `rejects with ${error}`;
}

/** Whether the bytes are, one after the other, beginnings of the parts. */
function beginsLike(bytes: Uint8Array, parts: readonly Uint8Array[]): boolean {
  if (bytes.length === 0) return true;
  const [part, ...rest] = parts;
  if (part === undefined) return false;
  let common = 0;
  while (common < Math.min(part.length, bytes.length) && part[common] === bytes[common]) common++;
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
