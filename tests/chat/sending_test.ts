/** Data and producers out: in order, in few writes, no further ahead than the other end takes them; and what becomes of producers. */
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
  type Chat,
  ClosedError,
  ConnectionError,
  type Data,
  FrameInjectionError,
  ProducerError,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { scripted, testWithChaos, ticks } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { nextTurn } from "../support/turn.ts";

const BROKEN = new ConnectionError("reset", "it broke");
const OVER = { done: true, value: undefined } as const;

// In order

testWithChaos("Chat sends data and producers in the order they were pushed", async (chatPair) => {
  const [chat, peer] = chatPair();
  async function* later(): AsyncGenerator<Data | Uint8Array[]> {
    yield "d";
    await Promise.resolve();
    yield [bytes("e"), bytes("f")];
    yield [];
  }
  chat.push("a", ["b", bytes("c")], later());
  chat.push(
    new ReadableStream<string>({
      start(controller): void {
        controller.enqueue("g");
        controller.close();
      },
    }),
  );
  chat.push(new Set(["h"]), "", new Uint8Array(0), "i");
  chat.push();
  chat.closeWrite();
  assertStrictEquals(text(await readAll(peer)), "abcdefghi");
});

test("Chat sends what a producer pushes itself after what was pushed before", async () => {
  const { chat, connection } = scripted();
  function* nested(): Generator<string> {
    yield "a";
    chat.push("d");
    yield "b";
  }
  chat.push(nested(), "c");
  await chat.flush();
  await chat.flush(); // of what was pushed since
  assertStrictEquals(connection.sent, "abcd");
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
  },
);

testWithChaos(
  "Chat.send() refuses what would forge a frame before a byte is sent, and a refusal need not be awaited",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await assertRejects(() => chat.send("QUIT\nMAIL"), FrameInjectionError, "byte 4");
    chat.send("not\nawaited");
    await assertRejects(() => chat.send({} as unknown as string), TypeError, "Object");
    chat.send("good");
    chat.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "good\n");
    await assertRejects(() => chat.send("late"), ClosedError);
  },
);

test("Chat keeps the order of small, large, text and bytes, and apart from what others send, while writes are under way", async () => {
  const chats = Array.from({ length: 4 }, () => ({ ...scripted(), expected: "" }));
  for (const { connection } of chats) connection.hold();
  for (let i = 0; i < 2_000; i++) {
    const each = chats[(i * i + (i >> 3)) % 4]!;
    const item = `${i}${i % 3 ? "é" : "€😀"}`.repeat(1 + (i * 7919) % (i % 50 === 0 ? 1_000 : 40));
    each.expected += item;
    void each.chat.push(i % 2 ? item : bytes(item));
    if (i % 5 === 0) await Promise.resolve();
    if (i % 97 !== 0) continue;
    each.connection.release();
    each.connection.hold();
  }
  for (const { chat, connection, expected } of chats) {
    connection.release();
    await chat.flush();
    assertStrictEquals(connection.sent, expected);
  }
});

test("Chat copies a small array before push() returns to the event loop, and a large one never", async () => {
  const { chat, connection } = scripted();
  const given: Uint8Array[] = [];
  const write = connection.write.bind(connection);
  connection.write = (data) => (given.push(data), write(data));
  const [small, large] = [bytes("one"), new Uint8Array(100_000)];
  chat.push(small, large);
  small.fill(0);
  await chat.flush();
  assertEquals(connection.writes, [bytes("one"), large]);
  assertStrictEquals(given[1]!.buffer, large.buffer);
});

// In few writes

test("Chat writes what is pushed in one turn with one write, however many microtasks that takes, also when other chats push in between", async () => {
  const chats = Array.from({ length: 100 }, () => scripted());
  for (let i = 0; i < 200; i++) {
    for (const [at, { chat }] of chats.entries()) chat.push(`${at}:`, `${i};`);
    await ticks(i);
  }
  await nextTurn();
  for (const [at, { connection }] of chats.entries()) {
    const expected = Array.from({ length: 200 }, (_, i) => `${at}:${i};`).join("");
    assertEquals([connection.sent, connection.writes.length], [expected, 1]);
  }
});

