/**
 * The table of `docs/endings.md`, cell by cell, over real sockets of the runtime that the tests run on.
 *
 * Each ending comes upon a chat in which everything is going on at once: a loop waits for a frame, a read waits behind it, a
 * producer is being drained, and a push waits behind that, because the peer does not read.
 */
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Chat, type ChatError, type ChatOptions, type ConnectionListener } from "../mod.ts";
import { Deferred } from "../src/common/deferred.ts";
import { socketsFor } from "../src/net/sockets.ts";
import { bytes, concat, text } from "./support/bytes.ts";
import { readAll } from "./support/connection_checks.ts";
import { startPeer } from "./support/peer.ts";
import { readTable } from "./support/tables.ts";
import { type Timers, withClock } from "./support/timers.ts";
import { nextTurn } from "./support/turn.ts";

const sockets = socketsFor();

const REASON = new Error("the reason");
const PIECE = new Uint8Array(64 * 1024);
/** What is pushed behind the producer. */
const TAIL = bytes("the tail");
/** What the peer has sent before the ending comes. */
const ARRIVED = "before\nfirst\nsecond\n";

type Pass = (milliseconds: number) => void;

/** A chat that is sending to a peer that does not read, with more to send behind it. */
interface Scene {
  readonly chat: Chat;
  readonly peer: Peer;
  readonly producer: EndlessProducer;
  readonly pushed: Promise<void>;
  readonly controller: AbortController;
  readonly timers: Timers;
  readonly pass: Pass;
}

/** The other end. */
interface Peer {
  /** Sends text, if it can. */
  send(text: string): Promise<void>;
  /** Reads to the end, from the first call on. */
  readOut(): Promise<Uint8Array | Error>;
  /** Ends its direction. */
  end(): Promise<void>;
  /** Breaks the connection off with a RST. */
  reset(): Promise<void>;
}

type Words = Readonly<Record<string, string>>;

interface Ending {
  readonly options?: Partial<Omit<ChatOptions, "encoding">>;
  /** Whether the peer is one that can reset, and do little else. */
  readonly resets?: boolean;
  /** Brings the ending about, and does not wait for what follows from it. */
  bring(scene: Scene): unknown;
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  "closeWhenDone()": { bring: ({ chat }) => void chat.closeWhenDone() },
  "await using": { bring: ({ chat }) => void chat[Symbol.asyncDispose]() },
  "closeWrite()": { bring: ({ chat }) => void chat.closeWrite() },
  "the peer ends": { bring: ({ peer }) => peer.end() },
  "close()": { bring: ({ chat }) => chat.close() },
  "close(reason)": { bring: ({ chat }) => chat.close(REASON) },
  "signal is aborted": { bring: ({ controller }) => controller.abort(REASON) },
  "the peer resets": { resets: true, bring: ({ peer }) => peer.reset() },
  "the peer is silent (idleTimeout)": {
    options: { idleTimeout: 100 },
    bring: async ({ timers, pass, chat }) => {
      let isOpen = true;
      const note = (): void => void (isOpen = false);
      while (isOpen) {
        chat.push().catch(note);
        pass(100);
        const [id, timer] = [...timers].find(([, { after }]) => after === 100) ?? [];
        if (id !== undefined) timers.delete(id);
        timer?.call(); // what was pushed waits to be taken
        await nextTurn(); // in which the peer may be heard
      }
    },
  },
  "a frame is not whole in time (frameTimeout)": {
    options: { frameTimeout: 100 },
    bring: async ({ chat, peer, timers }) => {
      void chat.read(100_000).catch(() => {}); // what is here is a part of that
      await peer.send("half");
      const find = () => [...timers.values()].find(({ after }) => after === 100);
      while (find() === undefined) await nextTurn();
      find()!.call();
      await chat.closed;
    },
  },
  "a producer throws": {
    bring: ({ chat, producer, peer }) => {
      producer.next = "throw";
      void peer.readOut(); // it is asked for more when the peer has read
      return chat.closed;
    },
  },
  "more than maxQueuedBytes wait": {
    options: { maxQueuedBytes: 100_000 },
    bring: ({ chat }) => {
      chat.push(new Uint8Array(100_001));
      chat.push("one more");
    },
  },
};

