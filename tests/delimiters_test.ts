import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Delimiters } from "../src/delimiters.ts";
import { bytes } from "./support/bytes.ts";

const delimiters = (...patterns: string[]): Delimiters => new Delimiters(patterns.map(bytes));

/** How many bytes are matched after each byte of the text. */
function depths(sought: Delimiters, text: string): number[] {
  let state = 0;
  return [...bytes(text)].map((byte) => sought.depth[state = sought.step(state, byte)]!);
}

test("Delimiters knows how much is still matched when the next byte does not follow", () => {
  assertEquals(depths(delimiters("abacabab"), "abacabacx"), [1, 2, 3, 4, 5, 6, 7, 4, 0]);
  assertEquals(depths(delimiters("aab"), "aaaab"), [1, 2, 2, 2, 3]);
});

test("Delimiters falls back from one byte string to another", () => {
  assertEquals(depths(delimiters("abcx", "bcd"), "abcd"), [1, 2, 3, 3]);
});

test("Delimiters.equals() compares the bytes of all, in their order", () => {
  const sought = delimiters("ab", "c");
  assertStrictEquals(sought.equals(delimiters("ab", "c")), true);
  for (const other of [["ab"], ["ab", "d"], ["ab", "cc"], ["c", "ab"], ["ab", "c", "c"]]) {
    assertStrictEquals(sought.equals(delimiters(...other)), false);
  }
});
