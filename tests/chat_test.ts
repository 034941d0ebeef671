import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BackpressureError,
  Chat,
  ChatError,
  type ChatOptions,
  ClosedError,
  type Connection,
  ConnectionError,
  type Data,
  FrameInjectionError,
  FrameTooLongError,
  IncompleteFrameError,
  memoryPair,
  ProducerError,
  tap,
  TimeoutError,
} from "../mod.ts";
import { WrappedConnection } from "../src/connection/wrapped_connection.ts";
import { bytes, text } from "./support/bytes.ts";
import { type MakePair, testOverPairs } from "./support/chaos_pairs.ts";
import { readAll } from "./support/connection_checks.ts";
import { CountingSignal } from "./support/counting_signal.ts";
import { ScriptedConnection } from "./support/scripted_connection.ts";
import { nextTurn } from "./support/turn.ts";
import { withTimers } from "./support/timers.ts";

type MakeChat = (options?: Partial<Omit<ChatOptions, "encoding">>) => [Chat, Connection];

/** Makes chats of lines unless the options say otherwise, with the other ends of their connections. */
function chatPairOver(makePair: MakePair): MakeChat {
  return (options) => {
    const [left, right] = makePair();
    return [new Chat(left, { terminator: "\n", ...options }), right];
  };
}

const chatPair = chatPairOver(memoryPair);

/** A test of what holds under chaos, too. */
function testWithChaos(name: string, play: (chatPair: MakeChat) => Promise<void>): void {
  testOverPairs(name, (makePair) => play(chatPairOver(makePair)));
}

async function framesOf(chat: Chat): Promise<string[]> {
  const frames: string[] = [];
  for await (const frame of chat) frames.push(text(frame));
  return frames;
}

// Reading

testWithChaos("Chat yields frames until the peer ends", async (chatPair) => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\ntw"));
  await peer.write(bytes("o\n\n"));
  await peer.closeWrite();
  assertEquals(await framesOf(chat), ["one", "two", ""]);
  assertStrictEquals(await chat.read(), null);
  chat.close();
});

testWithChaos(
  "Chat carries on at the next frame when a loop was left and another is begun",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntwo\nthree\nfour\n"));
    for await (const frame of chat) {
      assertStrictEquals(text(frame), "one");
      break;
    }
    const failing = async (): Promise<void> => {
      for await (const frame of chat) throw new Error(text(frame));
    };
    await assertRejects(failing, Error, "two");
    assertStrictEquals(text(await chat.read()), "three");
    await peer.closeWrite();
    assertEquals(await framesOf(chat), ["four"]);
    chat.close();
  },
);

testWithChaos(
  "Chat cuts by the terminator that the loop sets, also what has arrived already",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("5\nhello11\nhello\nworld0\n3\nbye"));
    await peer.closeWrite();
    const messages: string[] = [];
    for await (const frame of chat) {
      if (chat.terminator === "\n") chat.terminator = Number(text(frame));
      else {
        messages.push(text(frame));
        chat.terminator = "\n";
      }
    }
    assertEquals(messages, ["hello", "hello\nworld", "", "bye"]);
    chat.close();
  },
);

test("Chat looks at what is here at once when the terminator is set while a read waits", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(bytes("line\nno line"));
  assertStrictEquals(text(await chat.read()), "line");
  const reading = chat.read(); // " no line" is here, and no more is to come
  chat.terminator = 7;
  assertStrictEquals(text(await reading), "no line");
});

testWithChaos("Chat answers reads in the order they were asked", async (chatPair) => {
  const [chat, peer] = chatPair();
  const reads = [chat.read(), chat.read(3), chat.read(), chat.read()];
  await peer.write(bytes("one\ntwothree\n"));
  await peer.closeWrite();
  assertEquals((await Promise.all(reads)).map((frame) => text(frame)), [
    "one",
    "two",
    "three",
    null,
  ]);
  chat.close();
});

test("Chat asks the connection for bytes only while a frame is asked for", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  assertStrictEquals(connection.reads, 0);
  const reading = chat.read();
  assertStrictEquals(connection.reads, 1);
  connection.arrive(bytes("one\ntwo\nthr"));
  await reading;
  await chat.read();
  assertStrictEquals(connection.reads, 1);
});

test("Chat.read() uses its own terminator once and leaves the sticky one alone", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one;two\nthree"));
  assertStrictEquals(text(await chat.read(";")), "one");
  assertStrictEquals(chat.terminator, "\n");
  assertStrictEquals(text(await chat.read()), "two");
  assertStrictEquals(text(await chat.read(null)), "three");
  chat.close();
});

testWithChaos(
  "Chat.read() keeps its delimiter when the caller changes the array that it gave",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const delimiter = bytes(";");
    const reading = chat.read(delimiter);
    delimiter[0] = 65;
    await peer.write(bytes("ABC;"));
    assertStrictEquals(text(await reading), "ABC");
    chat.close();
  },
);