test("Chat writes together what is pushed while a write is under way", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("first");
  await connection.wrote();
  for (let i = 0; i < 100; i++) chat.push("x");
  connection.release();
  await chat.flush();
  assertEquals(connection.writes.map((write) => write.length), [5, 100]);
});

test("Chat writes before the turn has ended at the mark, for flush(), and for a read that waits; the rest at its end", async () => {
  const { chat, connection } = scripted({ highWaterMark: 10 });
  let turns = 0;
  const counting = nextTurn().then(() => turns++);
  await chat.push("1234567890");
  chat.push("for flush");
  await chat.flush();
  connection.arrive(bytes("one\ntwo\n"));
  for (const _ of ["one", "two"]) {
    await chat.read();
    chat.push("x");
  }
  const reading = chat.read();
  await connection.wrote(3);
  chat.push("y");
  await ticks();
  chat.push("z");
  assertEquals([turns, connection.writes.map(text)], [0, ["1234567890", "for flush", "xx"]]);
  await counting;
  await chat.flush();
  assertEquals(connection.writes.slice(3).map(text), ["yz"]);
  connection.arrive(null);
  await reading;
});

test("Chat has each piece of a producer that waits between them on the wire within the turn", async () => {
  const { chat, connection } = scripted();
  let produce = (_: string): void => {};
  chat.push((async function* (): AsyncGenerator<string> {
    for (;;) yield await new Promise<string>((resolve) => produce = resolve);
  })());
  await nextTurn(); // it is begun
  let expected = "";
  for (const piece of ["one", "two", "three"]) {
    await nextTurn();
    produce(piece);
    await nextTurn();
    assertStrictEquals(connection.sent, expected += piece);
  }
  chat.close();
});

// No further ahead than it is taken

test("Chat.push() and send() resolve at once below highWaterMark, and otherwise when there is room", async () => {
  for (const method of ["push", "send"] as const) {
    const { chat, connection } = scripted({ highWaterMark: 11, terminator: null });
    connection.hold();
    await chat[method]("123456789");
    await chat[method]("0");
    let hasRoom = false;
    const waiting = chat[method]("x").then(() => hasRoom = true);
    await nextTurn();
    assertStrictEquals(hasRoom, false);
    connection.release();
    await waiting;
  }
});

test("Chat has room when nothing waits, whatever highWaterMark says", async () => {
  const { chat, connection } = scripted({ highWaterMark: 0 });
  await chat.push();
  await chat.push("x");
  await chat.push("y");
  assertStrictEquals(connection.sent, "xy");
});

test("Chat.flush() resolves when all that was pushed before is with the transport", async () => {
  const { chat, connection } = scripted();
  await chat.flush();
  connection.hold();
  chat.push("one");
  let flushed = false;
  const flush = chat.flush().then(() => flushed = true);
  await chat.push("two");
  await nextTurn();
  assertEquals([flushed, connection.sent], [false, "one"]);
  connection.release();
  await flush;
});

test("Chat.flush() resolves between two producers when the first has ended, whatever the second does", async () => {
  const waiting = async function* (): AsyncGenerator<string> {
    await new Promise(() => {});
    yield "never";
  };
  const failing: Iterable<string> = {
    [Symbol.iterator](): Iterator<string> {
      throw new Error("out of paper");
    },
  };
  for (const second of [waiting(), failing]) {
    for (const between of ["", "data"]) {
      const { chat, connection } = scripted();
      let goOn = (): void => {};
      const first = async function* (): AsyncGenerator<string> {
        yield "first ";
        await new Promise<void>((resolve) => goOn = resolve);
      };
      chat.push(first(), between);
      const flushed = chat.flush();
      chat.push(second);
      await connection.wrote();
      goOn();
      await flushed;
      assertStrictEquals(connection.sent, `first ${between}`);
      chat.close();
    }
  }
});

