import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { fromKey, toKey } from "../../../examples/resp/key.ts";
import { matches } from "../../../examples/resp/pattern.ts";
import { ENTRY, Store } from "../../../examples/resp/store.ts";
import { bytes } from "../../support/bytes.ts";

test("Store keeps copies, and what they take", () => {
  const store = new Store();
  const value = bytes("hello");
  assertEquals(store.set("a", value), true);
  value.fill(0);
  assertEquals([store.get("a"), store.bytes, store.size], [bytes("hello"), ENTRY + 6, 1]);
  store.set("a", bytes("hi"));
  assertEquals([store.get("a"), store.bytes], [bytes("hi"), ENTRY + 3]);
  assertEquals([store.delete("a"), store.delete("a"), store.bytes, store.size], [
    true,
    false,
    0,
    0,
  ]);
});

test("Store takes no more than it may", () => {
  const store = new Store(ENTRY + 10);
  assertEquals(store.set("a", new Uint8Array(9)), true);
  assertEquals(store.set("b", new Uint8Array(0)), false);
  assertEquals(store.set("a", new Uint8Array(10)), false);
  assertEquals(store.get("a")?.length, 9);
  assertEquals(store.set("a", new Uint8Array(1)), true);
  assertEquals(store.set("b", new Uint8Array(0)), false); // which has no bytes, and takes room all the same
  assertEquals(store.delete("a"), true);
  assertEquals(store.set("b", new Uint8Array(0)), true);
  store.clear();
  assertEquals(store.bytes, 0);
});

test("Store forgets what is over, whether it is asked for or not", () => {
  let now = 1_000;
  const store = new Store(Infinity, () => now);
  for (const key of ["asked", "swept", "kept", "stays"]) store.set(key, bytes("x"));
  store.expireAfter("asked", 10);
  store.expireAfter("swept", 10);
  store.expireAfter("kept", 10);
  store.expireAfter("kept", undefined);
  assertEquals([store.remaining("asked"), store.remaining("kept")], [10, undefined]);
  now += 10;
  assertEquals([...store.keys()], ["kept", "stays"]);
  store.set("again", bytes("x"));
  store.expireAfter("again", 5);
  now += 5;
  store.sweep();
  assertEquals([store.size, store.bytes], [2, 2 * ENTRY + "kept".length + "stays".length + 2]);
});

test("toKey() and fromKey() keep any bytes", () => {
  const all = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  assertEquals(fromKey(toKey(all)), all);
});

test("matches() knows the patterns of KEYS", () => {
  const examples: readonly (readonly [string, string, boolean])[] = [
    ["*", "", true],
    ["*", "abc", true],
    ["h?llo", "hello", true],
    ["h?llo", "hllo", false],
    ["h*llo", "heeello", true],
    ["h*l*o", "hello", true],
    ["h*x", "hello", false],
    ["h[ae]llo", "hallo", true],
    ["h[ae]llo", "hillo", false],
    ["h[^e]llo", "hello", false],
    ["h[^e]llo", "hbllo", true],
    ["h[a-c]llo", "hbllo", true],
    ["h[a-c]llo", "hdllo", false],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a[b", "a[b", true],
    ["", "", true],
    ["", "a", false],
  ];
  for (const [pattern, text, expected] of examples) {
    assertEquals(matches(pattern, text), expected, `${pattern} ${text}`);
  }
  assertEquals(matches("*a".repeat(50), "a".repeat(10_000) + "b"), false); // in no time
});