testWithChaos("Chat refuses what is no terminator, and goes on", async (chatPair) => {
  const [chat, peer] = chatPair();
  assertThrows(() => chat.terminator = -1, RangeError, "-1");
  assertThrows(() => chat.terminator = "", TypeError, "empty");
  await assertRejects(() => chat.read(1.5), RangeError, "1.5");
  await peer.write(bytes("still\n"));
  assertStrictEquals(text(await chat.read()), "still");
  assertThrows(() => new Chat(peer, { terminator: NaN }), RangeError, "NaN");
  chat.close();
});

test("Chat refuses what is no Connection, and says how to make one", () => {
  const likeDeno = { read() {}, write() {}, closeWrite() {}, close() {} };
  for (const wrong of [{}, null, undefined, "127.0.0.1:6000", likeDeno]) {
    const connection = wrong as unknown as Connection;
    assertThrows(() => new Chat(connection, { terminator: "\n" }), TypeError, "fromNode");
  }
});

test("Chat refuses what was received before when that is no bytes", () => {
  const [connection] = memoryPair();
  const unread = "HTTP/1.1" as unknown as Uint8Array;
  const make = (): unknown => new Chat(connection, { terminator: "\n" }, unread);
  assertThrows(make, TypeError, "unread must be a Uint8Array, not string");
});

test("Chat takes what is taken for a sign of life, also while it waits for a frame", async () => {
  await withTimers(async (timers) => {
    const connection = new ScriptedConnection();
    const chat = new Chat(connection, { terminator: "\n", idleTimeout: 5 });
    chat.read();
    const [first] = timers.keys();
    chat.push("still here?\n");
    await chat.flush();
    assertEquals([timers.has(first!), timers.size], [false, 1]);
    chat.close();
  });
});

const misbehaviour: readonly [what: string, read: () => unknown, told: string][] = [
  ["rejects with undefined", () => Promise.reject(undefined), "undefined"],
  ["rejects with a string", () => Promise.reject("broken"), '"broken"'],
  ["throws", () => {
    throw new Error("at once");
  }, "at once"],
  ["gives a string", () => Promise.resolve("text\n"), "not string"],
  ["gives an ArrayBuffer", () => Promise.resolve(new ArrayBuffer(1)), "not ArrayBuffer"],
  ["gives undefined", () => Promise.resolve(undefined), "not undefined"],
];
for (const [what, read, told] of misbehaviour) {
  test(`Chat ends, and says why, when read() of a connection ${what}`, async () => {
    const connection = new ScriptedConnection();
    let reads = 0;
    connection.read = () => {
      if (reads++ > 0) return Promise.reject(new Error("it was read on"));
      return read() as Promise<null>;
    };
    const chat = new Chat(connection, { terminator: "\n" });
    const error = await assertRejects(() => chat.read(), Error, told);
    assertStrictEquals(await chat.closed, error);
    await assertRejects(() => chat.push("x"), Error, told);
  });
}

test("Chat ends, and says why, when write() of a connection rejects with undefined", async () => {
  const connection = new ScriptedConnection();
  connection.write = () => Promise.reject(undefined);
  const chat = new Chat(connection, { terminator: "\n" });
  chat.push("x");
  connection.arrive(null);
  const error = await assertRejects(() => chat.flush(), ConnectionError, "undefined");
  assertStrictEquals(await chat.closed, error);
  await assertRejects(() => chat.push("y"), ConnectionError);
});

test("Chat is closed also when closed of its connection rejects", async () => {
  const connection = new ScriptedConnection();
  const closed = Promise.reject(new Error("gone"));
  Object.defineProperty(connection, "closed", { value: closed });
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(null);
  assertStrictEquals(await chat.closed, undefined);
});

testWithChaos("Chat goes on at the next frame after FrameTooLongError", async (chatPair) => {
  const [chat, peer] = chatPair({ maxFrameLength: 5 });
  await peer.write(bytes("much too long\nshort\n"));
  await assertRejects(() => chat.read(), FrameTooLongError);
  assertStrictEquals(text(await chat.read()), "short");
  chat.maxFrameLength = 20;
  await peer.write(bytes("not so long now\n"));
  assertStrictEquals(text(await chat.read()), "not so long now");
  chat.close();
});

testWithChaos(
  "Chat hands out whole frames before IncompleteFrameError, and the end after it",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntw"));
    await peer.closeWrite();
    assertStrictEquals(text(await chat.read()), "one");
    const error = await assertRejects(() => chat.read(), IncompleteFrameError);
    assertStrictEquals(text(error.bytes), "tw");
    assertStrictEquals(await chat.read(), null);
    chat.close();
  },
);

test("Chat hands out whole frames before the error when the connection breaks, and the error again and again", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const broken = new ConnectionError("reset", "it broke");
  connection.arrive(bytes("one\ntwo\nthr"));
  connection.arrive(broken);
  assertStrictEquals(text(await chat.read()), "one");
  const reads = [chat.read(), chat.read(), chat.read()];
  assertStrictEquals(text(await reads[0]!), "two");
  await assertRejects(() => reads[1]!, ConnectionError, "it broke");
  await assertRejects(() => reads[2]!, ConnectionError, "it broke");
  await assertRejects(() => framesOf(chat), ConnectionError, "it broke");
  await assertRejects(() => chat.push("x"), ConnectionError, "it broke");
  assertStrictEquals(await chat.closed, broken);
});

