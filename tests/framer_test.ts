import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Framer,
  FrameTooLongError,
  headed,
  IncompleteFrameError,
  lengthPrefixed,
  lines,
  netstring,
  type Terminator,
  varintPrefixed,
} from "../mod.ts";
import { bytes, text } from "./support/bytes.ts";
import { framerOf, frames } from "./support/framers.ts";

test("Framer cuts at a delimiter and leaves it out", () => {
  const framer = framerOf({ terminator: "\r\n" }, "one\r\ntwo\r\nthree");
  assertEquals(frames(framer), ["one", "two"]);
  assertStrictEquals(framer.buffered, 5);
});

test("Framer finds a delimiter that is split over three chunks", () => {
  const framer = framerOf({ terminator: "<end>" }, "frame<e", "n", "d>next");
  assertEquals(frames(framer), ["frame"]);
});

test("Framer finds a delimiter after near-matches that overlap it", () => {
  assertEquals(frames(framerOf({ terminator: "aab" }, "aaab", "aaaa", "ab")), ["a", "aaa"]);
  assertEquals(frames(framerOf({ terminator: "abab" }, "abaabab")), ["aba"]);
});

test("Framer takes a delimiter as bytes, also ones that are no text", () => {
  const framer = new Framer({ terminator: Uint8Array.of(0xff, 0x00) });
  framer.push(Uint8Array.of(1, 2, 0xff, 0, 3, 0xff, 0xff, 0));
  assertEquals([...framer], [Uint8Array.of(1, 2), Uint8Array.of(3, 0xff)]);
});

test("Framer keeps its delimiter when the caller changes the array that it gave", () => {
  const delimiter = bytes("\n");
  const framer = framerOf({ terminator: delimiter }, "one\ntwo\n");
  delimiter[0] = 0;
  assertEquals(frames(framer), ["one", "two"]);
});

test("Framer takes empty frames for frames", () => {
  assertEquals(frames(framerOf({ terminator: "\n" }, "\n\n")), ["", ""]);
});

test("Framer cuts records when a count stays in force", () => {
  const framer = framerOf({ terminator: 3 }, "abc", "de", "fgh");
  assertEquals(frames(framer), ["abc", "def"]);
  assertStrictEquals(framer.buffered, 2);
});

test("Framer gives one empty frame at an ask when the count is 0", () => {
  const framer = framerOf({ terminator: 0 }, "rest");
  assertStrictEquals(text(framer.next()), "");
  framer.terminator = null;
  assertStrictEquals(text(framer.next()), "rest");
});

test("Framer gives one empty frame, and not for ever, when the count is 0 at the end of the stream", () => {
  const framer = framerOf({ terminator: 0 });
  framer.end();
  assertEquals(frames(framer), [""]);
  framer.terminator = 0;
  assertEquals(frames(framer), [""]);
});

test("Framer passes data through as it arrives when the terminator is null", () => {
  const framer = framerOf({ terminator: null }, "a", "bc");
  assertEquals(frames(framer).join(""), "abc");
  assertStrictEquals(framer.next(), undefined);
});

test("Framer cuts what is buffered already by the terminator that was set last", () => {
  const framer = framerOf({ terminator: "\n" }, "5\nhello;x\ny;12;rest");
  assertStrictEquals(text(framer.next()), "5");
  framer.terminator = 5;
  assertStrictEquals(text(framer.next()), "hello");
  framer.terminator = ";";
  assertEquals(frames(framer), ["", "x\ny", "12"]);
  assertStrictEquals(framer.terminator, ";");
});

test("Framer searches from the frame's beginning when the terminator is changed after a search in vain", () => {
  const framer = framerOf({ terminator: "never" }, "one;two;nev");
  assertStrictEquals(framer.next(), undefined);
  framer.terminator = ";";
  assertStrictEquals(text(framer.next()), "one");
  framer.terminator = "never";
  framer.push(bytes("er"));
  assertStrictEquals(text(framer.next()), "two;");
});

