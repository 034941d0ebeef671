// What the program of a script does with a chat.

import { concat } from "../../../tests/support/bytes.ts";
import { nextTurn } from "../../../tests/support/turn.ts";
import type { Chat, Connection, Data, FramePieces, Producer } from "../../../mod.ts";
import { Deferred } from "./deferred.ts";
import { describeValue } from "./describe.ts";
import type { Library } from "./library.ts";
import { A_BATCH, DETACHED, LEFT, type Notes, THE_END } from "./notes.ts";
import { makeProducer } from "./producers.ts";
import { type Call, type Item, type OwnError, type Script, toBytes } from "./script.ts";
import { makeTerminator } from "./terminators.ts";

/** A loop is left after so many frames: there is no end to those of a count of 0. */
const MOST_FRAMES = 100;

type Frame = Uint8Array | string;
type AnyChat = Chat<Frame>;
type CallOf<D extends Call["does"], C = Call> = C extends { readonly does: infer E }
  ? D extends E ? C
  : never
  : never;

export class Program {
  /** Several, if the connection was detached. */
  readonly chats: AnyChat[] = [];
  /** How many of them have not said that they are closed. */
  open = 0;
  readonly #script: Script;
  readonly #library: Library;
  readonly #notes: Notes;
  /** Another chat, which should have nothing to do with all this. */
  #other: Chat | undefined;
  readonly #otherConnection: Connection;
  readonly #signals: Map<number, AbortController> = new Map();
  readonly #life = new AbortController();
  #gate = new Deferred();
  readonly #streams: { readonly name: string; readonly stream: FramePieces }[] = [];

  /** @param other What the other chat goes over. */
  constructor(script: Script, library: Library, notes: Notes, other: Connection) {
    this.#script = script;
    this.#library = library;
    this.#notes = notes;
    this.#otherConnection = other;
    if (script.options.signal === "aborted") this.#life.abort(notes.makeError("life is over"));
  }

