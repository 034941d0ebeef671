import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  anyOf,
  FrameInjectionError,
  type Framer,
  type Framing,
  lengthPrefixed,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { framerOf, pieceOf } from "../support/framers.ts";
import { checkCuts, checkRefusals, tooLong } from "../support/framing_tables.ts";

/** Delimiters, and what the input is cut into: each frame without its delimiter, and with it. */
const CUT: [
  delimiters: string[],
  input: string,
  cut: [frame: string, delimiter: string][],
  rest?: string,
][] = [
  [["\r\n", "\n", ";"], "one\r\ntwo;three\n", [["one", "\r\n"], ["two", ";"], ["three", "\n"]]],
  [["\n", ";"], "\n;\n", [["", "\n"], ["", ";"], ["", "\n"]]],
  [["x"], "axbx", [["a", "x"], ["b", "x"]]],
  // The leftmost wins, however long it is, and whichever was given first.
  [["abcd", "bc"], "xabcy", [["xa", "bc"]], "y"],
  [["abcd", "bc"], "xabcd", [["x", "abcd"]]],
  [["bc", "abcd"], "xabcabcdbc", [["xa", "bc"], ["", "abcd"], ["", "bc"]]],
  [["abcde", "c", "bcx"], "abcdcabcxabcde", [["ab", "c"], ["d", "c"], ["a", "bcx"], ["", "abcde"]]],
  // Of two at the same place, the longer.
  [["a", "aa"], "xaayazaaaz", [["x", "aa"], ["y", "a"], ["z", "aa"], ["", "a"]], "z"],
  [["\r", "\r\n", "\n"], "a\rb\r\nc\n\r\r\nd", [
    ["a", "\r"],
    ["b", "\r\n"],
    ["c", "\n"],
    ["", "\r"],
    ["", "\r\n"],
  ], "d"],
  [["ab", "abab", "ababab"], "xababababy", [["x", "ababab"], ["", "ab"]], "y"],
  // A longer one that breaks off in the middle: what follows the shorter one is searched again.
  [["a", "abab"], "abaxabab.", [["", "a"], ["b", "a"], ["x", "abab"]], "."],
  [["a", "abc", "b"], "abx", [["", "a"], ["", "b"]], "x"],
  [["é", "ê"], "aêbéc", [["a", "ê"], ["b", "é"]], "c"],
  // The end of the stream decides for what is there.
  [["\r", "\r\n"], "one\r\ntwo\r", [["one", "\r\n"], ["two", "\r"]]],
  [["abcde", "bc", "abcd"], "xabc", [["xa", "bc"]]],
  [["abcde", "bc", "abcd"], "xabcd", [["x", "abcd"]]],
  [["\r\n", ";"], "one;two\r", [["one", ";"]], "two\r"],
];

test("anyOf() ends a frame at the leftmost delimiter, and there at the longest, however the bytes arrive", () => {
  for (const [delimiters, input, cut, rest = ""] of CUT) {
    for (const all of [delimiters, delimiters.toReversed()]) {
      checkCuts(anyOf(...all), input, cut.map(([frame]) => frame), { rest });
      const kept = anyOf(...all.map(bytes), { keep: true });
      checkCuts(kept, input, cut.map((both) => both.join("")), { rest });
    }
  }
});

test("anyOf() hands out a frame at the shorter delimiter, and drops the rest of the longer one if it comes next", () => {
  for (const [next, rest] of [["x", "x"], ["\n", ""], ["\r", "\r"], ["\nx", "x"], ["\n\n", "\n"]]) {
    const framer = framerOf({ terminator: anyOf("\r", "\r\n") }, "one\r");
    assertEquals([framer.ready, text(framer.next()), framer.buffered], [true, "one", 0]);
    framer.push(bytes(next!));
    assertEquals(text(framer.takeRest()), rest);
  }
});

