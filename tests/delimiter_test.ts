import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Delimiter } from "../src/delimiter.ts";
import { bytes } from "./support/bytes.ts";

test("Delimiter knows how much is still matched when the next byte does not follow", () => {
  assertEquals([...new Delimiter(bytes("abacabab")).fallback], [0, 0, 1, 0, 1, 2, 3, 2]);
});

test("Delimiter.equals() compares bytes", () => {
  const delimiter = new Delimiter(bytes("ab"));
  assertStrictEquals(delimiter.equals(new Delimiter(bytes("ab"))), true);
  assertStrictEquals(delimiter.equals(new Delimiter(bytes("ac"))), false);
  assertStrictEquals(delimiter.equals(new Delimiter(bytes("abc"))), false);
});
