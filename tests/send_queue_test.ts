import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BackpressureError,
  ClosedError,
  ConnectionError,
  type Data,
  type Producer,
  ProducerError,
} from "../mod.ts";
import { SendQueue, type SendQueueOptions } from "../src/send_queue.ts";
import { bytes, concat, text } from "./support/bytes.ts";
import { ScriptedConnection } from "./support/scripted_connection.ts";
import { nextTurn } from "./support/turn.ts";

interface Fixture {
  readonly queue: SendQueue;
  readonly connection: ScriptedConnection;
  readonly failures: Error[];
  push(...items: (Data | Producer)[]): Promise<void>;
  sent(): string;
}

function makeQueue(options: SendQueueOptions = {}, longestWrite?: number): Fixture {
  const connection = new ScriptedConnection();
  const failures: Error[] = [];
  const queue = new SendQueue(
    connection,
    {
      write: (owner, data) => owner.write(data),
      onFailure: (_owner, error) => failures.push(error),
    },
    options,
    longestWrite,
  );
  return {
    queue,
    connection,
    failures,
    push: (...items) => queue.push(items),
    sent: () => text(concat(connection.writes)),
  };
}

test("SendQueue writes many small pushes of one turn together", async () => {
  const { queue, connection, push, sent } = makeQueue();
  let expected = "";
  for (let i = 0; i < 1_000; i++) {
    push(`push number ${i};`);
    expected += `push number ${i};`;
  }
  await queue.flush();
  assertStrictEquals(sent(), expected);
  assertStrictEquals(connection.writes.length, 1);
});

test("SendQueue writes what is pushed in one turn as one array, the first push included", async () => {
  const { queue, connection, push } = makeQueue();
  push("one", "two");
  push("three");
  await queue.flush();
  assertEquals(connection.writes, [bytes("onetwothree")]);
});

test("SendQueue writes what is pushed in one turn as one array, though others push between", async () => {
  const fixtures = Array.from({ length: 500 }, () => makeQueue());
  for (let i = 0; i < 200; i++) {
    for (const [at, { push }] of fixtures.entries()) push(`${at}:${i};`);
  }
  for (const [at, { queue, connection }] of fixtures.entries()) {
    await queue.flush();
    const expected = Array.from({ length: 200 }, (_, i) => `${at}:${i};`).join("");
    assertStrictEquals(text(concat(connection.writes)), expected);
    assertStrictEquals(connection.writes.length, 1);
  }
});

test("SendQueue keeps its bytes apart from those of others, whatever their sizes, and while writes are under way", async () => {
  const fixtures = Array.from({ length: 4 }, () => ({ ...makeQueue(), expected: "" }));
  for (const { connection } of fixtures) connection.hold();
  for (let i = 0; i < 2_000; i++) {
    const at = (i * i + (i >> 3)) % 4;
    const fixture = fixtures[at]!;
    const item = `${at}${i}é`.repeat(1 + (i * 7919) % (i % 50 === 0 ? 1_000 : 40));
    fixture.expected += item;
    void fixture.push(i % 2 ? item : bytes(item));
    if (i % 5 === 0) await Promise.resolve();
    if (i % 97 !== 0) continue;
    fixture.connection.release();
    fixture.connection.hold();
  }
  for (const { queue, connection, sent, expected } of fixtures) {
    connection.release();
    await queue.flush();
    assertStrictEquals(sent(), expected);
  }
});

test("SendQueue writes together what is pushed while a write is under way", async () => {
  const { queue, connection, push } = makeQueue();
  connection.hold();
  push("first");
  await connection.wrote();
  for (let i = 0; i < 100; i++) push("x");
  connection.release();
  await queue.flush();
  assertEquals(connection.writes.map((write) => write.length), [5, 100]);
});

test("SendQueue writes what is pushed in one turn with one write, however many microtasks that takes", async () => {
  const { queue, connection, push } = makeQueue();
  for (let i = 0; i < 100; i++) {
    push("x");
    for (let tick = 0; tick < i; tick++) await Promise.resolve();
  }
  await nextTurn();
  assertEquals(connection.writes.map((write) => write.length), [100]);
  assertStrictEquals(queue.isEmpty, true);
});

