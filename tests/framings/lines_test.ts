import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type DelimitedOptions,
  FrameInjectionError,
  type Framer,
  type FramerOptions,
  FrameTooLongError,
  IncompleteFrameError,
  lines,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { framerOf as framerOver, frames, pieceOf } from "../support/framers.ts";

type Options = Omit<FramerOptions, "terminator" | "encoding"> & DelimitedOptions;

const framerOf = ({ keep, ...options }: Options, ...chunks: string[]): Framer =>
  framerOver({ ...options, terminator: lines({ keep }) }, ...chunks);

/** What each input is cut into: without the line ends, and with them. */
const CUT: Record<string, [dropped: string[], kept: string[]]> = {
  "one\ntwo\n": [["one", "two"], ["one\n", "two\n"]],
  "one\r\ntwo\r\n": [["one", "two"], ["one\r\n", "two\r\n"]],
  "one\r\ntwo\nthree\r\n": [["one", "two", "three"], ["one\r\n", "two\n", "three\r\n"]],
  "\n\r\n\n": [["", "", ""], ["\n", "\r\n", "\n"]],
  "\r\r\n": [["\r"], ["\r\r\n"]],
  "a\rb\n": [["a\rb"], ["a\rb\n"]],
  "\n\r\r\n": [["", "\r"], ["\n", "\r\r\n"]],
  "größe\n": [["größe"], ["größe\n"]],
  "no end\r": [[], []],
};

test("lines() ends a line at each line feed, with the carriage return before it", () => {
  for (const [input, [dropped, kept]] of Object.entries(CUT)) {
    assertEquals(frames(framerOf({}, input)), dropped);
    assertEquals(frames(framerOf({ keep: true }, input)), kept);
  }
});

test("lines() gives the same lines when the bytes arrive one by one", () => {
  for (const [input, expected] of Object.entries(CUT)) {
    for (const keep of [false, true]) {
      const framer = framerOf({ keep });
      const found = [...bytes(input)].flatMap((byte) => {
        framer.push(Uint8Array.of(byte));
        return frames(framer);
      });
      assertEquals(found, expected[Number(keep)]!);
    }
  }
});

test("lines() gives a line at its line feed, and waits for nothing behind it", () => {
  const framer = framerOf({}, "one\r");
  assertStrictEquals(framer.ready, false);
  framer.push(bytes("\n"));
  assertStrictEquals(framer.ready, true);
  assertStrictEquals(text(framer.next()), "one");
  assertStrictEquals(framer.buffered, 0);
});

test("lines() counts neither line end towards maxFrameLength", () => {
  for (const keep of [false, true]) {
    const framer = framerOf({ keep, maxFrameLength: 3 }, "one\ntwo\r\n", "six\r");
    assertStrictEquals(frames(framer).length, 2);
    framer.push(bytes("!\n"));
    assertThrows(() => framer.next(), FrameTooLongError, "at least 5 bytes");
  }
});

test("lines() carries on at the next line when one in many chunks is too long", () => {
  const framer = framerOf({ maxFrameLength: 4 }, "12345");
  assertThrows(() => framer.next(), FrameTooLongError, "at least 5 bytes");
  for (let chunk = 0; chunk < 1_000; chunk++) {
    framer.push(bytes("more\rmore\r"));
    assertStrictEquals(framer.next(), undefined);
    assert(framer.buffered <= 1, `${framer.buffered} bytes are held`);
  }
  framer.push(bytes("\nnext\r\n12345\n\n"));
  assertStrictEquals(text(framer.next()), "next");
  assertThrows(() => framer.next(), FrameTooLongError);
  assertStrictEquals(text(framer.next()), "");
});

test("lines() takes a last line without its end for an incomplete frame", () => {
  for (const last of ["two", "two\r", "\r"]) {
    const framer = framerOf({}, "one\n", last);
    framer.end();
    assertStrictEquals(text(framer.next()), "one");
    const error = assertThrows(() => framer.next(), IncompleteFrameError, '"\\n" or "\\r\\n"');
    assertStrictEquals(text(error.bytes), last);
    assertStrictEquals(framer.next(), undefined);
  }
});