  /** Makes a chat over the connection. */
  begin(connection: Connection, received?: Uint8Array): void {
    const { terminator, signal, unread, ...rest } = this.#script.options;
    const options = {
      terminator: makeTerminator(this.#library, terminator),
      ...rest,
      ...(signal === undefined ? {} : { signal: this.#life.signal }),
    };
    const first = received ?? (unread === undefined ? undefined : toBytes(unread));
    const chat: AnyChat = new this.#library.Chat<Frame>(connection, options, first);
    this.chats.push(chat);
    this.open++;
    if (!this.#script.asksLate) this.#watchClosed(chat, this.chats.length - 1);
  }

  /** Lets producers go on that wait at the gate. */
  openGate(): void {
    this.#gate.resolve();
    this.#gate = new Deferred();
  }

  /** Does it. Its result, or what its promise comes to, is noted. */
  call(name: string, call: Call): void {
    const notes = this.#notes;
    const chat = call.stale ? this.chats[0]! : this.chats.at(-1)!;
    try {
      const result = this.#perform(name, call, chat);
      if (!(result instanceof Promise)) notes.tellValue(name, call.does, result);
      else if (call.unwatched) notes.count(call.does, "unwatched");
      else notes.watch(name, call.does, result);
    } catch (error) {
      notes.tellError(name, call.does, "throws", error);
    }
  }

  /** Asks for `closed`, if that was not done before: of closed chats, because an open one may read ahead for it. */
  finish(): void {
    if (!this.#script.asksLate) return;
    this.chats.forEach((chat, index) => {
      chat.close();
      this.#watchClosed(chat, index);
    });
  }

  #watchClosed(chat: AnyChat, index: number): void {
    const closed = chat.closed.then((error) => {
      this.open--;
      return error;
    });
    this.#notes.watch(`chat ${index} closed`, "closed", closed);
  }

  #perform(name: string, call: Call, chat: AnyChat): unknown {
    const notes = this.#notes;
    switch (call.does) {
      case "read":
      case "readBytes":
      case "readText":
        return this.#read(call, chat);
      case "abort":
        return this.#signal(call.signal).abort(notes.makeError(`reason of signal ${call.signal}`));
      case "abort the chat's signal":
        return this.#life.abort(notes.makeError("life is over"));
      case "loop":
        return this.#loop(name, call, chat);
      case "batches":
        return this.#batches(name, call, chat);
      case "next() and leave":
        return this.#leave(name, call, chat);
      case "stream":
        return this.#stream(name, call, chat);
      case "leave streams":
        for (const { stream } of this.#streams.splice(0)) void stream.return();
        return undefined;
      case "go on with streams":
        for (const { name, stream } of this.#streams) void this.#take(`${name}, later`, stream, 1);
        return undefined;
      case "set terminator":
        chat.terminator = makeTerminator(this.#library, call.to);
        return undefined;
      case "set maxFrameLength":
        chat.maxFrameLength = call.to;
        return undefined;
      case "push":
        return this.#push(name, call, chat);
      case "send":
        return chat.send(call.asBytes ? toBytes(call.payload) : call.payload);
      case "stats":
        return { ...chat.stats, maxFrameLength: chat.maxFrameLength };
      case "dispose":
        return chat[Symbol.asyncDispose]();
      case "close":
        return chat.close(call.reason && this.#makeReason(call.reason, `reason of ${name}`));
      case "detach":
        return this.#detach(name, chat);
      case "wrong call":
        return WRONG_CALLS[call.which % WRONG_CALLS.length]!(chat);
      default:
        return chat[call.does]();
    }
  }

  #read(call: CallOf<"read">, chat: AnyChat): Promise<Frame | null> {
    const { does, terminator, signal, timeout } = call;
    const rule = terminator === undefined ? undefined : makeTerminator(this.#library, terminator);
    if (signal === undefined && timeout === undefined) return chat[does](rule);
    return chat[does](rule, {
      ...(timeout === undefined ? {} : { timeout }),
      ...(signal === undefined ? {} : { signal: this.#signal(signal).signal }),
    });
  }

  async #loop(name: string, call: CallOf<"loop">, chat: AnyChat): Promise<string> {
    let count = 0;
    for await (const frame of chat) {
      await this.#handle(name, frame, call, count++, chat);
      if (count < Math.min(call.frames, MOST_FRAMES)) continue;
      if (call.leaves === "throw") throw this.#notes.makeError(`error of ${name}`);
      return LEFT;
    }
    return THE_END;
  }

  async #batches(name: string, call: CallOf<"batches">, chat: AnyChat): Promise<string> {
    let [count, rounds] = [0, 0];
    for await (const batch of chat.batches()) {
      this.#notes.tellDetail(name, `batch ${++rounds}`, "pieces");
      let taken = 0;
      for (const frame of batch) {
        await this.#handle(name, frame, call, count++, chat);
        if (++taken >= (call.ofEach ?? MOST_FRAMES)) break;
      }
      if (count < call.frames && count + rounds < MOST_FRAMES) continue;
      if (call.leaves === "throw") throw this.#notes.makeError(`error of ${name}`);
      return LEFT;
    }
    return THE_END;
  }

  /** The body of a loop. */
  async #handle(
    name: string,
    frame: Frame,
    { does, sets, isSlow }: CallOf<"loop">,
    count: number,
    chat: AnyChat,
  ): Promise<void> {
    this.#notes.tellValue(`${name} frames`, does, frame);
    const terminator = sets?.[count];
    if (terminator !== undefined) chat.terminator = makeTerminator(this.#library, terminator);
    if (isSlow) await nextTurn();
  }

  #leave(name: string, call: CallOf<"next() and leave">, chat: AnyChat): Promise<unknown> {
    const iterator: AsyncIterator<unknown> = call.isBatches
      ? chat.batches()[Symbol.asyncIterator]()
      : chat[Symbol.asyncIterator]();
    for (let i = 0; i < call.nexts; i++) {
      const next = iterator.next().then(({ done, value }) =>
        done ? THE_END : call.isBatches ? A_BATCH : value
      );
      this.#notes.watch(`${name} next() ${i}`, "next()", next);
    }
    if (call.leaves === "throw") return iterator.throw!(this.#notes.makeError(`error of ${name}`));
    return iterator.return!();
  }

  async #stream(name: string, call: CallOf<"stream">, chat: AnyChat): Promise<void> {
    const { terminator, pieces, then, ahead } = call;
    const stream = chat.stream(terminator && makeTerminator(this.#library, terminator));
    if (then === "stay") this.#streams.push({ name, stream });
    const isOver = await this.#take(name, stream, pieces, ahead);
    if (isOver || then === "stay") return;
    if (then === "throw") await stream.throw!(this.#notes.makeError(`error of ${name}`));
    else if (then === "dispose") await stream[Symbol.asyncDispose]();
    else await stream.return();
  }

  /**
   * Takes so many pieces. How they are cut is one thing to compare, and what they are together is another.
   * @returns Whether there will be no more.
   */
  async #take(
    name: string,
    stream: FramePieces,
    count: number,
    ahead: boolean = false,
  ): Promise<boolean> {
    const notes = this.#notes;
    const pieces: Uint8Array[] = [];
    const asked = Array.from({ length: ahead ? count : 0 }, () => stream.next());
    let isOver = false;
    try {
      for (let i = 0; i < count && !isOver; i++) {
        const { done, value } = await (asked[i] ?? stream.next());
        if (done) isOver = true;
        else pieces.push(value);
      }
      notes.count("stream", isOver ? "whole" : "in part");
    } catch (error) {
      notes.tellError(name, "stream", "breaks off with", error);
      isOver = true;
    }
    for (const piece of pieces) notes.keep(name, piece);
    if (isOver) notes.watch(`${name} after its end`, "stream", stream.next());
    notes.tellDetail(name, `pieces of ${pieces.map(({ length }) => length).join(", ")}`, "pieces");
    const taken = describeValue(concat(pieces));
    notes.tellDetail(name, `in all ${taken}`, isOver ? "results" : "pieces");
    return isOver;
  }

  #push(name: string, { items, beside }: CallOf<"push">, chat: AnyChat): Promise<void> {
    const made = items.map((item, index) => this.#makeItem(`${name} item ${index}`, item));
    const pushed = chat.push(...made);
    if (beside === undefined) return pushed;
    this.#other ??= new this.#library.Chat(this.#otherConnection, { terminator: "\n" });
    this.#other.push(beside);
    return pushed;
  }

  #detach(name: string, chat: AnyChat): string {
    const { connection, unread } = chat.detach();
    this.#notes.tellDetail(name, `unread ${describeValue(unread)}`, "unread");
    this.begin(connection, unread);
    return DETACHED;
  }

  #makeItem(name: string, item: Item): Data | Producer {
    if (typeof item === "string") return item;
    if ("bytes" in item) return toBytes(item.bytes);
    this.#notes.count(`producer: ${item.kind}`, item.then ?? "ends");
    return makeProducer(name, item, {
      trace: this.#notes.trace,
      gate: () => this.#gate.promise,
      perform: (part) => this.call(`${name} ${part}`, item[part]!),
      makeError: (what) => this.#notes.makeError(what),
    });
  }

  #signal(number: number): AbortController {
    const controller = this.#signals.get(number) ?? new AbortController();
    this.#signals.set(number, controller);
    return controller;
  }

  #makeReason(kind: OwnError, label: string): unknown {
    if (kind === "a string") return "enough";
    if (kind === "an Error") return this.#notes.makeError(label);
    return this.#notes.label(new this.#library.ConnectionError("other", label), label);
  }
}

/** What a program must not do, and is told so at once. */
const WRONG_CALLS: readonly ((chat: AnyChat) => unknown)[] = [
  (chat) => chat.terminator = -1,
  (chat) => chat.terminator = NaN,
  (chat) => chat.maxFrameLength = 1.5,
  (chat) => chat.read(""),
  (chat) => chat.readText(0.5),
  (chat) => chat.read("\n", { timeout: -1 }),
  (chat) => chat.stream(""),
  (chat) => chat.push("queued by mistake", 42 as unknown as string),
  (chat) => chat.push((() => "a function") as unknown as string),
  (chat) => chat.send(42 as unknown as string),
];