test("SendQueue.hurry() writes what was pushed so far before the turn has ended, and leaves the rest to its end", async () => {
  const { queue, connection, push } = makeQueue();
  queue.hurry();
  push("one");
  queue.hurry();
  await connection.wrote();
  push("two");
  for (let tick = 0; tick < 10; tick++) await Promise.resolve();
  push("three");
  assertEquals(connection.writes, [bytes("one")]);
  await nextTurn();
  assertEquals(connection.writes, [bytes("one"), bytes("twothree")]);
});

test("SendQueue writes at the mark, and for flush(), before the turn has ended", async () => {
  const { queue, connection, push } = makeQueue({ highWaterMark: 10 });
  let turns = 0;
  const counting = nextTurn().then(() => turns++);
  await push("1234567890");
  push("12345");
  await queue.flush();
  assertEquals([turns, connection.writes.length], [0, 2]);
  await counting;
});

test("SendQueue keeps the order of small, large, text and bytes, whatever their sizes", async () => {
  const { queue, push, sent } = makeQueue();
  let expected = "";
  for (let i = 0; i < 200; i++) {
    const item = `${i}${"é€😀x".repeat((i * i) % 3_000)}`;
    expected += item;
    push(i % 2 ? item : bytes(item));
    if (i % 20 === 0) await queue.flush();
  }
  await queue.flush();
  assertStrictEquals(sent(), expected);
});

test("SendQueue does not copy a large array", async () => {
  const given: Uint8Array[] = [];
  const queue = new SendQueue(given, {
    write(owner, data) {
      owner.push(data);
      return Promise.resolve();
    },
    onFailure() {},
  }, {});
  const large = new Uint8Array(100_000);
  queue.push(["small", large]);
  await queue.flush();
  assertStrictEquals(given[1]!.buffer, large.buffer);
});

test("SendQueue writes a large array in parts, whoever gave it, if it is told to", async () => {
  const { queue, connection, push } = makeQueue({}, 1_000);
  const large = new Uint8Array(200_000).map((_, i) => i);
  push(large, [large]);
  await queue.flush();
  assertEquals(concat(connection.writes), concat([large, large]));
  const longest = Math.max(...connection.writes.map((write) => write.length));
  assertStrictEquals(longest, 1_000);
});

test("SendQueue has copied a small array when the turn in which it was pushed has ended", async () => {
  const { queue, push, sent } = makeQueue();
  const small = bytes("one");
  push(small);
  small.fill(0);
  await queue.flush();
  assertStrictEquals(sent(), "one");
});

test("SendQueue.push() resolves at once below highWaterMark, and else when there is room", async () => {
  const { connection, push } = makeQueue({ highWaterMark: 10 });
  connection.hold();
  await push("123456789");
  let roomy = false;
  const waiting = push("0").then(() => roomy = true);
  await Promise.all([push(), Promise.resolve()].slice(1));
  assertStrictEquals(roomy, false);
  connection.release();
  await waiting;
});

test("SendQueue has room when it is empty, whatever highWaterMark says", async () => {
  const { queue, push } = makeQueue({ highWaterMark: 0 });
  await push();
  await push("x");
  await queue.flush();
});

test("SendQueue refuses what cannot be sent at once, naming its type, and queues nothing", async () => {
  const { queue, push, sent } = makeQueue();
  const nonsense = [
    5,
    null,
    undefined,
    true,
    {},
    new ArrayBuffer(1),
    new Uint16Array(1),
    () => "x",
  ];
  for (const wrong of nonsense) {
    assertThrows(() => push("a", wrong as unknown as string), TypeError, "not ");
  }
  await queue.flush();
  assertStrictEquals(sent(), "");
});

test("SendQueue refuses limits that are none", () => {
  for (const limit of [-1, 0.5, NaN]) {
    assertThrows(() => makeQueue({ highWaterMark: limit }), RangeError, "highWaterMark");
    assertThrows(() => makeQueue({ maxQueuedBytes: limit }), RangeError, "maxQueuedBytes");
  }
});

test("SendQueue fails with ProducerError and a TypeError that names the type when a producer yields nonsense", async () => {
  const { queue, failures, push } = makeQueue();
  let ended = 0;
  function* nonsense(): Generator<unknown> {
    try {
      yield 42;
    } finally {
      ended++;
    }
  }
  push(nonsense() as Producer);
  const error = await assertRejects(() => queue.flush(), ProducerError, "number");
  assert(error.cause instanceof TypeError);
  assertEquals(failures, [error]);
  await Promise.resolve();
  assertStrictEquals(ended, 1);
});