testWithChaos(
  "Chat's iterator can be returned from and thrown into, and the chat goes on",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntwo\n"));
    const iterator = chat[Symbol.asyncIterator]();
    assertEquals(await iterator.return!(7), { done: true, value: 7 });
    const wrapped = (async function* (): AsyncGenerator<Uint8Array> {
      yield* chat;
    })();
    assertStrictEquals(text((await wrapped.next()).value), "one");
    await assertRejects(() => wrapped.throw(new Error("mine")), Error, "mine");
    assertStrictEquals(text(await chat.read()), "two");
    chat.close();
  },
);

test("Chat says in closed why the connection ended by itself, though nobody reads", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const broken = new ConnectionError("reset", "it broke");
  connection.arrive(bytes("one\n"));
  connection.arrive(broken);
  connection.vanish();
  assertStrictEquals(await chat.closed, broken);
  assertStrictEquals(text(await chat.read()), "one");
  await assertRejects(() => chat.read(), ConnectionError, "it broke");
});

test("Chat.closed resolves when the chat is closed while what is left of a closed connection is read", async () => {
  for (let ticks = 0; ticks < 10; ticks++) {
    const [left, right] = memoryPair();
    const chat = new Chat(left, { terminator: "\n" });
    await left.closeWrite();
    await right.write(bytes("one\n"));
    await right.closeWrite();
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    chat.close();
    assertStrictEquals(await chat.closed, undefined);
  }
});

test("Chat.closeWhenDone() does not read out a connection that cannot be reset", async () => {
  for (const canReset of [true, undefined, false]) {
    const connection = new ScriptedConnection({ canReset });
    const chat = new Chat(tap(connection, () => {}), { terminator: "\n" });
    await chat.send("bye");
    const done = chat.closeWhenDone();
    connection.arrive(null);
    await done;
    assertEquals([connection.reads, connection.writeEnded], [canReset === false ? 0 : 1, true]);
  }
});

test("Chat tells a break in closed, also when it comes while closeWhenDone() reads the peer out", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const done = chat.closeWhenDone();
  connection.arrive(bytes("whatever"));
  connection.arrive(new ConnectionError("reset", "it broke"));
  await done;
  assertInstanceOf(await chat.closed, ConnectionError);
});

test("Chat says in closed what a write failed with, also when it fails only after the connection is gone", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.hold();
  chat.push("lost");
  connection.arrive(null);
  assertStrictEquals(await chat.read(), null);
  connection.vanish();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const broken = new ConnectionError("reset", "it broke");
  connection.release(broken);
  assertStrictEquals(await chat.closed, broken);
});

test("Chat says in closed what broke while it read the peer out, also when that comes after the connection is gone", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const done = chat.closeWhenDone();
  await chat.read();
  connection.vanish();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const broken = new ConnectionError("reset", "it broke");
  connection.arrive(broken);
  await done;
  assertStrictEquals(await chat.closed, broken);
});

test("Chat stops the producer that is under way, and says reset, when the connection is gone after the peer has ended", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  let returned = 0;
  chat.push({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<string>>(() => {}),
      return: () => {
        returned++;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  });
  const flushed = chat.flush();
  connection.arrive(null);
  assertStrictEquals(await chat.read(), null);
  connection.vanish();
  const error = await assertRejects(() => flushed, ConnectionError, "before all was sent");
  assertStrictEquals(error.code, "reset");
  assertStrictEquals(await chat.closed, error);
  assertStrictEquals(returned, 1);
});

// Sending

testWithChaos("Chat sends data and producers in the order they were pushed", async (chatPair) => {
  const [chat, peer] = chatPair();
  async function* later(): AsyncGenerator<Data> {
    yield "d";
    await Promise.resolve();
    yield bytes("e");
  }
  chat.push("a", ["b", bytes("c")], later());
  chat.push(
    new ReadableStream<string>({
      start(controller): void {
        controller.enqueue("f");
        controller.close();
      },
    }),
  );
  chat.push(new Set(["g"]), "", new Uint8Array(0), "h");
  chat.push();
  chat.closeWrite();
  assertStrictEquals(text(await readAll(peer)), "abcdefgh");
  chat.close();
});

testWithChaos(
  "Chat.send() frames by the terminator in force, in order with what is pushed",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    chat.push("raw;");
    chat.send("a line");
    chat.terminator = 5;
    chat.send(bytes("count"));
    chat.push("raw");
    chat.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "raw;a line\ncountraw");
    chat.close();
  },
);

testWithChaos(
  "Chat.send() refuses what would forge a frame before a byte is sent, and troubles nobody who does not await it",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await assertRejects(() => chat.send("QUIT\nMAIL"), FrameInjectionError, "byte 4");
    chat.send("nobody\nawaits");
    await assertRejects(() => chat.send({} as unknown as string), TypeError, "Object");
    chat.send("good");
    chat.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "good\n");
    await assertRejects(() => chat.send("late"), ClosedError);
    chat.close();
  },
);

test("Chat writes what was pushed as soon as it waits for what the peer sends, before the turn has ended", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  let turns = 0;
  const counting = nextTurn().then(() => turns++);
  connection.arrive(bytes("one\ntwo\n"));
  for (const _ of ["one", "two"]) {
    await chat.read();
    chat.push("x");
  }
  chat.read();
  await connection.wrote();
  assertEquals([turns, connection.writes], [0, [bytes("xx")]]);
  await counting;
  chat.close();
});

