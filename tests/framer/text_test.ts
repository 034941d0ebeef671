/** Frames as text: each decoded as if it came alone, however they arrive. */
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  delimited,
  Framer,
  FrameTooLongError,
  lines,
  MalformedFrameError,
  type Terminator,
} from "../../mod.ts";
import { bytes, concat, hex } from "../support/bytes.ts";

interface Options {
  readonly terminator?: Terminator;
  readonly encoding?: string;
  readonly fatal?: boolean;
  readonly maxFrameLength?: number;
}

function framerOf(chunk: Uint8Array, options: Options = {}): Framer<string> {
  const framer = new Framer({ terminator: "\n", encoding: "utf-8", ...options });
  framer.push(chunk);
  return framer;
}

/** Frames, each with a line feed behind it. */
const withLineFeeds = (frames: readonly Uint8Array[]): Uint8Array =>
  concat(frames.flatMap((frame) => [frame, bytes("\n")]));

/** How often something is decoded while the work is done. */
function countDecoding(work: () => void): number {
  const { decode } = TextDecoder.prototype;
  let count = 0;
  TextDecoder.prototype.decode = function (...args): string {
    count++;
    return decode.apply(this, args);
  };
  try {
    work();
  } finally {
    TextDecoder.prototype.decode = decode;
  }
  return count;
}

test("frames of text that follow each other in a chunk are decoded together", () => {
  for (const word of ["line", "Zeile ä ", "行", "🙂"]) {
    const expected = Array.from({ length: 5_000 }, (_, i) => `${word}${i}`);
    const chunk = bytes(expected.join("\n") + "\n");
    let frames: string[] = [];
    assert(countDecoding(() => frames = [...framerOf(chunk)]) < 20);
    assertEquals(frames, expected);
  }
});

test("frames of text end with any of their delimiters, and keep it if they are to", () => {
  const cut: [terminator: Terminator, frames: string[]][] = [
    ["\r\n", ["one\ntwo", "three\n", "four"]],
    [lines(), ["one", "two", "three", "", "four"]],
    [delimited("\n", { keep: true }), ["one\n", "two\r\n", "three\n", "\r\n", "four\r\n"]],
    ["é", []],
  ];
  for (const [terminator, expected] of cut) {
    const chunk = bytes("one\ntwo\r\nthree\n\r\nfour\r\n");
    assertEquals([...framerOf(chunk, { terminator })], expected);
  }
});

test("bytes that are no text are replaced as they are in a frame by itself", () => {
  const wrong = ["ff", "c3", "e282", "f09f99", "eda080"].map((each) => hex(`61${each}62${each}`));
  for (const encoding of ["utf-8", "shift_jis", "utf-16le"]) {
    const decoder = new TextDecoder(encoding, { ignoreBOM: true });
    const expected = wrong.map((frame) => decoder.decode(frame));
    assertEquals([...framerOf(withLineFeeds(wrong), { encoding })], expected);
  }
  assertStrictEquals(framerOf(hex("61ff620a")).next(), "a\ufffdb");
});

test("with `fatal`, a frame that is no text is refused with its bytes, and those before and behind it are handed out", () => {
  const before = Array.from({ length: 1_000 }, (_, i) => `é${i}`);
  const chunk = withLineFeeds([bytes(before.join("\n")), hex("61ff"), bytes("behind")]);
  const framer = framerOf(chunk, { fatal: true });
  assertEquals(before.map(() => framer.next()), before);
  const error = assertThrows(() => framer.next(), MalformedFrameError, "utf-8");
  assertEquals(error.bytes, hex("61ff"));
  assertStrictEquals(framer.next(), "behind");
});

test("a byte order mark is a character of its frame", () => {
  const frames = ["\ufeffx", "\ufeff", "y\ufeff"];
  assertEquals([...framerOf(bytes(frames.join("\n") + "\n"))], frames);
});