test("Chat pulls a producer while little of what it gave waits to be taken, and no further", async () => {
  for (const piece of ["small", "more than the mark"]) {
    const { chat, connection } = scripted({ highWaterMark: 10 });
    connection.hold();
    let pulled = 0;
    chat.push((function* (): Generator<string> {
      for (;;) {
        pulled += piece.length;
        yield piece;
      }
    })());
    for (let count = 1; count < 50; count++) {
      await connection.wrote(count);
      await nextTurn();
      const taken = connection.sent.length - connection.writes.at(-1)!.length;
      assertLess(pulled - taken, 10 + 2 * piece.length);
      connection.release();
      connection.hold();
    }
    chat.close(); // an endless producer is stopped
    assertStrictEquals(await chat.closed, undefined);
  }
});

test("Chat closes with BackpressureError when more than maxQueuedBytes wait and more is pushed", async () => {
  const { chat, connection } = scripted({ maxQueuedBytes: 100 });
  connection.hold();
  for (let i = 0; i < 11; i++) chat.push("0123456789");
  const error = await assertRejects(() => chat.push("too many"), BackpressureError, "110 bytes");
  assertStrictEquals(error.limit, 100);
  assertStrictEquals(await chat.closed, error);
  await assertRejects(() => chat.read(), BackpressureError);
});

test("Chat makes a loop wait, and fail, that pushes nothing but producers, or asks for flush() behind each push", async () => {
  const entries = [
    (chat: Chat<string>) => chat.push([]),
    (chat: Chat<string>) => {
      chat.push("x");
      chat.flush();
      return chat.push("x");
    },
  ];
  for (const push of entries) {
    const { chat, connection } = scripted({ highWaterMark: 10_000, maxQueuedBytes: 100_000 });
    connection.hold();
    chat.push("x");
    let resolved = 0;
    let error: unknown;
    for (let i = 0; i < 1_000; i++) push(chat).then(() => resolved++, (reason) => error = reason);
    await nextTurn();
    assert(resolved < 20, `${resolved} pushes resolved`);
    assertInstanceOf(error, BackpressureError);
    assertStrictEquals(await chat.closed, error);
  }
});

test("Chat.push() has room though many wait for one flush(), and their markers are no bytes", async () => {
  const { chat, connection } = scripted({ highWaterMark: 10_000 });
  connection.hold();
  chat.push("x");
  const flushes = Array.from({ length: 1_000 }, () => chat.flush());
  await chat.push("it has room");
  assertStrictEquals(chat.stats.queued, 12);
  connection.release();
  await Promise.all([...flushes, chat.flush()]);
  assertStrictEquals(chat.stats.queued, 0);
});

for (const piece of ["x", ""]) {
  test(`Chat lets other work run while ${JSON.stringify(piece)} after another is taken at once`, async () => {
    const { chat } = scripted();
    let hadTurn = false;
    setTimeout(() => hadTurn = true, 0);
    let pieces = 0;
    function* many(): Generator<string> {
      while (!hadTurn && pieces++ < 1_000_000) yield piece;
    }
    chat.push(many());
    await chat.flush();
    assert(hadTurn, `${pieces} pieces were sent, and nothing else was done`);
  });
}

test("Chat lets other work run while its flush() is awaited again and again", async () => {
  const { chat } = scripted();
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  for (let i = 0; !hadTurn && i < 1_000_000; i++) {
    chat.push(["x"]);
    await chat.flush();
  }
  assert(hadTurn);
});

// What is refused, and what fails

test("Chat.push() refuses what cannot be sent at once, naming its type, and queues nothing", async () => {
  const { chat, connection } = scripted();
  const nonsense = [
    5,
    null,
    undefined,
    true,
    {},
    () => "x",
  ];
  for (const wrong of nonsense) {
    assertThrows(() => chat.push("a", wrong as unknown as string), TypeError, "not ");
  }
  await chat.flush();
  assertStrictEquals(connection.sent, "");
});

test("Chat refuses limits that are none", () => {
  for (const limit of [-1, 0.5, NaN]) {
    assertThrows(() => scripted({ highWaterMark: limit }), RangeError, "highWaterMark");
    assertThrows(() => scripted({ maxQueuedBytes: limit }), RangeError, "maxQueuedBytes");
  }
});