test("Chat.send() waits for room as push() does", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n", highWaterMark: 4 });
  connection.hold();
  let isSent = false;
  const sending = chat.send("more than four").then(() => isSent = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertStrictEquals(isSent, false);
  connection.release();
  await sending;
});

test("Chat.flush() resolves when all that was pushed before is with the transport", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  await chat.flush();
  connection.hold();
  chat.push("one");
  let flushed = false;
  const flush = chat.flush().then(() => flushed = true);
  await Promise.all([chat.push("two")]);
  assertStrictEquals(flushed, false);
  connection.release();
  await flush;
  assertStrictEquals(text(connection.writes[0]!), "one");
});

testWithChaos(
  "Chat.closeWrite() ends sending after the queue, and reading goes on",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    chat.push("question\n");
    await Promise.all([chat.closeWrite(), chat.closeWrite()]);
    assertStrictEquals(text(await readAll(peer)), "question\n");
    await assertRejects(() => chat.push("more"), ClosedError);
    await peer.write(bytes("answer\n"));
    assertStrictEquals(text(await chat.read()), "answer");
    await peer.closeWrite();
    assertStrictEquals(await chat.read(), null);
    assertStrictEquals(await chat.closed, undefined);
  },
);

testWithChaos(
  "Chat closes with ProducerError when a producer throws, and sends nothing after it",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const cause = new Error("out of paper");
    async function* failing(): AsyncGenerator<Data> {
      yield "half";
      throw cause;
    }
    chat.push(failing(), "never sent");
    const error = await chat.closed;
    assertInstanceOf(error, ProducerError);
    assertStrictEquals(error.cause, cause);
    await assertRejects(() => chat.read(), ProducerError, "out of paper");
    await assertRejects(() => chat.push("x"), ProducerError);
    await assertRejects(() => chat.flush(), ProducerError);
    assertStrictEquals(text(await readAll(peer)), "half");
  },
);

testWithChaos(
  "Chat closes with ProducerError when a producer throws what cannot become a string",
  async (chatPair) => {
    for (const thrown of [Symbol("s"), Object.create(null)]) {
      const [chat] = chatPair();
      chat.push((function* (): Generator<string> {
        yield "half";
        throw thrown;
      })());
      const error = await chat.closed;
      assertInstanceOf(error, ProducerError);
      assertStrictEquals(error.cause, thrown);
    }
  },
);

test("Chat closes with BackpressureError when more than maxQueuedBytes wait and more is pushed", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n", maxQueuedBytes: 100 });
  connection.hold();
  for (let i = 0; i < 11; i++) chat.push("0123456789");
  const error = await assertRejects(
    () => chat.push("one too many"),
    BackpressureError,
    "110 bytes",
  );
  assertStrictEquals(await chat.closed, error);
});

// The end

testWithChaos(
  "Chat.closeWhenDone() sends all, ends its direction, reads the peer out, and closes",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const data = "x".repeat(1_000_000);
    chat.push([data, data], "last words");
    const done = chat.closeWhenDone();
    assertStrictEquals(chat.closeWhenDone(), done);
    assertStrictEquals(text(await readAll(peer)), data + data + "last words");
    for (let i = 0; i < 100; i++) await peer.write(bytes(data)); // nobody reads it, and nothing breaks
    await peer.closeWrite();
    await done;
    assertStrictEquals(await chat.closed, undefined);
    assertStrictEquals(await chat.read(), null);
    await assertRejects(() => chat.push("more"), ClosedError);
  },
);

testWithChaos(
  "Chat.closeWhenDone() lets a producer that reads the chat come to its end",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    async function* shout(): AsyncGenerator<string> {
      for await (const frame of chat) yield text(frame).toUpperCase() + "\n";
    }
    chat.push(shout());
    const done = chat.closeWhenDone();
    await peer.write(bytes("one\ntwo\n"));
    await peer.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "ONE\nTWO\n");
    await done;
  },
);

testWithChaos("Chat.closeWhenDone() ends a waiting read when all is sent", async (chatPair) => {
  const [chat, peer] = chatPair();
  const reading = chat.read();
  const done = chat.closeWhenDone();
  assertStrictEquals(await reading, null);
  await peer.write(bytes("too late\n"));
  assertStrictEquals(await chat.read(), null);
  await peer.closeWrite();
  await done;
});

testWithChaos("Chat.closeWhenDone() ends a loop whose terminator stays 0", async (chatPair) => {
  const [chat, peer] = chatPair({ terminator: 0 });
  assertStrictEquals(text(await chat.read()), "");
  const done = chat.closeWhenDone();
  for await (const frame of chat) assertStrictEquals(frame.length, 0);
  await peer.closeWrite();
  await done;
});

test("Chat leaves time for everything else in a loop whose terminator stays 0", async () => {
  const [chat] = chatPair({ terminator: 0 });
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  let frames = 0;
  for await (const _ of chat) if (hadTurn || ++frames > 1_000_000) break;
  assert(hadTurn, `${frames} frames were read, and nothing else was done`);
  chat.close();
});