test("anyOf() drops the rest of a delimiter whatever is read next, and however it comes", () => {
  const terminator = anyOf("a", "abcd", "abx");
  const ways: Record<string, (framer: Framer) => unknown> = {
    "the same": (framer) => framer.next(),
    "another delimiter": (framer) => framer.next("!"),
    "a count": (framer) => framer.next(1),
    "anything": (framer) => framer.next(null),
    "pieces": (framer) => framer.nextPiece("!"),
    "a framing": (framer) => framer.next(lengthPrefixed({ bytes: 1 })),
  };
  for (const [way, read] of Object.entries(ways)) {
    for (const cut of [["bcd"], ["b", "cd"], ["bc", "d"], ["b", "c", "d"], ["bx"], ["b", "x"]]) {
      const framer = framerOf({ terminator }, "one a");
      assertStrictEquals(text(framer.next()), "one ");
      for (const piece of cut) {
        assertStrictEquals(read(framer), undefined, way);
        framer.push(bytes(piece));
      }
      assertStrictEquals(framer.buffered, 0, way);
      framer.push(bytes("!"));
      assertEquals(framer.takeRest(), bytes("!"), way);
    }
  }
});

test("anyOf() gives back what only looked like the rest of a delimiter", () => {
  for (
    const [cut, frames] of [[["bc", "x!"], ["bcx"]], [["b", "!"], ["b"]], [["bcd", "e!"], ["e"]]]
  ) {
    const framer = framerOf({ terminator: anyOf("a", "abcd", "!") }, "a");
    assertStrictEquals(text(framer.next()), "");
    for (const piece of cut!) {
      assertStrictEquals(framer.next(), undefined);
      framer.push(bytes(piece));
    }
    assertEquals([...framer].map(text), frames);
  }
  const ended = framerOf({ terminator: anyOf("a", "abcd"), incomplete: "yield" }, "a");
  assertStrictEquals(text(ended.next()), "");
  ended.push(bytes("bc"));
  assertEquals([ended.next(), ended.buffered, ended.ready], [undefined, 2, false]);
  ended.end();
  assertEquals([ended.ready, text(ended.next()), ended.next()], [true, "bc", undefined]);
});

test("anyOf() waits for the longer delimiter when bytes of it are here, and when it is kept", () => {
  const longer = framerOf({ terminator: anyOf("a", "abcd") }, "one ab");
  assertEquals([longer.ready, longer.next()], [false, undefined]);
  const kept = framerOf({ terminator: anyOf("\r", "\r\n", { keep: true }) }, "one\r");
  assertEquals([kept.ready, kept.next()], [false, undefined]);
  kept.push(bytes("\n"));
  assertStrictEquals(text(kept.next()), "one\r\n");
});

test("anyOf() decides when the frame is taken: what came after ready was asked counts", () => {
  const framer = framerOf({ terminator: anyOf("\r", "\r\n") }, "one\r");
  assert(framer.ready);
  framer.push(bytes("\ntwo\r"));
  assertEquals([text(framer.next()), text(framer.next())], ["one", "two"]);
  const changed = framerOf({ terminator: anyOf("\r", "\r\n") }, "one\r");
  assert(changed.ready);
  changed.push(bytes("\n"));
  assertStrictEquals(text(changed.next(null)), "one\r\n");
});

test("anyOf() does not make a framing of your own wait, nor a stream of pieces", () => {
  const line = anyOf("\r", "\r\n", "\n");
  const pair: Framing = {
    *decode() {
      const count = Number(text(yield line));
      return { length: count, trailer: "." };
    },
  };
  const lines: Framing = {
    *decode() {
      return yield line;
    },
  };
  checkCuts(pair, "2\r\nab.1\rx.0\n.", ["ab", "x", ""]);
  checkCuts(lines, "ab\r\n\r\nx\r\rx\n", ["ab", "", "x", "", "x"]);
  const own = framerOf({ terminator: lines }, "OK\r");
  assertStrictEquals(text(own.next()), "OK");
  own.push(bytes("\nGO\n"));
  assertStrictEquals(text(own.next()), "GO");
  const pieces = framerOf({ terminator: line }, "OK\r");
  assertEquals([pieceOf(pieces), pieceOf(pieces)], ["OK", null]);
  pieces.push(bytes("\nGO\n"));
  assertStrictEquals(text(pieces.next()), "GO");
});

test("anyOf() takes many delimiters", () => {
  const all = Array.from({ length: 200 }, (_, i) => `<${i}>`);
  const input = all.map((delimiter, i) => `frame ${i}${delimiter}`).join("");
  checkCuts(anyOf(...all), input, all.map((_, i) => `frame ${i}`));
});