test("Chat drops the rest, and rejects whatever waits, when a write fails", async () => {
  const { chat, connection } = scripted({ highWaterMark: 1 });
  connection.hold();
  const waiting = [chat.push("a"), chat.flush(), chat.push("b")];
  connection.release(BROKEN);
  for (const each of waiting) {
    assertStrictEquals(await assertRejects(() => each, ConnectionError), BROKEN);
  }
  for (const late of [chat.flush(), chat.push("c"), chat.closeWrite()]) {
    assertStrictEquals(await assertRejects(() => late, ConnectionError), BROKEN);
  }
  assertStrictEquals(connection.sent, "a");
});

test("Chat ends, and says why, when write() of a connection rejects with undefined", async () => {
  const { chat, connection } = scripted();
  connection.write = () => Promise.reject(undefined);
  chat.push("x");
  connection.arrive(null);
  const error = await assertRejects(() => chat.flush(), ConnectionError, "undefined");
  assertStrictEquals(await chat.closed, error);
  await assertRejects(() => chat.push("y"), ConnectionError);
});

testWithChaos(
  "Chat closes with ProducerError when a producer throws, whatever, and sends nothing after it",
  async (chatPair) => {
    for (const cause of [new Error("out of paper"), Symbol("s"), Object.create(null)]) {
      const [chat, peer] = chatPair();
      const failing = (async function* (): AsyncGenerator<Data> {
        yield "half";
        throw cause;
      })();
      chat.push(failing, "never sent");
      const error = await chat.closed;
      assertInstanceOf(error, ProducerError);
      assertStrictEquals(error.cause, cause);
      for (const later of [chat.read(), chat.push("x"), chat.flush(), chat.closeWhenDone()]) {
        assertStrictEquals(await assertRejects(() => later, ProducerError), error);
      }
      assertStrictEquals(text(await readAll(peer)), "half");
    }
  },
);

/** A producer that counts what becomes of it. */
class Counted {
  begun = 0;
  ended = 0;
  returned = 0;
  readonly #next: () => unknown;

  constructor(next: () => unknown) {
    this.#next = next;
  }

  [Symbol.iterator](): Iterator<Data> {
    this.begun++;
    return {
      next: () => {
        const result = this.#next() as IteratorResult<string>;
        if (result.done) this.ended++;
        return result;
      },
      return: () => {
        this.returned++;
        return OVER;
      },
    };
  }
}

test("Chat calls return() of a producer once, unless it has thrown, or has come to its end", async () => {
  const fails = (message: string): never => {
    throw new Error(message);
  };
  const outcomes: [next: () => unknown, message: string | undefined, returned: number][] = [
    [() => OVER, undefined, 0],
    [() => fails("out of paper"), "out of paper", 0],
    [() => ({ done: false, value: 42 }), "number", 1],
    [() => ({ done: false, value: [bytes("a"), 42] }), "number", 1],
    [() => ({ done: false, value: Promise.reject(new Error("no data")) }), "no data", 1],
  ];
  for (const [next, message, returned] of outcomes) {
    const { chat } = scripted();
    const producer = new Counted(next);
    chat.push(producer);
    if (message === undefined) await chat.flush();
    else await assertRejects(() => chat.flush(), ProducerError, message);
    await nextTurn();
    assertStrictEquals(producer.returned, returned);
  }
});

test("Chat calls return() of a producer that is under way when it is closed, and of one that has not begun, or comes late", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  const producers = Array.from({ length: 3 }, () => new Counted(() => ({ value: "x" })));
  chat.push(producers[0]!, producers[1]!);
  await connection.wrote();
  chat.close();
  chat.push(producers[2]!);
  await nextTurn();
  assertEquals(producers.map(({ begun, returned }) => [begun, returned]), Array(3).fill([1, 1]));
});

test("Chat does not call return() of a producer that has come to its end, also when it is closed at once", async () => {
  for (let count = 0; count < 8; count++) {
    const { chat } = scripted();
    const producer = new Counted(() => OVER);
    chat.push(producer);
    chat.flush();
    await ticks(count);
    chat.close();
    await nextTurn();
    assertStrictEquals(producer.ended + producer.returned, 1);
  }
});