test("Chat.closeWhenDone() rejects when what was pushed could not be sent", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.hold();
  chat.push("lost");
  const done = chat.closeWhenDone();
  connection.release(new ConnectionError("reset", "it broke"));
  await assertRejects(() => done, ConnectionError, "it broke");
  assertInstanceOf(await chat.closed, ConnectionError);
});

test("Chat says in closeWhenDone() and closed that its direction could not be ended, and how", async () => {
  const full = new Error("the disk is full");
  const connection = new ScriptedConnection();
  connection.closeWrite = () => Promise.reject(full);
  const chat = new Chat(connection, { terminator: "\n" });
  chat.push("x");
  assertStrictEquals(await assertRejects(() => chat.closeWhenDone(), Error), full);
  assertStrictEquals(await chat.closed, full);
});

test("Chat takes a direction that does not come to its end for silence", async () => {
  const connection = new ScriptedConnection();
  connection.closeWrite = () => new Promise(() => {});
  const chat = new Chat(connection, { terminator: "\n", idleTimeout: 5 });
  chat.closeWhenDone();
  const error = await chat.closed;
  assertInstanceOf(error, ConnectionError);
  assertStrictEquals(error.code, "timeout");
});

test("Chat fetches what had arrived, and closes, when sending fails", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(bytes("ERR too much\n"));
  connection.arrive(null);
  connection.hold();
  connection.release(new ConnectionError("reset", "it broke"));
  chat.push("too much");
  assertInstanceOf(await chat.closed, ConnectionError);
  assertStrictEquals(text(await chat.read()), "ERR too much");
  await assertRejects(() => chat.read(), ConnectionError, "it broke");
});

test("Chat fetches a bounded amount when sending fails and the peer goes on and on", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  for (let i = 0; i < 100; i++) connection.arrive(new Uint8Array(256 * 1024));
  connection.hold();
  connection.release(new ConnectionError("reset", "it broke"));
  await assertRejects(() => {
    chat.push("x");
    return chat.flush();
  }, ConnectionError);
  for (let i = 0; i < 1_000; i++) await Promise.resolve();
  assertLess(connection.reads, 10);
  chat.close();
});

test("Chat.close() ends waiting reads and drops what waits, when it has no reason", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n", highWaterMark: 1 });
  connection.hold();
  const reads = [chat.read(), chat.read("x")];
  const pushed = chat.push("waits");
  const flushed = chat.flush();
  chat.close();
  chat.close(new Error("again"));
  assertEquals(await Promise.all(reads), [null, null]);
  await assertRejects(() => pushed, ClosedError);
  await assertRejects(() => flushed, ClosedError);
  await assertRejects(() => chat.push("x"), ClosedError);
  assertStrictEquals(await chat.read(), null);
  assertStrictEquals(await chat.closed, undefined);
  assertEquals(connection.closes, [undefined]);
  await chat.closeWhenDone();
});

testWithChaos(
  "Chat.close() rejects waiting reads with its reason, and tells it in closed",
  async (chatPair) => {
    const [chat] = chatPair();
    const reading = chat.read();
    const reason = new Error("enough");
    chat.close(reason);
    assertStrictEquals(await assertRejects(() => reading, Error), reason);
    assertStrictEquals(await chat.closed, reason);

    const [other] = chatPair();
    other.close("enough");
    const error = await assertRejects(() => other.read(), ClosedError, "enough");
    assertStrictEquals(error.cause, "enough");

    const [another] = chatPair();
    another.close(Symbol("enough"));
    await assertRejects(() => another.read(), ClosedError, "Symbol(enough)");
  },
);

test("Chat.close() calls return() of a producer that is under way, and of one that has not begun", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const returned: string[] = [];
  const producer = (name: string): AsyncIterable<string> => ({
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: name }),
      return: (value) => {
        returned.push(name);
        return Promise.resolve({ done: true, value });
      },
    }),
  });
  connection.hold();
  chat.push(producer("under way"), producer("waiting"));
  await connection.wrote();
  chat.close();
  chat.push(producer("late"));
  assertEquals(returned, ["under way", "waiting", "late"]);
});

test("await using of a Chat does not hide the error that a read was told of", async () => {
  const broken = new ConnectionError("reset", "the connection was reset");
  const use = async (isRead: boolean): Promise<void> => {
    const connection = new ScriptedConnection();
    await using chat = new Chat(connection, { terminator: "\n" });
    connection.hold();
    chat.push("never sent");
    connection.arrive(broken);
    connection.release(broken);
    if (isRead) await chat.read();
  };
  assertStrictEquals(await assertRejects(() => use(true), ConnectionError), broken);
  assertStrictEquals(await assertRejects(() => use(false), ConnectionError), broken); // which nobody was told before
});

test("await using of a Chat sends what was pushed, and closes", async () => {
  const [left, right] = memoryPair();
  const received = readAll(right).then(async (data) => {
    await right.closeWrite();
    return data;
  });
  {
    await using chat = new Chat(left, { terminator: "\n" });
    chat.push("bye\n");
  }
  await left.closed;
  assertStrictEquals(text(await received), "bye\n");
});

