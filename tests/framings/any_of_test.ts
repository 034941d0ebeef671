import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  FrameInjectionError,
  type Framer,
  FrameTooLongError,
  IncompleteFrameError,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { framerOf, frames, pieceOf } from "../support/framers.ts";

function piecesOf(framer: Framer): string {
  let pieces = "";
  for (let piece = pieceOf(framer); piece; piece = pieceOf(framer)) pieces += piece;
  return pieces;
}

/** Delimiters, and what the input is cut into: each frame without its delimiter, and with it. */
const CUT: [delimiters: string[], input: string, cut: [frame: string, delimiter: string][]][] = [
  [["\r\n", "\n", ";"], "one\r\ntwo;three\n", [["one", "\r\n"], ["two", ";"], ["three", "\n"]]],
  [["\n", ";"], "\n;\n", [["", "\n"], ["", ";"], ["", "\n"]]],
  [["x"], "axbx", [["a", "x"], ["b", "x"]]],
  // The leftmost wins, however long it is, and whichever was given first.
  [["abcd", "bc"], "xabcy", [["xa", "bc"]]],
  [["abcd", "bc"], "xabcd", [["x", "abcd"]]],
  [["bc", "abcd"], "xabcabcdbc", [["xa", "bc"], ["", "abcd"], ["", "bc"]]],
  [["abcde", "c", "bcx"], "abcdcabcxabcde", [["ab", "c"], ["d", "c"], ["a", "bcx"], ["", "abcde"]]],
  // Of two at the same place, the longer.
  [["a", "aa"], "xaayazaaaz", [["x", "aa"], ["y", "a"], ["z", "aa"], ["", "a"]]],
  [["\r", "\r\n", "\n"], "a\rb\r\nc\n\r\r\nd", [
    ["a", "\r"],
    ["b", "\r\n"],
    ["c", "\n"],
    ["", "\r"],
    ["", "\r\n"],
  ]],
  [["ab", "abab", "ababab"], "xababababy", [["x", "ababab"], ["", "ab"]]],
  // A longer one that breaks off in the middle: what follows the shorter one is searched again.
  [["a", "abab"], "abaxabab.", [["", "a"], ["b", "a"], ["x", "abab"]]],
  [["a", "abc", "b"], "abx", [["", "a"], ["", "b"]]],
  [["é", "ê"], "aêbéc", [["a", "ê"], ["b", "é"]]],
];

test("anyOf() ends a frame at the leftmost delimiter, and there at the longest", () => {
  for (const [delimiters, input, cut] of CUT) {
    assertEquals(
      frames(framerOf({ terminator: anyOf(...delimiters) }, input)),
      cut.map(([frame]) => frame),
    );
  }
});

test("anyOf() leaves the delimiter that was found in the frame with keep", () => {
  for (const [delimiters, input, cut] of CUT) {
    const terminator = anyOf(...delimiters.map(bytes), { keep: true });
    assertEquals(frames(framerOf({ terminator }, input)), cut.map((both) => both.join("")));
  }
});

test("anyOf() gives the same frames when the bytes arrive one by one, in whatever order it has them", () => {
  for (const [delimiters, input, cut] of CUT) {
    for (const all of [delimiters, delimiters.toReversed()]) {
      const framer = framerOf({ terminator: anyOf(...all) });
      const found = [...bytes(input)].flatMap((byte) => {
        framer.push(Uint8Array.of(byte));
        return frames(framer);
      });
      assertEquals(found, cut.map(([frame]) => frame));
    }
  }
});

test("anyOf() waits for the byte that tells which delimiter it is", () => {
  for (
    const [next, frame, held] of [["x", "one", 1], ["\n", "one", 0], ["\r", "one", 1]] as const
  ) {
    const framer = framerOf({ terminator: anyOf("\r", "\r\n") }, "one\r");
    assertStrictEquals(framer.ready, false);
    assertStrictEquals(framer.next(), undefined);
    framer.push(bytes(next));
    assertStrictEquals(framer.ready, true);
    assertStrictEquals(text(framer.next()), frame);
    assertStrictEquals(framer.buffered, held);
  }
});

test("anyOf() decides at the end of the stream for what is there", () => {
  for (const [keep, expected] of [[false, ["one", "two"]], [true, ["one\r\n", "two\r"]]] as const) {
    const framer = framerOf({ terminator: anyOf("\r", "\r\n", { keep }) }, "one\r\ntwo\r");
    assertStrictEquals(text(framer.next()), expected[0]);
    assertStrictEquals(framer.next(), undefined);
    framer.end();
    assertStrictEquals(framer.ready, true);
    assertStrictEquals(text(framer.next()), expected[1]);
    assertStrictEquals(framer.next(), undefined);
  }
});

test("anyOf() decides at the end of the stream between delimiters that overlap", () => {
  for (const [input, expected] of [["xabc", "xa"], ["xabcd", "x"]] as const) {
    const framer = framerOf({ terminator: anyOf("abcde", "bc", "abcd") }, input);
    assertStrictEquals(framer.next(), undefined);
    framer.end();
    assertStrictEquals(text(framer.next()), expected);
  }
});