test("Framer.next() uses its own terminator once and leaves the sticky one alone", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntwothree\n");
  assertStrictEquals(text(framer.next()), "one");
  assertStrictEquals(text(framer.next(3)), "two");
  assertStrictEquals(framer.terminator, "\n");
  assertStrictEquals(text(framer.next()), "three");
});

test("Framer hands out frames that it never writes into again", () => {
  const framer = new Framer({ terminator: 3 });
  const kept: Uint8Array[] = [];
  for (let i = 0; i < 5_000; i++) {
    framer.push(Uint8Array.of(i));
    const frame = framer.next();
    if (frame) kept.push(frame);
  }
  kept.forEach((frame, i) => assertEquals(frame, Uint8Array.of(3 * i, 3 * i + 1, 3 * i + 2)));
});

test("Framer hands out plain Uint8Arrays when it is given Buffers", async () => {
  const { Buffer } = await import("node:buffer");
  const framer = new Framer({ terminator: "\n" });
  framer.push(Buffer.from("one\ntw"));
  framer.push(Buffer.from("o\n"));
  for (const frame of framer) assertStrictEquals(frame.constructor, Uint8Array);
});

test("Framer refuses a count that is negative, fractional, NaN or infinite", () => {
  for (const count of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new Framer({ terminator: count }), RangeError, String(count));
    const framer = framerOf({ terminator: "\n" }, "still\n");
    assertThrows(() => framer.terminator = count, RangeError, String(count));
    assertThrows(() => framer.next(count), RangeError, String(count));
    assertStrictEquals(text(framer.next()), "still");
  }
});

test("Framer refuses an empty delimiter and what is no terminator", () => {
  for (const empty of ["", new Uint8Array(0)]) {
    assertThrows(() => new Framer({ terminator: empty }), TypeError, "empty");
  }
  for (const wrong of [undefined, true, 5n, {}, [10], () => 5]) {
    assertThrows(() => new Framer({ terminator: wrong as unknown as string }), TypeError, "not ");
  }
});

test("Framer refuses limits and modes that it does not know", () => {
  for (const limit of [-1, 0.5, NaN]) {
    assertThrows(
      () => new Framer({ terminator: 1, maxFrameLength: limit }),
      RangeError,
      `${limit}`,
    );
  }
  const incomplete = "keep" as "yield";
  assertThrows(() => new Framer({ terminator: 1, incomplete }), TypeError, "keep");
});

test("Framer throws FrameTooLongError as soon as a line is too long, and goes on at the next line", () => {
  const framer = framerOf({ terminator: "\r\n", maxFrameLength: 4 }, "abcd\r\n", "abcde");
  assertStrictEquals(text(framer.next()), "abcd");
  const error = assertThrows(() => framer.next(), FrameTooLongError, "4");
  assertEquals([error.limit, error.seen, error.code], [4, 5, "frame-too-long"]);
  for (const chunk of ["x".repeat(1_000), "y\r"]) {
    framer.push(bytes(chunk));
    assertStrictEquals(framer.next(), undefined);
    assert(framer.buffered <= 1, "only what may be the beginning of a delimiter is kept");
  }
  framer.push(bytes("\nnext\r\n"));
  assertStrictEquals(text(framer.next()), "next");
});

test("Framer does not count the delimiter, nor a beginning of it, towards the limit", () => {
  const framer = framerOf({ terminator: "\r\n", maxFrameLength: 4 }, "abcd\r");
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("\n"));
  assertStrictEquals(text(framer.next()), "abcd");
});

