import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chat, ClosedError, ConnectionError, memoryPair } from "../../mod.ts";
import { chaos } from "../../src/testing/mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { nextTurn } from "../support/turn.ts";

checkConnection("chaos()", () => {
  const [left, right] = memoryPair();
  return Promise.resolve([
    chaos(left, { seed: 1, delay: 0.01 }),
    chaos(right, { seed: 2, delay: 0.01 }),
  ]);
});

/** What comes of 20 writes of 20 bytes, chunk by chunk. */
async function chunksOf(seed: number): Promise<string[]> {
  const [left, right] = memoryPair();
  const reader = chaos(right, { seed });
  for (let i = 0; i < 20; i++) await left.write(bytes(`${i} `.padEnd(20, "x")));
  await left.closeWrite();
  const chunks: string[] = [];
  for (let chunk = await reader.read(); chunk; chunk = await reader.read()) {
    chunks.push(text(chunk));
  }
  reader.close();
  return chunks;
}

test("chaos() splits and merges what is read, and does the same for the same seed", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const chunks = await chunksOf(seed);
    assert(chunks.some(({ length }) => length < 20) && chunks.some(({ length }) => length > 20));
    assertEquals(await chunksOf(seed), chunks);
    seen.add(chunks.map(({ length }) => length).join());
  }
  assertStrictEquals(seen.size, 20);
});

test("chaos() splits what is written", async () => {
  const [left, right] = memoryPair();
  const writer = chaos(left, { seed: 3, split: 0.9 });
  const received: Uint8Array[] = [];
  for (const word of ["", "one", "two and three"]) await writer.write(bytes(word));
  await writer.closeWrite();
  for (let chunk = await right.read(); chunk; chunk = await right.read()) received.push(chunk);
  assertStrictEquals(text(concat(received)), "onetwo and three");
  assert(received.length > 2);
  writer.close();
  right.close();
});

test("chaos() resets after so many bytes, whoever moves them, and what was received before is handed out", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const [left, right] = memoryPair();
    const broken = chaos(right, { seed, resetAfter: 50 });
    await left.write(bytes("x".repeat(100)));
    let received = 0;
    const error = await assertRejects(async () => {
      for (;;) received += (await broken.read())!.length;
    }, ConnectionError);
    assertStrictEquals(error.code, "reset");
    assert(received > 50);
    await assertRejects(() => broken.write(bytes("x")), ConnectionError, "chaos");
    await broken.closed;
    left.close();
  }
});

test("chaos() tells the reads and writes that wait when it resets of the reset", async () => {
  const [left, right] = memoryPair();
  const broken = chaos(right, { seed: 1, resetAfter: 5 });
  const reading = assertRejects(() => broken.read(), ConnectionError, "chaos");
  await broken.write(bytes("longer than that"));
  await reading;
  await assertRejects(() => broken.closeWrite(), ConnectionError, "chaos");
  left.close();
});

test("chaos() stalls after so many bytes, whoever moves them, until it is closed", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const [left, right] = memoryPair();
    const stalled = chaos(right, { seed, delay: 0, stallAfter: 50 });
    await stalled.write(bytes("x".repeat(20)));
    await left.write(bytes("x".repeat(100)));
    let received = 0;
    let waits = 0;
    const reading = (async () => {
      for (;;) {
        waits++;
        received += (await stalled.read())!.length;
        waits--;
      }
    })();
    const readingEnds = assertRejects(() => reading, ClosedError);
    while (received < 30) await nextTurn();
    const receivedThen = received;
    const writing = assertRejects(() => stalled.write(bytes("not taken")), ClosedError);
    await stalled.closeWrite(); // the peer does not learn of it

    let sent = 0;
    while (sent < 20) sent += (await left.read())!.length;
    let isOver = false;
    const next = left.read().then((chunk) => (isOver = true, chunk));
    await nextTurn();
    assertEquals({ sent, received, waits, isOver }, {
      sent: 20,
      received: receivedThen,
      waits: 1,
      isOver: false,
    });

    stalled.close();
    await Promise.all([readingEnds, writing]);
    await assertRejects(() => stalled.read(), ClosedError);
    await assertRejects(() => stalled.closeWrite(), ClosedError);
    assertStrictEquals(await next, null);
    left.close();
    await stalled.closed;
  }
});

test("chaos() that stalls while a read waits for the peer holds back what the peer sends then", async () => {
  const [left, right] = memoryPair();
  const stalled = chaos(right, { seed: 1, delay: 0, stallAfter: 5 });
  const reading = assertRejects(() => stalled.read(), ClosedError);
  await stalled.write(bytes("12345"));
  await left.write(bytes("too late"));
  await left.closeWrite();
  await nextTurn();
  stalled.close();
  await reading;
  left.close();
});

test("A chat on a connection that stalls is closed by closeWhenDone() if nothing waits, and by close() if something does", async () => {
  const [left, right] = memoryPair();
  const empty = new Chat(chaos(left, { seed: 1, stallAfter: 0 }), { terminator: "\n" });
  const full = new Chat(chaos(right, { seed: 1, stallAfter: 0 }), { terminator: "\n" });
  const reading = full.read();
  full.push("is not taken\n");
  const done = assertRejects(() => full.closeWhenDone(), ClosedError);
  await empty.closeWhenDone();
  assertStrictEquals(await empty.closed, undefined);
  full.close();
  await done;
  assertStrictEquals(await reading, null);
  assertStrictEquals(await full.closed, undefined);
});

test("chaos() refuses a seed, probabilities and counts that are none", () => {
  const [left] = memoryPair();
  const wrong: readonly [object, typeof RangeError | typeof TypeError, string][] = [
    [{ seed: 0.5 }, RangeError, "seed"],
    [{ split: 2 }, RangeError, "split"],
    [{ split: null }, TypeError, "split"],
    [{ merge: "0.5" }, TypeError, "merge"],
    [{ delay: NaN }, RangeError, "delay"],
    [{ resetAfter: -1 }, RangeError, "resetAfter"],
    [{ stallAfter: 0.5 }, RangeError, "stallAfter"],
  ];
  for (const [options, kind, said] of wrong) {
    assertThrows(() => chaos(left, { seed: 1, ...options }), kind, said);
  }
});