const rows = readTable("docs/endings.md", "ending");

test("docs/endings.md has a row for each ending, and no other", () => {
  assertEquals(rows.map((row) => row["ending"]), Object.keys(ENDINGS));
});

for (const { ending = "", ...cells } of rows) {
  let words: Promise<Words> | undefined;
  for (const [column, expected] of Object.entries(cells)) {
    test(`when ${ending}: ${column}: ${expected}`, async () => {
      words ??= play(ENDINGS[ending]!);
      assertStrictEquals((await words)[column], expected);
    });
  }
}

/** Plays an ending twice, and says in the words of the table what came of it. No time passes: only `bring` lets a timer fire. */
async function play(ending: Ending): Promise<Words> {
  let words: Words = {};
  await withClock(async (timers, pass) => {
    const readers = await playToReaders(ending, timers, pass);
    words = { ...readers, ...await playToNoReader(ending, timers, pass) };
  });
  return words;
}

/** The ending comes while a loop waits for a frame, and a read behind it. */
async function playToReaders(ending: Ending, timers: Timers, pass: Pass): Promise<Words> {
  const scene = await setUp(ending, timers, pass);
  const { chat, peer, producer } = scene;
  assertStrictEquals(text(await chat.read()), "first");
  assertStrictEquals(text(await chat.read()), "second");
  const loop = new Reader(async (onFrame) => {
    for await (const _ of chat) onFrame();
  });
  const read = new Reader(async (onFrame) => {
    while (await chat.read() !== null) onFrame();
  });

  await ending.bring(scene);
  await peer.send("one\ntwo\n"); // a frame for each, while there is something to send
  await Promise.all([loop.next(), read.next()]);

  const { push, goesOn } = await sendAll(scene);
  await peer.send("three\nfour\n"); // and when all is sent
  await Promise.all([loop.next(), read.next()]);
  const words = {
    "loop": loop.in(["goes on", "goes on until all is sent, then ends", "ends", "throws"]),
    "waiting read": read.in(
      ["goes on", "goes on until all is sent, then gives null", "gives null", "rejects with"],
    ),
    "waiting push": push,
    "producer": await producer.outcome,
  };

  const isOpen = push === "resolves" && await isPending(chat.closed);
  const later = goesOn ? ", when this side has ended, too" : ", when the peer has ended, too";
  await peer.end();
  if (goesOn) await chat.closeWhenDone();
  const closed = nameOf(await chat.closed) + (isOpen ? later : "");

  const received = await peer.readOut();
  const all = concat([...Array<Uint8Array>(producer.pieces).fill(PIECE), TAIL]);
  const isWhole = received instanceof Uint8Array && startsWith(received, all);
  const connection = ending.resets
    ? "is gone"
    : !isWhole
    ? "breaks off"
    : goesOn
    ? "goes on sending"
    : words.loop === "goes on"
    ? "sends all, and ends its direction"
    : "sends all, and ends";
  return { ...words, "closed resolves with": closed, connection };
}

/** The ending comes while no read waits, and frames are here. */
async function playToNoReader(ending: Ending, timers: Timers, pass: Pass): Promise<Words> {
  const scene = await setUp(ending, timers, pass);
  const { chat, peer } = scene;
  await ending.bring(scene);
  const first = await chat.read().catch(() => null);
  const { goesOn } = await sendAll(scene);
  const second = await chat.read().catch(() => null);
  await peer.end();
  if (goesOn) await chat.closeWhenDone();
  chat.close();
  await chat.closed;
  const arrived = [first, second].map((frame) => text(frame));
  const word = arrived[0] !== "first"
    ? "are dropped"
    : arrived[1] !== "second"
    ? "can be read until all is sent"
    : "can be read";
  return { "frames that had arrived": word };
}

async function setUp({ options, resets }: Ending, timers: Timers, pass: Pass): Promise<Scene> {
  const listener = await sockets.listen({ hostname: "127.0.0.1", port: 0 });
  const peer = await (resets ? makeResettingPeer(listener) : makePeer(listener));
  const controller = new AbortController();
  const { signal } = controller;
  const connection = (await listener.accept())!;
  const chat = new Chat(connection, { terminator: "\n", highWaterMark: 1, signal, ...options });
  listener.close();
  await peer.send(ARRIVED);
  assertStrictEquals(text(await chat.read()), "before");
  const producer = new EndlessProducer();
  chat.push(producer);
  return { chat, peer, producer, controller, timers, pass, pushed: chat.push(TAIL) };
}

