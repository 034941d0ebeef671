import { test } from "node:test";
import { assertStrictEquals, assertThrows } from "@std/assert";
import { FrameInjectionError, lines } from "../../mod.ts";
import { text } from "../support/bytes.ts";
import { checkCuts, checkRefusals } from "../support/framing_tables.ts";

/** What each input is cut into, without the line ends and with them, and what is left. */
const CUT: [input: string, dropped: string[], kept: string[], rest?: string][] = [
  ["one\ntwo\n", ["one", "two"], ["one\n", "two\n"]],
  ["one\r\ntwo\nthree\r\n", ["one", "two", "three"], ["one\r\n", "two\n", "three\r\n"]],
  ["\n\r\n\n", ["", "", ""], ["\n", "\r\n", "\n"]],
  ["\r\r\n", ["\r"], ["\r\r\n"]],
  ["a\rb\n", ["a\rb"], ["a\rb\n"]],
  ["\n\r\r\n", ["", "\r"], ["\n", "\r\r\n"]],
  ["größe\n", ["größe"], ["größe\n"]],
  ["one\ntwo", ["one"], ["one\n"], "two"],
  ["one\ntwo\r", ["one"], ["one\n"], "two\r"],
  ["one\r\n\r", ["one"], ["one\r\n"], "\r"],
];

test("lines() ends a line at each line feed, with the carriage return before it, however the bytes arrive", () => {
  for (const [input, dropped, kept, rest = ""] of CUT) {
    checkCuts(lines(), input, dropped, { rest });
    checkCuts(lines({ keep: true }), input, kept, { rest });
  }
});

test("lines().encode() adds a line feed, and says where a payload would be cut", () => {
  for (const line of ["", "one", "a\rb", "é"]) {
    assertStrictEquals(text(lines().encode(line)), `${line}\n`);
  }
  checkRefusals(FrameInjectionError, (line: string) => lines().encode(line), [
    ["one\ntwo", "byte 3"],
    ["\n", "byte 0"],
    ["one\r", "byte 3"],
    ["a\r\n", "byte 1"],
  ]);
});

test("lines({ keep }).encode() leaves a line with its end as it is, and refuses all else", () => {
  const kept = lines({ keep: true });
  for (const line of ["one\n", "one\r\n", "\n", "\r\n", "a\rb\r\r\n"]) {
    assertStrictEquals(text(kept.encode(line)), line);
  }
  checkRefusals(FrameInjectionError, (line: string) => kept.encode(line), [
    ["", "must end with its delimiter"],
    ["one", "must end with its delimiter"],
    ["one\r", "must end with its delimiter"],
    ["one\ntwo\n", "more than one frame"],
    ["\n\n", "more than one frame"],
    ["one\ntwo", "more than one frame"],
  ]);
});

test("lines() refuses options of a wrong type", () => {
  assertThrows(() => lines({ keep: 1 as unknown as true }), TypeError, "not 1");
});