test("Framer throws FrameTooLongError for a count at once, and drops as many bytes as they arrive", () => {
  const framer = framerOf({ terminator: 10, maxFrameLength: 9 });
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.terminator = "\n";
  framer.push(bytes("01234"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("56789next\n"));
  assertStrictEquals(text(framer.next()), "next");
});

test("Framer.maxFrameLength holds from the next frame on when it is set", () => {
  const framer = framerOf({ terminator: "\n" }, "long line\nlong line\n");
  assertStrictEquals(framer.maxFrameLength, 1024 * 1024);
  framer.maxFrameLength = 4;
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.maxFrameLength = 9;
  assertStrictEquals(text(framer.next()), "long line");
  assertThrows(() => framer.maxFrameLength = -1, RangeError, "-1");
});

test("Framer throws IncompleteFrameError with the bytes when the stream ends in a frame", () => {
  for (const terminator of ["\n", 9]) {
    const framer = framerOf({ terminator }, "unfinished".slice(0, 8));
    framer.end();
    const error = assertThrows(() => framer.next(), IncompleteFrameError, "8 bytes");
    assertEquals(text(error.bytes), "unfinish");
    assertStrictEquals(framer.next(), undefined);
  }
});

test("Framer yields or drops the incomplete frame when told so, after the whole frames", () => {
  for (const [incomplete, last] of [["yield", ["two"]], ["drop", []]] as const) {
    const framer = framerOf({ terminator: "\n", incomplete }, "one\ntwo");
    framer.end();
    assertEquals(frames(framer), ["one", ...last]);
  }
});

test("Framer.push() refuses what is no Uint8Array", () => {
  const framer = framerOf({ terminator: "\n" });
  for (const wrong of ["text\n", new ArrayBuffer(1), [10], null]) {
    assertThrows(() => framer.push(wrong as unknown as Uint8Array), TypeError, "not ");
  }
});

test("Framer.push() refuses bytes after end()", () => {
  const framer = framerOf({ terminator: "\n" });
  framer.end();
  assertThrows(() => framer.push(bytes("late")), TypeError, "end");
});

test("Framer.discard() drops what was not handed out, and says how much", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntwo\nthr");
  framer.next();
  assertStrictEquals(framer.discard(), 7);
  framer.push(bytes("four\n"));
  assertEquals(frames(framer), ["four"]);
});

test("Framer loses nothing when a loop over it is left and another begun", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntwo\nthree\n");
  for (const frame of framer) {
    assertStrictEquals(text(frame), "one");
    break;
  }
  assertEquals(frames(framer), ["two", "three"]);
});

test("FrameTooLongError and IncompleteFrameError are named, and are ChatErrors", async () => {
  const { ChatError } = await import("../mod.ts");
  for (const error of [new FrameTooLongError(1, 2), new IncompleteFrameError(bytes("x"), "y")]) {
    assertInstanceOf(error, ChatError);
    assertStrictEquals(error.name, error.constructor.name);
  }
});

test("Framer.ready says whether next() has something to say, and changes nothing", () => {
  const framer = framerOf({ terminator: "\n", maxFrameLength: 5 }, "one\nhal");
  assertEquals([framer.ready, framer.ready, text(framer.next()), framer.ready], [
    true,
    true,
    "one",
    false,
  ]);
  framer.push(bytes("f a line"));
  assertStrictEquals(framer.ready, true); // it is too long
  assertThrows(() => framer.next(), FrameTooLongError);
  assertStrictEquals(framer.ready, false);
  framer.push(bytes("\n12345"));
  framer.terminator = 5;
  assertStrictEquals(framer.ready, true);
  assertStrictEquals(text(framer.nextPiece()), "12345");
  assertStrictEquals(framer.ready, false); // the frame is not over
  assertStrictEquals(framer.nextPiece(), null);
  framer.end();
  assertStrictEquals(framer.ready, false);
});

test("Framer.ready finds a frame by the terminator that is in force, also if it was asked before", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntwo;");
  assertStrictEquals(framer.ready, true);
  framer.terminator = ";";
  assertStrictEquals(framer.ready, true);
  assertStrictEquals(text(framer.next()), "one\ntwo");
});