test("anyOf() takes many delimiters", () => {
  const all = Array.from({ length: 200 }, (_, i) => `<${i}>`);
  const input = all.map((delimiter, i) => `frame ${i}${delimiter}`).join("");
  const expected = all.map((_, i) => `frame ${i}`);
  assertEquals(frames(framerOf({ terminator: anyOf(...all) }, input)), expected);

  const framer = framerOf({ terminator: anyOf(...all) });
  const found = [...bytes(input)].flatMap((byte) => {
    framer.push(Uint8Array.of(byte));
    return frames(framer);
  });
  assertEquals(found, expected);
});

test("anyOf() counts no delimiter towards maxFrameLength, nor what may become one", () => {
  const terminator = anyOf("\r", "\r\n");
  const framer = framerOf({ terminator, maxFrameLength: 3 }, "one\r\nsix\r");
  assertStrictEquals(text(framer.next()), "one");
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("four\r"));
  assertStrictEquals(text(framer.next()), "six");
  assertThrows(() => framer.next(), FrameTooLongError, "at least 4 bytes");
});

test("anyOf() takes no frame for too long while a delimiter that is under way may make it shorter", () => {
  const framer = framerOf({ terminator: anyOf("abcd", "bc"), maxFrameLength: 1 }, "xabc");
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("d"));
  assertStrictEquals(text(framer.next()), "x");
});

test("anyOf() carries on at the next frame when one in many chunks is too long", () => {
  for (const end of ["\r\n", "<end>", "\r"]) {
    const terminator = anyOf("\r", "\r\n", "<end>");
    const framer = framerOf({ terminator, maxFrameLength: 4 }, "12345");
    assertThrows(() => framer.next(), FrameTooLongError, "at least 5 bytes");
    for (let chunk = 0; chunk < 1_000; chunk++) {
      framer.push(bytes("more<en"));
      assertStrictEquals(framer.next(), undefined);
      assert(framer.buffered <= 4, `${framer.buffered} bytes are held`);
    }
    framer.push(bytes(`${end}next<end>`));
    assertStrictEquals(text(framer.next()), "next");
  }
});

test("anyOf() throws, yields or drops an incomplete frame", () => {
  const terminator = anyOf("\r\n", ";");
  const framer = framerOf({ terminator }, "one;two\r");
  framer.end();
  assertStrictEquals(text(framer.next()), "one");
  const error = assertThrows(() => framer.next(), IncompleteFrameError, '"\\r\\n" or ";"');
  assertStrictEquals(text(error.bytes), "two\r");
  assertStrictEquals(framer.next(), undefined);

  for (const [incomplete, last] of [["yield", ["two\r"]], ["drop", []]] as const) {
    const framer = framerOf({ terminator, incomplete }, "one;two\r");
    framer.end();
    assertEquals(frames(framer), ["one", ...last]);
  }
});

test("anyOf() hands a frame out as it arrives, but not what may be a delimiter", () => {
  const framer = framerOf({ terminator: anyOf("\r", "\r\n") }, "ab");
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("c\r"));
  assertStrictEquals(pieceOf(framer), "c");
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("\nnext\rx"));
  assertStrictEquals(pieceOf(framer), null);
  assertStrictEquals(piecesOf(framer), "next");
  assertStrictEquals(framer.buffered, 1);
});

test("anyOf() hands out no piece that a delimiter under way may begin in", () => {
  for (const [next, expected] of [["d", "x"], ["y", "xa"]]) {
    const framer = framerOf({ terminator: anyOf("abcd", "bc") }, "xabc");
    assertStrictEquals(piecesOf(framer), "x");
    framer.push(bytes(next!));
    assertStrictEquals(`x${piecesOf(framer)}`, expected);
    assertStrictEquals(framer.buffered, next === "y" ? 1 : 0);
  }
});

test("anyOf() passes over the rest of a frame that is left half-way", () => {
  const framer = framerOf({ terminator: anyOf("\r", "\r\n") }, "ab");
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("cd\r"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("\nnext\r\n"));
  assertStrictEquals(text(framer.next()), "next");
});

/** The first delimiter in the text, and of several there the longest, by the simplest means. */
function cutSimply(input: string, all: string[]): [frame: string, end: number] | undefined {
  for (let at = 0; at < input.length; at++) {
    const here = all.filter((delimiter) => input.startsWith(delimiter, at));
    const longest = Math.max(...here.map((delimiter) => delimiter.length));
    if (here.length > 0) return [input.slice(0, at), at + longest];
  }
  return undefined;
}

const letters = (minLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength, maxLength: 4 });
const delimiters = fc.array(letters(1), { minLength: 1, maxLength: 3 });