testWithChaos(
  "Chat asks a producer for a piece only when the transport has taken the one before",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const PIECE = 16 * 1024;
    let pulled = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) {
        pulled += PIECE;
        yield new Uint8Array(PIECE);
      }
    }
    chat.push(endless());
    let read = 0;
    for (let i = 0; i < 100; i++) {
      read += (await peer.read())!.length;
      assertLess(pulled - read, 8 * PIECE);
    }
    assert(read > 0);
    chat.close(); // an endless producer is stopped
    await chat.closed;
  },
);

testWithChaos(
  "Chat closes with the code timeout when it waits for a frame and the peer is silent",
  async (chatPair) => {
    const [chat, peer] = chatPair({ idleTimeout: 5 });
    await peer.write(bytes("half"));
    const error = await assertRejects(() => chat.read(), ConnectionError, "silent for 5 ms");
    assertStrictEquals(error.code, "timeout");
    assertStrictEquals(await chat.closed, error);
    await assertRejects(() => chat.push("x"), ConnectionError);
    assertStrictEquals(await peer.read(), null);
  },
);

test("Chat closes with the code timeout when the peer takes nothing of what waits to be sent", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n", idleTimeout: 5 });
  connection.hold();
  chat.push("waits");
  const done = chat.closeWhenDone();
  await assertRejects(() => done, ConnectionError, "silent");
  assertInstanceOf(await chat.closed, ConnectionError);
});

test("Chat.closeWhenDone() resolves when the connection breaks while its end is told: all was sent", async () => {
  for (const code of ["reset", "tls"] as const) {
    const [left, right] = memoryPair();
    class Breaking extends WrappedConnection {
      override async closeWrite(): Promise<void> {
        await super.closeWrite();
        throw new ConnectionError(code, "the peer has hung up");
      }
    }
    const chat = new Chat(new Breaking(left), { terminator: "\n" });
    await chat.send("bye");
    const closing = chat.closeWhenDone();
    assertEquals(await readAll(right), bytes("bye\n"));
    right.close();
    await closing;
  }
});

test("Chat takes no peer for silent that takes a large array part by part", async () => {
  await withTimers(async (timers) => {
    const connection = new ScriptedConnection();
    const chat = new Chat(connection, { terminator: "\n", idleTimeout: 5 });
    connection.hold();
    chat.push(new Uint8Array(1024 * 1024));
    const written = async (count: number): Promise<void> => {
      await connection.wrote(count);
      assertStrictEquals(connection.writes.length, count);
      assertStrictEquals(timers.size, 1);
    };
    await written(1);
    const [first] = timers.keys();
    connection.release();
    connection.hold();
    await written(2);
    assert(!timers.has(first!), "the time has not begun again");
    chat.close();
    connection.release();
  });
});

test("Chat takes no goodbye for silence, and leaves a detached connection alone", async () => {
  await withTimers(async (timers) => {
    const idle = (): number => [...timers.values()].filter(({ after }) => after === 5).length;
    const [chat, peer] = chatPair({ idleTimeout: 5 });
    const reading = chat.read();
    assertStrictEquals(idle(), 1);
    const done = chat.closeWhenDone();
    assertStrictEquals(await reading, null);
    assertStrictEquals(idle(), 0);
    await peer.closeWrite();
    await done;
    assertStrictEquals(timers.size, 0);

    const [other] = chatPair({ idleTimeout: 5 });
    const waiting = other.read();
    const { connection } = other.detach();
    await assertRejects(() => waiting, ClosedError);
    assertStrictEquals(timers.size, 0);
    connection.close();
  });
});

testWithChaos(
  "Chat closes with the reason of its signal when that is aborted, and listens no more when it is closed",
  async (chatPair) => {
    const signal = new CountingSignal();
    const [chat] = chatPair({ signal });
    const [reading, reason] = [chat.read(), new Error("shutting down")];
    signal.abort(reason);
    assertStrictEquals(await assertRejects(() => reading, Error), reason);
    assertStrictEquals(await chat.closed, reason);
    assertStrictEquals(signal.listeners, 0);

    const [late] = chatPair({ signal });
    assertStrictEquals(await late.closed, reason);

    const other = new CountingSignal();
    const [first] = chatPair({ signal: other });
    const [second] = chatPair({ signal: other });
    assertStrictEquals(other.listeners, 1);
    first.close();
    second.close();
    await Promise.all([first.closed, second.closed]);
    assertStrictEquals(other.listeners, 0);
  },
);

test("Chat refuses an idleTimeout and a signal that are none", () => {
  for (const idleTimeout of [-1, NaN, 2 ** 31]) {
    assertThrows(() => chatPair({ idleTimeout }), RangeError, "idleTimeout");
  }
  assertThrows(() => chatPair({ idleTimeout: "5" as unknown as number }), TypeError, '"5"');
  assertThrows(() => chatPair({ signal: {} as unknown as AbortSignal }), TypeError, "AbortSignal");
});