test("lines() yields or drops a last line without its end when told so", () => {
  for (const [incomplete, last] of [["yield", ["two\r"]], ["drop", []]] as const) {
    const framer = framerOf({ incomplete }, "one\ntwo\r");
    framer.end();
    assertEquals(frames(framer), ["one", ...last]);
  }
});

test("lines() has no line behind the last line end", () => {
  for (const incomplete of ["throw", "yield", "drop"] as const) {
    const framer = framerOf({ incomplete }, "one\r\n");
    framer.end();
    assertEquals(frames(framer), ["one"]);
  }
});

test("lines() hands a line out as it arrives, but not what may be its end", () => {
  for (const [keep, last] of [[false, "d"], [true, "d\r\n"]] as const) {
    const framer = framerOf({ keep }, "ab");
    assertStrictEquals(pieceOf(framer), "ab");
    assertStrictEquals(pieceOf(framer), undefined);
    framer.push(bytes("c\r"));
    assertStrictEquals(pieceOf(framer), "c");
    assertStrictEquals(pieceOf(framer), undefined);
    framer.push(bytes("d\r\nnext\n"));
    let rest = "";
    for (let piece = pieceOf(framer); piece; piece = pieceOf(framer)) rest += piece;
    assertStrictEquals(rest, `\r${last}`);
    assertStrictEquals(pieceOf(framer), keep ? "next\n" : "next");
  }
});

test("lines() passes over the rest of a line that is left half-way", () => {
  const framer = framerOf({}, "ab");
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("cd\r"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("\nnext\n"));
  assertStrictEquals(text(framer.next()), "next");
});

test("lines().encode() adds a line feed, or refuses what is more than one line", () => {
  const payload = fc.string({ unit: fc.constantFrom("a", "é", "\r", "\n"), maxLength: 8 });
  fc.assert(
    fc.property(fc.array(payload), (payloads) => {
      const isLine = (line: string): boolean => !line.includes("\n") && !line.endsWith("\r");
      for (const wrong of payloads.filter((line) => !isLine(line))) {
        assertThrows(() => lines().encode(wrong), FrameInjectionError, "forms a delimiter");
      }
      const accepted = payloads.filter(isLine);
      const encoded = accepted.map((line) => text(lines().encode(line)));
      assertEquals(encoded, accepted.map((line) => `${line}\n`));
      assertEquals(frames(framerOf({}, ...encoded)), accepted);
    }),
    { numRuns: 200 },
  );
});

test("lines().encode() says what is wrong with a line", () => {
  for (const [line, part] of [["one\ntwo", "byte 3"], ["\n", "byte 0"], ["one\r", "byte 3"]]) {
    assertThrows(() => lines().encode(line!), FrameInjectionError, part);
    assertThrows(() => lines().encode(bytes(line!)), FrameInjectionError, part);
  }
});

test("lines({ keep }).encode() leaves a line with its end as it is, and refuses all else", () => {
  const kept = lines({ keep: true });
  for (const line of ["one\n", "one\r\n", "\n", "\r\n", "a\rb\r\r\n"]) {
    assertStrictEquals(text(kept.encode(line)), line);
    assertEquals(frames(framerOf({ keep: true }, line, line)), [line, line]);
  }
  for (const line of ["", "one", "one\r"]) {
    assertThrows(() => kept.encode(line), FrameInjectionError, "must end with its delimiter");
  }
  for (const line of ["one\ntwo\n", "\n\n", "one\ntwo"]) {
    assertThrows(() => kept.encode(line), FrameInjectionError, "more than one frame");
  }
});

test("lines() refuses options and payloads of a wrong type", () => {
  assertThrows(() => lines({ keep: 1 as unknown as true }), TypeError, "not 1");
  assertThrows(() => lines().encode(5 as unknown as string), TypeError, "not number");
});