test("Framer.takeRest() gives what is held, uncut, and forgets the frame it was part of", () => {
  const framer = framerOf({ terminator: 10 }, "abc");
  framer.nextPiece();
  framer.push(bytes("def"));
  assertStrictEquals(text(framer.takeRest()), "def");
  assertStrictEquals(framer.buffered, 0);
  framer.terminator = "\n";
  framer.push(bytes("next\n"));
  assertStrictEquals(text(framer.next()), "next");
});

test("Framer.skip() skips the frame whose pieces are handed out, or else the next one", () => {
  const framer = framerOf({ terminator: "\n" }, "long", " line\nskip");
  assertStrictEquals(text(framer.nextPiece()), "long");
  assertStrictEquals(framer.skip(), true);
  assertStrictEquals(framer.skip(), true);
  framer.push(bytes("ped\nthird\n"));
  assertStrictEquals(text(framer.next()), "third");
  assertStrictEquals(framer.skip(null), true); // without a terminator there is no frame
  framer.push(bytes("fourth\n"));
  assertStrictEquals(text(framer.next()), "fourth");
});

test("Framer hands out no frame longer than the limit when the stream ends in it", () => {
  const framer = framerOf({ terminator: "\r\n", maxFrameLength: 4, incomplete: "yield" }, "abcd\r");
  assertStrictEquals(framer.next(), undefined);
  framer.end();
  assertThrows(() => framer.next(), FrameTooLongError, "5 bytes");
  assertStrictEquals(framer.next(), undefined);
});

test("IncompleteFrameError says how far into the frame the stream ended, also when part was handed out", () => {
  const framer = framerOf({ terminator: 100 }, "x".repeat(40));
  framer.nextPiece();
  framer.end();
  const error = assertThrows(() => framer.nextPiece(), IncompleteFrameError, "40 bytes into");
  assertStrictEquals(error.bytes.length, 0);
  assertMatch(error.message, /"yield" would give them/);
  const empty = framerOf({ terminator: 5 }, "");
  empty.end();
  const nothing = assertThrows(() => empty.nextPiece(), IncompleteFrameError, "0 bytes into");
  assertMatch(nothing.message, /would have ended$/);
});

test("Framer gives the end, and no error, when nothing is left that could be longer than the limit", () => {
  const framer = framerOf({ terminator: 10, maxFrameLength: 4 }, "x");
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.end();
  assertEquals([framer.next(), framer.ready, framer.next()], [undefined, false, undefined]);
});

test("Framer gives one empty frame when the count is 0 and the stream has ended, also with bytes left", () => {
  const framer = framerOf({ terminator: 0 }, "left");
  framer.end();
  assertEquals(frames(framer), [""]);
  assertStrictEquals(text(framer.next(4)), "left");
});

test("Framer.skip() drops what is left of the stream when it ends before the frame's place is known", () => {
  const framer = framerOf({ terminator: netstring(), incomplete: "yield" }, "5");
  assertStrictEquals(framer.skip(), false);
  framer.end();
  assertStrictEquals(framer.skip(), true);
  assertStrictEquals(framer.next(), undefined);
});

test("Framer gives views of the chunk that a frame lies in, whatever its framing", () => {
  const codecs = [lines(), netstring(), varintPrefixed(), lengthPrefixed()];
  const kept = lengthPrefixed({ bytes: 1, strip: 0, adjust: -1 });
  const frames: [Terminator, Uint8Array][] = [
    ...codecs.map((codec): [Terminator, Uint8Array] => [codec, codec.encode("payload")]),
    [kept, Uint8Array.of(3, 1, 2)],
    [headed(1, ([length]) => length!), Uint8Array.of(2, 1, 2)],
    [5, bytes("count")],
  ];
  for (const [terminator, chunk] of frames) {
    const framer = new Framer({ terminator });
    framer.push(chunk);
    assertStrictEquals(framer.next()?.buffer, chunk.buffer);
  }
});