test("SendQueue does not call return() of a producer that has thrown, or has come to its end", async () => {
  const { queue, push } = makeQueue();
  let returned = 0;
  const producer = (next: () => IteratorResult<string>): Producer => ({
    [Symbol.iterator]: () => ({
      next,
      return: () => {
        returned++;
        return { done: true, value: undefined };
      },
    }),
  });
  push(producer(() => ({ done: true, value: undefined })));
  push(producer(() => {
    throw new Error("out of paper");
  }));
  await assertRejects(() => queue.flush(), ProducerError, "out of paper");
  assertStrictEquals(returned, 0);
});

test("SendQueue sends the pieces of an async producer that yields several at a time", async () => {
  const { queue, push, sent } = makeQueue();
  async function* batches(): AsyncGenerator<Uint8Array[]> {
    yield [bytes("a"), bytes("b")];
    yield [];
    yield [bytes("c")];
  }
  push(batches());
  await queue.flush();
  assertStrictEquals(sent(), "abc");
});

test("SendQueue drains what a producer pushes itself, after what was pushed before", async () => {
  const { queue, push, sent } = makeQueue();
  function* nested(): Generator<string> {
    yield "a";
    push("d");
    yield "b";
  }
  push(nested(), "c");
  await queue.flush();
  await queue.flush(); // of what was pushed since
  assertStrictEquals(sent(), "abcd");
});

test("SendQueue lets a loop that pushes nothing but producers wait, too", async () => {
  const { connection, push } = makeQueue({ highWaterMark: 10_000 });
  connection.hold();
  let resolved = 0;
  for (let i = 0; i < 20; i++) push(["x"]).then(() => resolved++);
  await connection.wrote();
  assert(resolved < 20);
  connection.release();
});

test("SendQueue lets a loop that asks for flush() behind each push wait, and fail, too", async () => {
  const { queue, connection, push, failures } = makeQueue({ maxQueuedBytes: 100_000 });
  connection.hold();
  let pushes = 0;
  while (failures.length === 0 && pushes++ < 1_000) {
    push("x");
    queue.flush();
  }
  assertInstanceOf(failures[0], BackpressureError);

  const other = makeQueue({ highWaterMark: 10_000 });
  other.connection.hold();
  other.push("x");
  const flushes = Array.from({ length: 1_000 }, () => other.queue.flush());
  await other.push("it has room");
  assertStrictEquals(other.queue.queued, 12);
  other.connection.release();
  await Promise.all(flushes);
  await other.queue.flush();
  assertStrictEquals(other.queue.queued, 0);
});

test("SendQueue drops the rest, and tells each who waits, when a write fails", async () => {
  const { queue, connection, failures, push } = makeQueue({ highWaterMark: 1 });
  const broken = new ConnectionError("reset", "it broke");
  connection.hold();
  const waiting = [push("a"), queue.flush(), push("b")];
  connection.release(broken);
  for (const each of waiting) {
    assertStrictEquals(await assertRejects(() => each, ConnectionError), broken);
  }
  assertEquals(failures, [broken]);
  await assertRejects(() => push("c"), ConnectionError, "it broke");
});

test("SendQueue.end() sends what waits, and refuses what comes after", async () => {
  const { queue, push, sent } = makeQueue();
  push("last");
  const ended = queue.end();
  await assertRejects(() => push("late"), ClosedError);
  await ended;
  assertStrictEquals(sent(), "last");
});

test("SendQueue.flush() resolves after drop() when nothing was lost, and rejects when something was", async () => {
  const { queue, connection, push } = makeQueue();
  push("sent");
  await queue.flush();
  queue.drop(new Error("over"));
  await queue.flush();

  const other = makeQueue();
  other.connection.hold();
  other.push("lost");
  other.queue.drop(new Error("over"));
  await assertRejects(() => other.queue.flush(), Error, "over");
  assertEquals(connection.writes, [bytes("sent")]);
});

test("SendQueue.discard() counts right when a producer pushes as it is stopped", async () => {
  const { queue, connection, failures, push, sent } = makeQueue({ maxQueuedBytes: 1_000 });
  function* goodbye(): Generator<string> {
    try {
      yield "a";
      yield "b";
    } finally {
      push("x".repeat(500));
    }
  }
  connection.hold();
  push(goodbye());
  await connection.wrote();
  assertStrictEquals(queue.discard(), 0); // what the producer had not produced does not count
  connection.release();
  await queue.flush();
  assertStrictEquals(sent(), "a" + "x".repeat(500));
  assertStrictEquals(queue.discard(), 0);
  assertEquals(failures, []);
});