/** Lets the peer read, and what is being sent come to its end. */
async function sendAll(
  { chat, peer, producer, pushed }: Scene,
): Promise<{ push: string; goesOn: boolean }> {
  if (producer.next === "go on") producer.next = "end";
  const received = peer.readOut();
  const push = await pushed.then(() => "resolves", (error) => `rejects with ${nameOf(error)}`);
  const goesOn = await chat.push("!").then(() => true, () => false);
  if (!goesOn) await received;
  return { push, goesOn };
}

/** A producer that goes on until `next` says otherwise, and what becomes of it. */
class EndlessProducer implements AsyncIterable<Uint8Array> {
  /** How many pieces it has given. */
  pieces = 0;
  /** What it is to do when it is asked for one. */
  next: "go on" | "end" | "throw" = "go on";
  readonly #outcome = new Deferred<string>();

  get outcome(): Promise<string> {
    return this.#outcome.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let outcome = "is stopped";
    try {
      while (this.next === "go on") {
        this.pieces++;
        yield PIECE;
      }
      outcome = this.next === "end" ? "is drained" : "has thrown";
      if (this.next === "throw") throw REASON;
    } finally {
      this.#outcome.resolve(outcome);
    }
  }
}

/** Reads frame after frame. */
class Reader {
  #frames = 0;
  #end: { readonly error: unknown } | undefined;
  #changed = new Deferred();
  #seen = 0;

  constructor(read: (onFrame: () => void) => Promise<void>) {
    const end = (error: unknown): void => {
      this.#end = { error };
      this.#changed.resolve();
    };
    read(() => {
      this.#frames++;
      this.#changed.resolve();
    }).then(() => end(undefined), end);
  }

  /** Waits for one more frame, or the end. */
  async next(): Promise<void> {
    this.#seen++;
    while (this.#frames < this.#seen && this.#end === undefined) {
      await this.#changed.promise;
      this.#changed = new Deferred();
    }
  }

  /** What became of it, of these words: it got both frames, or one, or none. */
  in([both, one, none, error]: readonly [string, string, string, string]): string {
    if (this.#frames > 1) return both;
    if (this.#end?.error !== undefined) return `${error} ${nameOf(this.#end.error)}`;
    return this.#frames === 1 ? one : none;
  }
}

async function makePeer(listener: ConnectionListener): Promise<Peer> {
  const connection = await sockets.connect(listener.address);
  let received: Promise<Uint8Array | Error> | undefined;
  let ended: Promise<void> | undefined;
  return {
    send: (text) => ended ?? connection.write(bytes(text)).catch(() => {}),
    readOut: () => received ??= readAll(connection).catch((error) => error),
    end: () => ended ??= connection.closeWrite().catch(() => {}),
    reset: () => Promise.reject(new Error("this peer cannot reset")),
  };
}

/** A process of its own: what it sends it has sent by itself. */
async function makeResettingPeer(listener: ConnectionListener): Promise<Peer> {
  const { tell, exited } = await startPeer("speak_and_reset", listener.address.port);
  return {
    send: () => Promise.resolve(),
    readOut: () => Promise.resolve(new Error("it was reset")),
    end: () => Promise.resolve(),
    reset() {
      tell();
      return exited;
    },
  };
}

/** Whether a promise is not settled when what could settle it now has had its turn. */
function isPending(promise: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    promise.then(() => resolve(false));
    setImmediate(() => resolve(true));
  });
}

function nameOf(outcome: unknown): string {
  if (outcome === undefined) return "nothing";
  if (outcome === REASON) return "the reason";
  const { name, code } = outcome as ChatError;
  return name === "ConnectionError" ? `${name} (${code})` : name;
}

function startsWith(data: Uint8Array, beginning: Uint8Array): boolean {
  return Buffer.compare(data.subarray(0, beginning.length), beginning) === 0;
}