test("anyOf().encode() adds the first delimiter, and what it accepts is read as it was", () => {
  fc.assert(
    fc.property(delimiters, fc.array(letters(0), { maxLength: 8 }), (all, payloads) => {
      const codec = anyOf(...all);
      const accepted: string[] = [];
      for (const payload of payloads) {
        try {
          assertStrictEquals(text(codec.encode(payload)), payload + all[0]);
          accepted.push(payload);
        } catch (error) {
          if (!(error instanceof FrameInjectionError)) throw error;
        }
      }
      const framer = framerOf({ terminator: codec }, ...accepted.map((p) => text(codec.encode(p))));
      framer.end();
      assertEquals(frames(framer), accepted);
    }),
    { numRuns: 1_000 },
  );
});

/** Whether no delimiter can begin in the payload, nor go on from the delimiter before it, whatever follows. */
function isSafe(payload: string, all: string[]): boolean {
  const end = all[0]!;
  const stream = `${end}${payload}${end}`;
  return all.every((delimiter) => {
    const mayBeAt = (at: number): boolean =>
      stream.startsWith(delimiter, at) || delimiter.startsWith(stream.slice(at));
    const beginsInside = [...payload].some((_, at) => mayBeAt(end.length + at));
    return !beginsInside && (delimiter.length <= end.length || !mayBeAt(0));
  });
}

test("anyOf().encode() takes what no delimiter begins in, and refuses what would be cut at once", () => {
  fc.assert(
    fc.property(delimiters, letters(0), (all, payload) => {
      const framed = payload + all[0];
      if (isSafe(payload, all)) assertStrictEquals(text(anyOf(...all).encode(payload)), framed);
      const [frame, end] = cutSimply(framed, all)!;
      if (frame !== payload || end !== framed.length) {
        assertThrows(() => anyOf(...all).encode(payload), FrameInjectionError, "forms a delimiter");
      }
    }),
    { numRuns: 1_000 },
  );
});

/** Delimiters of which the first is sent, and a payload that would be read as something else. */
const REFUSED: [delimiters: string[], payload: string][] = [
  [["\r\n", "\n"], "one\ntwo"],
  [["\r\n", "\n"], "one\r\ntwo"],
  [["\n", "\r\n"], "one\r"],
  [["aa", "b"], "a"],
  [["bc", "abcd"], "abcd"],
  [["cd", "abcd"], "ab"],
  // Behind the delimiter of the frame before it.
  [["\r", "\r\n"], "\nfoo"],
  [["a", "aa"], ""],
  [["\n", "\nfoo\n"], "foo"],
];

test("anyOf().encode() refuses a payload that another delimiter would be read in", () => {
  for (const [delimiters, payload] of REFUSED) {
    assertThrows(
      () => anyOf(...delimiters).encode(payload),
      FrameInjectionError,
      JSON.stringify(payload),
    );
  }
});

test("anyOf().encode() refuses a payload that is read otherwise when another frame follows", () => {
  // "xb" and "yb", one after the other, hold "xby"; and "\n", "fo\n" and "o\n" hold "\nfo\no".
  assertThrows(() => anyOf("b", "xby").encode("x"), FrameInjectionError);
  assertThrows(() => anyOf("\n", "\nfo\no").encode("fo"), FrameInjectionError);
});

test("anyOf().encode() takes a payload when only what follows could make its delimiter longer", () => {
  assertStrictEquals(text(anyOf("\r", "\r\n").encode("one")), "one\r");
});

test("anyOf({ keep }).encode() leaves a frame with any of the delimiters as it is", () => {
  const codec = anyOf("\r\n", "\n", ";", { keep: true });
  for (const payload of ["one\r\n", "two\n", "three;", ";"]) {
    assertStrictEquals(text(codec.encode(payload)), payload);
    assertEquals(frames(framerOf({ terminator: codec }, payload, payload)), [payload, payload]);
  }
  for (const payload of ["", "one", "one\r"]) {
    assertThrows(() => codec.encode(payload), FrameInjectionError, "must end with its delimiter");
  }
  for (const payload of ["one;two;", "one\n;", "one;two"]) {
    assertThrows(() => codec.encode(payload), FrameInjectionError, "more than one frame");
  }
});

test("anyOf() takes delimiters as bytes, also as a Buffer in the last place", () => {
  const framer = framerOf({ terminator: anyOf(bytes("\n"), Buffer.from(";")) }, "one\ntwo;");
  assertEquals(frames(framer), ["one", "two"]);
});

test("anyOf() refuses no delimiter, an empty one, and what is none", () => {
  assertThrows(() => anyOf(), TypeError, "at least one");
  assertThrows(() => anyOf({ keep: true }), TypeError, "at least one");
  for (const empty of ["", new Uint8Array(0)]) {
    assertThrows(() => anyOf("\n", empty, ";"), TypeError, "empty");
  }
  for (const [wrong, name] of [[undefined, "undefined"], [null, "null"], [5, "number"]]) {
    assertThrows(() => anyOf("\n", wrong as string), TypeError, `not ${name}`);
  }
  assertThrows(() => anyOf({ keep: true }, "\n"), TypeError, "not Object");
  assertThrows(() => anyOf("\n", { keep: 1 as unknown as true }), TypeError, "not 1");
});
