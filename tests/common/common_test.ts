/** What the ground floor does, which has no public name to test it by. */
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { onAbort } from "../../src/common/abort.ts";
import { describeBytes } from "../../src/common/bytes.ts";
import { Fifo } from "../../src/common/fifo.ts";
import { attempt, notify } from "../../src/common/attempt.ts";
import { bytes, hex } from "../support/bytes.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { nextTurn } from "../support/turn.ts";

test("onAbort() calls all back, in the order they came, through one listener", () => {
  const signal = new CountingSignal();
  const called: number[] = [];
  const expected = Array.from({ length: 100 }, (_, i) => i);
  for (const i of expected) onAbort(signal, () => called.push(i));
  assertStrictEquals(signal.listeners, 1);
  signal.abort();
  assertEquals(called, expected);
});

test("onAbort() calls nobody back who gave it up, and listens no more when nobody is left", () => {
  const signal = new CountingSignal();
  const called: string[] = [];
  const giveUp = ["a", "b", "c"].map((name) => onAbort(signal, () => called.push(name)));
  giveUp[1]!();
  giveUp[1]!();
  signal.abort();
  assertEquals(called, ["a", "c"]);
  giveUp[0]!();
  assertStrictEquals(signal.listeners, 1);
  giveUp[2]!();
  assertStrictEquals(signal.listeners, 0);
  onAbort(signal, () => {})();
  assertStrictEquals(signal.listeners, 0);
});

test("describeBytes() shows text as text, what is no text byte by byte, and no more than 40 bytes", () => {
  const described: readonly [Uint8Array, string][] = [
    [bytes(""), '""'],
    [bytes('say "hi"\r\n\0'), '"say \\"hi\\"\\r\\n\\u0000"'],
    [bytes("\x1b[31m \x7f \u009b31m"), '"\\u001b[31m \\u007f \\u009b31m"'],
    [bytes("años €5"), '"años €5"'],
    [bytes("\ufeffx"), '"\ufeffx"'],
    [hex("610a80ff"), '"a\\n\\x80\\xff"'],
    [hex("c3"), '"\\xc3"'],
    [bytes("x".repeat(41)), `"${"x".repeat(40)}"...`],
    [bytes(`${"x".repeat(39)}é`), `"${"x".repeat(39)}"...`],
  ];
  for (const [data, expected] of described) assertStrictEquals(describeBytes(data), expected);
});

test("Fifo gives items in the order they came, however pushes and shifts mix", () => {
  const fifo = new Fifo<number>();
  let [pushed, shifted] = [0, 0];
  for (let round = 0; round < 500; round++) {
    for (let i = 0; i < (round * 7) % 40; i++) fifo.push(pushed++);
    for (let i = 0; i < (round * 5) % 38 && fifo.length > 0; i++) {
      assertStrictEquals(fifo.first, shifted);
      assertStrictEquals(fifo.shift(), shifted++);
    }
    assertStrictEquals(fifo.length, pushed - shifted);
    assertStrictEquals(fifo.last, fifo.length > 0 ? pushed - 1 : undefined);
  }
  assertEquals(fifo.clear(), Array.from({ length: pushed - shifted }, (_, i) => shifted + i));
  assertEquals([fifo.first, fifo.last, fifo.shift(), fifo.length], [...Array(3), 0]);
});

test("Fifo.removeAll() takes out and gives the items that are meant, and leaves the order of the others", () => {
  const fifo = new Fifo<number>();
  for (let i = 0; i < 6; i++) fifo.push(i);
  fifo.shift();
  assertEquals(fifo.removeAll((item) => item % 2 === 0), [2, 4]);
  fifo.push(6);
  assertStrictEquals(fifo.first, 1);
  assertEquals(fifo.removeAll(() => true), [1, 3, 5, 6]);
  assertEquals([fifo.length, fifo.first], [0, undefined]);
});

test("attempt() gives what the call gives, and undefined when it throws", () => {
  const fail = (): never => {
    throw new Error("nobody's");
  };
  assertEquals([attempt(() => 5), attempt(fail)], [5, undefined]);
});

test("tell() troubles nobody with what it calls throws, now or later", async () => {
  let told = 0;
  notify(() => told++);
  notify(() => {
    told++;
    throw new Error("now");
  });
  notify(() => {
    told++;
    return Promise.reject(new Error("later")); // unhandled, it would fail the test
  });
  assertStrictEquals(told, 3);
  await nextTurn();
});
