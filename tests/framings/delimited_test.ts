import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { delimited, FrameInjectionError } from "../../mod.ts";
import { bytes, hex, text } from "../support/bytes.ts";
import { checkCuts, checkRefusals } from "../support/framing_tables.ts";

/** A delimiter, an input, what it is cut into, and what is left. */
const CUT: [delimiter: string, input: string, frames: string[], rest?: string][] = [
  ["\r\n", "one\r\ntwo\r\nthr\r", ["one", "two"], "thr\r"],
  ["\r\n", "\r\n\r\n", ["", ""]],
  ["\r\n", "a\r\r\nb\nc\r\n", ["a\r", "b\nc"]],
  [";", "one;;two;", ["one", "", "two"]],
  ["aab", "aaab", ["a"]],
  ["abab", "abaababxabab", ["aba", "x"]],
  ["aa", "aaaxaa", ["", "ax"]],
  ["é", "caféë", ["caf"], "ë"],
  ["<end>", "<e<end<end><<end>", ["<e<end", "<"]],
];

test("delimited() cuts before the delimiter, or behind it with keep, however the bytes arrive", () => {
  for (const [delimiter, input, frames, rest = ""] of CUT) {
    const kept = delimited(bytes(delimiter), { keep: true });
    checkCuts(delimited(delimiter), input, frames, { rest });
    checkCuts(kept, input, frames.map((frame) => frame + delimiter), { rest });
  }
});

test("delimited() takes bytes that are no text", () => {
  checkCuts(delimited(hex("ff00")), hex("01 ff00 ffff00"), [hex("01"), hex("ff")]);
});

test("delimited().encode() says where a payload would be cut", () => {
  const encode = (delimiter: string, payload: string): unknown =>
    delimited(delimiter).encode(payload);
  checkRefusals(FrameInjectionError, encode, [
    ["\r\n", "one\r\ntwo", "forms a delimiter at byte 3"],
    ["\r\n", "\r\n", "byte 0"],
    ["aa", "a", "byte 0"],
    ["aa", "xa", "byte 1"],
    ["aba", "ab", "byte 0"],
    ["abab", "xab", "byte 1"],
  ]);
});

test("delimited().encode() takes a payload that only nearly forms a delimiter", () => {
  for (const [end, payload] of [["\r\n", "a\rb\n"], ["aab", "a"], ["aba", "b"], ["ab", "ba"]]) {
    assertStrictEquals(text(delimited(end!).encode(payload!)), payload! + end);
  }
});

test("delimited({ keep }).encode() leaves a frame as it is, and refuses what is not just one", () => {
  const codec = delimited("ab", { keep: true });
  for (const frame of ["ab", "xab", "aab"]) assertEquals(codec.encode(frame), bytes(frame));
  checkRefusals(FrameInjectionError, (payload: string) => codec.encode(payload), [
    ["", "must end with its delimiter"],
    ["x", "must end with its delimiter"],
    ["xa", "must end with its delimiter"],
    ["abab", "delimiter at byte 0"],
    ["xabx", "delimiter at byte 1"],
  ]);
});

test("delimited() refuses an empty delimiter, and what is none", () => {
  checkRefusals(TypeError, (wrong: unknown) => delimited(wrong as string), [
    ["", "an empty string"],
    [new Uint8Array(0), "an empty Uint8Array"],
    [undefined, "not undefined"],
    [5, "not number"],
    [["\n"], "not Array"],
  ]);
  const keep = "no" as unknown as true;
  assertThrows(() => delimited("\n", { keep }), TypeError, 'keep must be true or false, not "no"');
});
