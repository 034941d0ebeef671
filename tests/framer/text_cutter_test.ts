import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { lines } from "../../src/framings/lines.ts";
import { delimited } from "../../src/framings/delimited.ts";
import { Framer, MalformedFrameError, type Terminator } from "../../mod.ts";
import { bytes, concat } from "../support/bytes.ts";

interface Options {
  readonly terminator?: Terminator;
  readonly encoding?: string;
  readonly fatal?: boolean;
}

/** The frames of text in one chunk, and how often something was decoded for them. */
function cut(
  chunk: Uint8Array,
  { terminator = "\n", encoding = "utf-8", fatal }: Options = {},
): { frames: string[]; decoded: number } {
  const framer = new Framer({ terminator, encoding, fatal, maxFrameLength: Infinity });
  const { decode } = TextDecoder.prototype;
  let decoded = 0;
  TextDecoder.prototype.decode = function (...args): string {
    decoded++;
    return decode.apply(this, args);
  };
  try {
    framer.push(chunk);
    return { frames: [...framer], decoded };
  } finally {
    TextDecoder.prototype.decode = decode;
  }
}

const numbered = (count: number, word: string): string[] =>
  Array.from({ length: count }, (_, i) => `${word}${i}`);

test("frames of text that follow each other in a chunk are decoded together", () => {
  for (const word of ["line", "Zeile ä ", "行", "🙂"]) {
    const expected = numbered(5_000, word);
    const { frames, decoded } = cut(bytes(expected.join("\n") + "\n"));
    assertEquals(frames, expected);
    assert(decoded < 20, `${decoded} times something was decoded`);
  }
});

test("frames of text that are decoded together end with any of their delimiters, and keep it if they are to", () => {
  for (
    const [terminator, expected] of [
      ["\r\n", ["one\ntwo", "three\n", "four"]],
      [lines(), ["one", "two", "three", "", "four"]],
      [delimited("\n", { keep: true }), ["one\n", "two\r\n", "three\n", "\r\n", "four\r\n"]],
      ["é", []],
    ] as const
  ) {
    const { frames } = cut(bytes("one\ntwo\r\nthree\n\r\nfour\r\n"), { terminator });
    assertEquals(frames, [...expected]);
  }
});

test("bytes that are no text are replaced as they are in a frame by itself, also where frames are decoded together", () => {
  const newline = Uint8Array.of(10);
  const wrong = [[0xff], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x99], [0xed, 0xa0, 0x80], [
    0xef,
    0xbb,
    0xbf,
  ]];
  for (const encoding of ["utf-8", "windows-1252", "shift_jis", "utf-16le"]) {
    const each = wrong.map((bytes) => Uint8Array.from([97, ...bytes, 98, ...bytes]));
    const decoder = new TextDecoder(encoding, { ignoreBOM: true });
    const { frames } = cut(concat(each.flatMap((frame) => [frame, newline])), { encoding });
    if (encoding === "windows-1252") assertStrictEquals(frames[0], "aÿbÿ");
    else assertEquals(frames, each.map((frame) => decoder.decode(frame)), encoding);
  }
});

test("with `fatal`, frames before and behind one that is no text are handed out", () => {
  const framer = new Framer({ terminator: "\n", encoding: "utf-8", fatal: true });
  const before = numbered(1_000, "é");
  framer.push(concat([bytes(before.join("\n")), Uint8Array.of(10, 0xff, 10), bytes("behind\n")]));
  assertEquals(before.map(() => framer.next()), before);
  assertThrows(() => framer.next(), MalformedFrameError);
  assertStrictEquals(framer.next(), "behind");
});

test("frames of text go on behind what is read otherwise in between, by whatever terminator", () => {
  const framer = new Framer({ terminator: "\n", encoding: "utf-8" });
  framer.push(bytes("one\ntwo\nfive!three;four\nfünf\nx"));
  const found: unknown[] = [framer.next(), framer.next()];
  found.push(framer.nextBytes(5)?.length, framer.next(";"), framer.next("é"), framer.next());
  framer.push(bytes("é\n"));
  found.push(framer.next("é"), framer.next(), framer.next());
  assertEquals(found, ["one", "two", 5, "three", undefined, "four", "fünf\nx", "", undefined]);
});

test("frames of text that are decoded together are held to the limit, in bytes", () => {
  const framer = new Framer({ terminator: "\n", encoding: "utf-8", maxFrameLength: 4 });
  framer.push(bytes("a\nb\nää\nääx\nc\n"));
  assertEquals([framer.next(), framer.next(), framer.next()], ["a", "b", "ää"]);
  assertThrows(() => framer.next(), Error, "4");
  assertStrictEquals(framer.next(), "c");
});
