import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { onAbort } from "../../src/common/abort.ts";
import { CountingSignal } from "../support/counting_signal.ts";

test("onAbort() calls all back, in the order they came, through one listener", () => {
  const signal = new CountingSignal();
  const called: number[] = [];
  for (let i = 0; i < 100; i++) onAbort(signal, () => called.push(i));
  assertStrictEquals(signal.listeners, 1);
  signal.abort();
  assertEquals(called, Array.from({ length: 100 }, (_, i) => i));
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
