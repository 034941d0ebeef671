import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Framer, lines, type Terminator } from "../mod.ts";
import { toRule } from "../src/terminator.ts";
import { bytes, text } from "./support/bytes.ts";

test("toRule() makes a delimiter ready once, however many chats have it", () => {
  assertStrictEquals(toRule("\r\n"), toRule("\r\n"));
  assertStrictEquals(toRule("\r\n") === toRule("\n"), false);
});

test("toRule() says what was meant when a framing was not called, and when it gets the options of a read", () => {
  assertThrows(() => toRule(lines as unknown as Terminator), TypeError, "call it, as in lines()");
  const options = { timeout: 10 } as unknown as Terminator;
  assertThrows(() => toRule(options), TypeError, "options come second");
});

test("toRule() refuses an empty delimiter each time", () => {
  for (let i = 0; i < 2; i++) assertThrows(() => toRule(""), TypeError, "an empty string");
});

test("a program may use any number of delimiters, of any length, in turn", () => {
  const delimiters = Array.from({ length: 200 }, (_, i) => `<${i}>`.repeat(1 + i % 40));
  const framer = new Framer({ terminator: "\n" });
  for (let round = 0; round < 2; round++) {
    for (const delimiter of delimiters) framer.push(bytes(`before ${delimiter}`));
    const frames = delimiters.map((delimiter) => text(framer.next(delimiter)));
    assertEquals(new Set(frames), new Set(["before "]));
    assertStrictEquals(framer.buffered, 0);
  }
});

test("two framers with the same delimiter do not disturb each other in the middle of it", () => {
  const [one, other] = [new Framer({ terminator: "--end" }), new Framer({ terminator: "--end" })];
  one.push(bytes("one--e"));
  assertStrictEquals(one.next(), undefined);
  other.push(bytes("nd, other--end"));
  assertStrictEquals(text(other.next()), "nd, other");
  one.push(bytes("nd"));
  assertStrictEquals(text(one.next()), "one");
});
