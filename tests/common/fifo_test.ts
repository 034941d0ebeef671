import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Fifo } from "../../src/common/fifo.ts";

test("Fifo gives items in the order they came, however pushes and shifts mix", () => {
  const fifo = new Fifo<number>();
  let pushed = 0;
  let shifted = 0;
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
  assertStrictEquals(fifo.length, 0);
});

test("Fifo gives undefined when it is empty", () => {
  const fifo = new Fifo<string>();
  assertEquals([fifo.first, fifo.last, fifo.shift(), fifo.length], [
    undefined,
    undefined,
    undefined,
    0,
  ]);
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