test("latin1 is windows-1252, alike on every runtime, by all its names", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const encoding of ["latin1", "iso-8859-1", "windows-1252", "ascii"]) {
    const framer = framerOf(concat([all, new Uint8Array(20_000).fill(0xff)]), {
      terminator: 256,
      encoding,
      maxFrameLength: 20_000,
    });
    const text = framer.next()!;
    assertStrictEquals(text.length, 256);
    assertStrictEquals(text.slice(0x7f, 0x84), "\x7f€\x81‚ƒ");
    assertStrictEquals(text.slice(0x9c), "œ\x9džŸ" + text.slice(0xa0));
    assertStrictEquals(text.slice(-2), "þÿ");
    assertStrictEquals(framer.next(20_000), "ÿ".repeat(20_000));
    framer.push(hex("61ff0a62e40a"));
    assertEquals([framer.next("\n"), framer.next("\n")], ["aÿ", "bä"]);
  }
});

test("frames of text go on behind what is read otherwise in between, by whatever terminator", () => {
  const framer = framerOf(bytes("one\ntwo\nfive!three;four\nfünf\nx"));
  const found: unknown[] = [framer.next(), framer.next()];
  found.push(framer.nextBytes(5)?.length, framer.next(";"), framer.next("é"), framer.next());
  framer.push(bytes("é\n"));
  found.push(framer.next("é"), framer.next(), framer.next());
  assertEquals(found, ["one", "two", 5, "three", undefined, "four", "fünf\nx", "", undefined]);
});

test("frames of text are held to the limit, in bytes", () => {
  const framer = framerOf(bytes("a\nb\nää\nääx\nc\n"), { maxFrameLength: 4 });
  assertEquals([framer.next(), framer.next(), framer.next()], ["a", "b", "ää"]);
  assertThrows(() => framer.next(), FrameTooLongError, "4");
  assertStrictEquals(framer.next(), "c");
});

test("without a terminator, text is handed out up to its last whole character", () => {
  const cut: [encoding: string, chunks: string[], pieces: (string | undefined)[]][] = [
    ["utf-8", ["61f0", "9f", "98", "80"], ["a", undefined, undefined, "😀"]],
    ["utf-8", ["f09f98", "f0", "9f9880"], [undefined, "\ufffd", "😀"]],
    ["latin1", ["ff"], ["ÿ"]],
    ["utf-16le", ["61", "00", "3dd8", "00", "de"], [undefined, "a", undefined, undefined, "😀"]],
    // An unpaired surrogate, and the first byte of what follows: the cut stays between two units.
    ["utf-16be", ["db68d8", "3d", "de00"], [undefined, "\ufffd", "😀"]],
  ];
  for (const [encoding, chunks, pieces] of cut) {
    const framer = new Framer({ terminator: null, encoding });
    const found = chunks.map((chunk) => {
      framer.push(hex(chunk));
      assertStrictEquals(framer.ready, framer.ready);
      return framer.next();
    });
    assertEquals(found, pieces);
  }
  const framer = new Framer({ terminator: null, encoding: "utf-8" });
  framer.push(hex("61e282"));
  assertEquals([framer.next(), framer.ready], ["a", false]);
  framer.end();
  assertEquals([framer.ready, framer.next(), framer.next()], [true, "\ufffd", undefined]);
});

test("Framer.nextText() and nextBytes() give either, whatever the options say", () => {
  const framer = framerOf(bytes("é\né\né\n"));
  assertEquals([framer.nextBytes(), framer.nextText(), framer.next()], [bytes("é"), "é", "é"]);
  const inBytes = new Framer({ terminator: "\n" });
  inBytes.push(bytes("é\né\n"));
  assertEquals([inBytes.nextText(), inBytes.next()], ["é", bytes("é")]);
});

test("Framer refuses an encoding that is unknown, or no string, and a fatal that is no switch", () => {
  assertThrows(() => framerOf(bytes(""), { encoding: "utf-9" }), RangeError, '"utf-9"');
  const [encoding, fatal] = [8 as unknown as string, "yes" as unknown as boolean];
  assertThrows(() => framerOf(bytes(""), { encoding }), TypeError, "number");
  assertThrows(() => framerOf(bytes(""), { fatal }), TypeError, "yes");
});