test("Chat.stats counts bytes and frames in and out, and what waits", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  assertEquals(chat.stats, {
    bytesIn: 0,
    bytesOut: 0,
    framesIn: 0,
    framesOut: 0,
    buffered: 0,
    queued: 0,
  });
  connection.arrive(bytes("one\ntwo\nabcdefleft"));
  await chat.read();
  await chat.read();
  for await (const _ of chat.stream(6));
  connection.hold();
  chat.send("1234");
  chat.push(
    "567",
    (function* (): Generator<string> {
      yield "not produced yet";
    })(),
  );
  await connection.wrote();
  chat.push("89");
  assertEquals(chat.stats, {
    bytesIn: 18,
    bytesOut: 0,
    framesIn: 3,
    framesOut: 1,
    buffered: 4,
    queued: 10,
  });
  connection.release();
  await chat.flush();
  const { bytesOut, queued } = chat.stats;
  assertEquals([bytesOut, queued], [26, 0]);
  chat.close();
  await assertRejects(() => chat.send("refused"), ClosedError);
  const { buffered, framesOut, queued: left } = chat.stats;
  assertEquals([buffered, framesOut, left], [0, 1, 0]);
});

// Handing on, and emergencies

test("Chat.detach() hands the connection on, with what was not handed out, and closes nothing", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("GET /\nrest of it"));
  assertStrictEquals(text(await chat.read()), "GET /");
  chat.push("101\n");
  await chat.flush();
  const { connection, unread } = chat.detach();
  assertStrictEquals(text(unread), "rest of it");
  assertStrictEquals(await chat.closed, undefined);
  chat.close(new Error("too late"));
  await Promise.all([chat.closeWhenDone(), chat.closeWrite(), chat[Symbol.asyncDispose]()]);

  await peer.write(bytes(" and more"));
  assertStrictEquals(text(await connection.read()), " and more");
  await connection.write(bytes("still open"));
  await connection.closeWrite();
  assertStrictEquals(text(await readAll(peer)), "101\nstill open");
  connection.close();
});

test("Chat.detach() ends waiting reads, and those that come after it, with ClosedError", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("half"));
  const [waiting, piece] = [chat.read(), chat.stream(9).next()];
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const { connection, unread } = chat.detach();
  assertStrictEquals(text(unread), "half");
  await assertRejects(() => waiting, ClosedError, "detached");
  await assertRejects(() => piece, ClosedError, "detached");
  await assertRejects(() => chat.read(), ClosedError, "detached");
  await assertRejects(() => chat.push("x"), ClosedError, "detached");
  connection.close();
});

test("Chat.detach() hands on what a read that was given up will still bring", async () => {
  const [chat, peer] = chatPair();
  const controller = new AbortController();
  const reading = chat.read("\n", { signal: controller.signal });
  controller.abort();
  await assertRejects(() => reading, DOMException);
  const { connection, unread } = chat.detach();
  assertStrictEquals(unread.length, 0);
  const chunks = [connection.read()];
  await peer.write(bytes("first"));
  await chunks[0];
  await peer.write(bytes("second"));
  assertStrictEquals(text(await chunks[0]!), "first");
  assertStrictEquals(text(await connection.read()), "second");
  assertStrictEquals(connection.remoteAddress, undefined);
  connection.close();
  await connection.closed;
});

testWithChaos(
  "Chat.detach() gives what is left of a stream that was left half-way",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("abc"));
    for await (const _ of chat.stream(10)) break;
    await peer.write(bytes("def"));
    await assertRejects(() => chat.read("\n", { timeout: 1 }), TimeoutError);
    const { connection, unread } = chat.detach();
    assertStrictEquals(text(unread), ""); // "def" was part of the frame that was left
    connection.close();
  },
);

test("Chat.detach() refuses while something waits to be sent, and goes on", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.hold();
  chat.push("waits");
  const error = assertThrows(() => chat.detach(), ChatError, "flush");
  assertStrictEquals(error.code, "unsent");
  connection.release();
  await chat.flush();
  assertStrictEquals(chat.detach().connection, connection);
});

test("Chat.detach() refuses while closeWrite() is under way, and hands on a connection that is half closed", async () => {
  const [chat, peer] = chatPair();
  const closing = chat.closeWrite();
  assertThrows(() => chat.detach(), ChatError, "closeWrite");
  await closing;
  const { connection } = chat.detach();
  assertStrictEquals(await peer.read(), null);
  await peer.write(bytes("still read"));
  assertStrictEquals(text(await connection.read()), "still read");
  connection.close();
});

test("Chat.detach() refuses when the connection broke, and tells why", async () => {
  const broken = new ConnectionError("reset", "it broke");
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(broken);
  await assertRejects(() => chat.read(), ConnectionError);
  assertStrictEquals(assertThrows(() => chat.detach(), ClosedError, "broke").cause, broken);
  assertStrictEquals(await chat.closed, broken);
});

test("Chat.detach() refuses when the chat is closed, closing or detached", () => {
  for (
    const end of [
      (chat: Chat): void => chat.close(),
      (chat: Chat): void => void chat.closeWhenDone(),
      (chat: Chat): void => void chat.detach(),
    ]
  ) {
    const [chat] = chatPair();
    end(chat);
    assertThrows(() => chat.detach(), ClosedError);
    chat.close();
  }
});

test("Chat.detach() refuses when sending has failed: what was pushed is lost, and closed says so", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  const broken = new ConnectionError("reset", "it broke");
  connection.hold();
  chat.push("lost");
  connection.release(broken);
  await assertRejects(() => chat.flush(), ConnectionError);
  const error = assertThrows(() => chat.detach(), ClosedError, "broke");
  assertStrictEquals(error.cause, broken);
  connection.arrive(null);
  assertStrictEquals(await chat.closed, broken);
});

