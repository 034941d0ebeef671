import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Delimiters } from "../../src/framer/delimiters.ts";
import { bytes } from "../support/bytes.ts";

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

test("Delimiters knows the byte that they all end with, and have nowhere else", () => {
  const last = (...patterns: string[]): number => delimiters(...patterns).last;
  assertEquals([last("\n"), last("\r\n"), last("\n", "\r\n"), last("éx", "x")], [10, 10, 10, 120]);
  assertEquals([last("\n\n"), last("a", "b"), last("ab", "bab")], [-1, -1, -1]);
  assertEquals([delimiters("\r\n").lastCharacter, delimiters("é\n").lastCharacter], ["\n", ""]);
});

test("Delimiters.lengthBefore() finds the longest that ends at a byte, and does not begin too early", () => {
  const sought = delimiters("\n", "\r\n", "-\r\n");
  const found = (text: string, start: number): number =>
    sought.lengthBefore(bytes(text), start, text.length - 1);
  assertEquals([found("-\r\n", 0), found("-\r\n", 1), found("-\r\n", 2)], [3, 2, 1]);
  assertEquals([found("x\n", 0), delimiters("\r\n").lengthBefore(bytes("x\n"), 0, 1)], [1, 0]);
});