test("SendQueue.discard() gets past a producer whose value is a promise that never settles", async () => {
  const { queue, push, sent } = makeQueue();
  push([new Promise(() => {})] as unknown as Producer);
  await nextTurn();
  queue.discard();
  push("next");
  await queue.flush();
  assertStrictEquals(sent(), "next");
});

test("SendQueue.discard() is not troubled by a producer that fails at the same time", async () => {
  for (let ticks = 0; ticks < 8; ticks++) {
    const { queue, failures, push, sent } = makeQueue();
    let fail = (): void => {};
    push((async function* (): AsyncGenerator<string> {
      await new Promise((_, reject) => fail = () => reject(new Error("too late")));
      yield "never";
    })());
    await nextTurn();
    queue.discard();
    fail();
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    push("next");
    await queue.flush();
    assertEquals([sent(), failures.length], ["next", 0]);
  }
});

test("SendQueue.discard() drops the pieces that a producer gave together and that were not written yet", async () => {
  const { queue, connection, push, sent } = makeQueue();
  connection.hold();
  push((async function* (): AsyncGenerator<Uint8Array[]> {
    yield await Promise.resolve([bytes("a"), bytes("b"), bytes("c")]);
  })());
  await connection.wrote();
  queue.discard();
  connection.release();
  push("next");
  await queue.flush();
  assertStrictEquals(sent(), "anext");
});

test("SendQueue.discard() makes room at once, though a write is under way, and counts nothing after drop()", async () => {
  const { queue, connection, push } = makeQueue({ highWaterMark: 10 });
  connection.hold();
  push("first");
  await connection.wrote();
  const pushed = push("waits for room");
  assertStrictEquals(queue.discard(), 14);
  await pushed;
  push("second");
  queue.drop(new ClosedError("closed"));
  assertStrictEquals(queue.discard(), 0);
});

test("SendQueue ends a producer whose value is a promise that rejects, and calls its return()", async () => {
  const { queue, failures, push } = makeQueue();
  let returned = 0;
  push({
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: Promise.reject(new Error("no data")) }),
      return: () => {
        returned++;
        return { done: true, value: undefined };
      },
    }),
  } as unknown as Producer);
  await assertRejects(() => queue.flush(), ProducerError, "no data");
  assertStrictEquals(failures.length, 1);
  assertStrictEquals(returned, 1);
});

test("SendQueue does not call return() of a producer that has come to its end, also when it is dropped at once", async () => {
  for (let ticks = 0; ticks < 8; ticks++) {
    const { queue, push } = makeQueue();
    let [ended, returned] = [0, 0];
    push({
      [Symbol.iterator]: () => ({
        next: (): IteratorResult<string> => {
          ended++;
          return { done: true, value: undefined };
        },
        return: (): IteratorResult<string> => {
          returned++;
          return { done: true, value: undefined };
        },
      }),
    });
    queue.hurry(); // it is asked when the turn ends, or as soon as there is a hurry
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    queue.drop(new ClosedError("closed"));
    assertStrictEquals(ended + returned, 1);
  }
});

for (const piece of ["x", ""]) {
  test(`SendQueue leaves time for everything else, though ${JSON.stringify(piece)} after another is taken at once`, async () => {
    const queue = new SendQueue({}, { write: () => Promise.resolve(), onFailure() {} }, {});
    let hadTurn = false;
    setTimeout(() => hadTurn = true, 0);
    let pieces = 0;
    function* many(): Generator<string> {
      while (!hadTurn && pieces++ < 1_000_000) yield piece;
    }
    queue.push([many()]);
    await queue.flush();
    assert(hadTurn, `${pieces} pieces were sent, and nothing else was done`);
  });
}

test("SendQueue leaves time for everything else when its flush() is awaited again and again", async () => {
  const queue = new SendQueue({}, { write: () => Promise.resolve(), onFailure() {} }, {});
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  for (let i = 0; !hadTurn && i < 1_000_000; i++) {
    queue.push(["x"]);
    await queue.flush();
  }
  assert(hadTurn);
});