test("anyOf() counts no delimiter towards maxFrameLength, nor what may become one", () => {
  checkCuts(anyOf("\r", "\r\n"), "one\r\nsix\rfour\rtwo\r", ["one", "six", tooLong(3), "two"], {
    maxFrameLength: 3,
  });
  // Nothing is too long while a delimiter that is under way may make it shorter.
  const terminator = anyOf("abcd", "bc");
  checkCuts(terminator, "xabcdxabcx", ["x", tooLong(1, 2)], { maxFrameLength: 1, rest: "x" });
});

test("anyOf() hands out no piece that a delimiter under way may begin in", () => {
  for (const [next, pieces, held] of [["d", [null], 0], ["y", ["a", null], 1]] as const) {
    const framer = framerOf({ terminator: anyOf("abcd", "bc") }, "xabc");
    assertEquals([pieceOf(framer), pieceOf(framer)], ["x", undefined]);
    framer.push(bytes(next));
    assertEquals(pieces.map(() => pieceOf(framer)), [...pieces]);
    assertStrictEquals(framer.buffered, held);
  }
});

test("anyOf().encode() refuses a payload that another delimiter would be read in, or that is read otherwise beside others", () => {
  const encode = (delimiters: string[], payload: string): unknown =>
    anyOf(...delimiters).encode(payload);
  checkRefusals(FrameInjectionError, encode, [
    [["\r\n", "\n"], "one\ntwo", '"one\\ntwo"'],
    [["\r\n", "\n"], "one\r\ntwo", "byte 3"],
    [["\n", "\r\n"], "one\r", "byte 3"],
    [["aa", "b"], "a", "forms a delimiter"],
    [["bc", "abcd"], "abcd", "forms a delimiter"],
    [["cd", "abcd"], "ab", "forms a delimiter"],
    // Behind the delimiter of the frame before it.
    [["\r", "\r\n"], "\nfoo", "forms a delimiter"],
    [["a", "aa"], "", "forms a delimiter"],
    [["\n", "\nfoo\n"], "foo", "forms a delimiter"],
    // "xb" and "yb", one after the other, hold "xby"; and "\n", "fo\n" and "o\n" hold "\nfo\no".
    [["b", "xby"], "x", "forms a delimiter"],
    [["\n", "\nfo\no"], "fo", "forms a delimiter"],
  ]);
});

test("anyOf().encode() adds the first delimiter, also when only what follows could make it longer", () => {
  assertStrictEquals(text(anyOf("\r", "\r\n").encode("one")), "one\r");
  assertStrictEquals(text(anyOf(";", "\n", "end").encode("one en")), "one en;");
});

test("anyOf({ keep }).encode() leaves a frame with any of the delimiters as it is", () => {
  const codec = anyOf("\r\n", "\n", ";", "!", "!!", { keep: true });
  for (const frame of ["one\r\n", "two\n", "three;", ";"]) {
    assertStrictEquals(text(codec.encode(frame)), frame);
  }
  checkRefusals(FrameInjectionError, (payload: string) => codec.encode(payload), [
    ["", "must end with its delimiter"],
    ["one", "must end with its delimiter"],
    ["one\r", "must end with its delimiter"],
    ["one!", "one that nothing makes longer"],
    ["one;two;", "more than one frame"],
    ["one\n;", "more than one frame"],
    ["one;two", "more than one frame"],
  ]);
});

test("anyOf() takes delimiters as bytes, also as a Buffer in the last place", () => {
  checkCuts(anyOf(bytes("\n"), Buffer.from(";")), "one\ntwo;", ["one", "two"]);
});

test("anyOf() refuses no delimiter, an empty one, and what is none", () => {
  const call = (args: unknown[]): unknown => anyOf(...args as string[]);
  checkRefusals(TypeError, call, [
    [[], "at least one"],
    [[{ keep: true }], "at least one"],
    [["\n", "", ";"], "an empty string"],
    [["\n", new Uint8Array(0), ";"], "an empty Uint8Array"],
    [["\n", undefined], "not undefined"],
    [["\n", null], "not null"],
    [["\n", 5], "not number"],
    [[{ keep: true }, "\n"], "not Object"],
    [["\n", { keep: 1 }], "not 1"],
  ]);
});