test("Chat.discardBuffers() drops what was not handed out and what was not sent, says how much, and goes on", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n", highWaterMark: 10 });
  connection.arrive(bytes("one\ntwo\nhal"));
  assertStrictEquals(text(await chat.read()), "one");

  const returned: string[] = [];
  const producer = (function* (): Generator<string> {
    try {
      yield "never";
    } finally {
      returned.push("producer");
    }
  })();
  producer.next();
  connection.hold();
  chat.push("being sent");
  await connection.wrote();
  const pushed = chat.push("waits", producer, "waits, too");
  const flushed = chat.flush();
  assertEquals(chat.discardBuffers(), { unread: 7, unsent: 15 });
  assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 });
  const error = await assertRejects(() => flushed, ChatError, "discardBuffers");
  assertStrictEquals(error.code, "discarded");
  assertEquals(returned, ["producer"]);

  connection.release();
  await pushed; // there is room again
  chat.push("next");
  await chat.flush();
  assertEquals(connection.writes.map((bytes) => text(bytes)), ["being sent", "next"]);
  connection.arrive(bytes("three\n"));
  assertStrictEquals(text(await chat.read()), "three");
});

test("Chat.discardBuffers() stops a producer that is under way, and nothing of it is sent after that", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  let produce = (_: string): void => {};
  chat.push((async function* (): AsyncGenerator<string> {
    yield "first";
    yield await new Promise<string>((resolve) => produce = resolve);
  })());
  await connection.wrote();
  for (let i = 0; i < 10; i++) await Promise.resolve();
  chat.discardBuffers();
  chat.push("next");
  produce("too late");
  await chat.flush();
  assertEquals(connection.writes.map((bytes) => text(bytes)), ["first", "next"]);
});

test("Chat.discardBuffers() begins a new frame, also when one was half skipped", async () => {
  const [chat, peer] = chatPair({ maxFrameLength: 5 });
  await peer.write(bytes("much too long"));
  await assertRejects(() => chat.read(), FrameTooLongError);
  chat.discardBuffers();
  await peer.write(bytes("next\n"));
  assertStrictEquals(text(await chat.read()), "next");
  chat.close();
});

test("Chat.discardBuffers() gets past a producer that never goes on, and past one that fails later", async () => {
  const [chat, peer] = chatPair();
  let fail = (): void => {};
  const stuck = async function* (): AsyncGenerator<string> {
    yield "a";
    await new Promise(() => {});
  };
  const failing = async function* (): AsyncGenerator<string> {
    yield "b";
    await new Promise((_, reject) => fail = () => reject(new Error("too late")));
  };
  for (const [producer, expected] of [[stuck, "a"], [failing, "b"]] as const) {
    chat.push(producer());
    assertStrictEquals(text(await peer.read()), expected);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    chat.discardBuffers();
    fail();
    chat.push("next");
    assertStrictEquals(text(await peer.read()), "next");
  }
  const done = chat.closeWhenDone();
  await peer.closeWrite();
  await done;
});

test("Chat.discardBuffers() leaves the write that is under way, which flush(), closeWrite() and detach() heed", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.hold();
  chat.push("being sent");
  await connection.wrote();
  const closing = chat.closeWrite(); // what it waits for is dropped; it goes on
  chat.push("refused");
  chat.discardBuffers();
  assertThrows(() => chat.detach(), ChatError, "flush");
  let flushed = false;
  const flush = chat.flush().then(() => flushed = true);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  assertEquals([flushed, connection.writeEnded], [false, false]);
  connection.release();
  await Promise.all([flush, closing]);
  assertEquals([flushed, connection.writeEnded], [true, true]);

  chat.close();
  assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 });
});

test("Chat.discardBuffers() breaks off a stream() that is half read, and the next byte begins a new frame", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("abcd"));
  const stream = chat.stream(10);
  await stream.next();
  chat.discardBuffers();
  const error = await assertRejects(() => stream.next(), ChatError, "discardBuffers");
  assertStrictEquals(error.code, "discarded");
  const untouched = chat.stream(3);
  chat.discardBuffers();
  await peer.write(bytes("xyznext\n"));
  assertStrictEquals(text((await untouched.next()).value!), "xyz");
  await untouched.return!();
  assertStrictEquals(text(await chat.read()), "next");
  chat.close();
});

testWithChaos(
  "Chat reads what was received before it was made first, and then what the connection gives",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("head\nwhole\nhal"));
    await chat.read();
    const { connection, unread } = chat.detach();
    const next = new Chat(connection, { terminator: "\n", encoding: "utf-8" }, unread);
    await peer.write(bytes("f\n"));
    await peer.closeWrite();
    const frames: string[] = [];
    for await (const frame of next) frames.push(frame);
    assertEquals(frames, ["whole", "half"]);
    next.close();
    const wrong = "text" as unknown as Uint8Array;
    assertThrows(() => new Chat(memoryPair()[0], { terminator: 1 }, wrong), TypeError, "string");
  },
);
