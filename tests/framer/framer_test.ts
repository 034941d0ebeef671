/** What the framer promises, an example of each; `framer_property_test.ts` has the general case. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  delimited,
  FrameInjectionError,
  Framer,
  FrameTooLongError,
  FramingError,
  IncompleteFrameError,
  lengthPrefixed,
  lines,
  netstring,
  type Terminator,
  UnsupportedError,
  varintPrefixed,
} from "../../mod.ts";
import { bytes, hex, text } from "../support/bytes.ts";
import { framerOf, frames, pieceOf } from "../support/framers.ts";
import { checkCuts, checkRefusals, tooLong } from "../support/framing_tables.ts";

test("Framer cuts at a delimiter and leaves it out, whatever the chunks; an empty frame is one", () => {
  checkCuts("\n", "\n\n", ["", ""]);
  checkCuts("\r\n", "one\r\ntwo\r\nthree", ["one", "two"], { rest: "three" });
  checkCuts("<end>", "frame<end>next", ["frame"], { rest: "next" });
  // After near-matches that overlap it.
  checkCuts("aab", "aaabaaaaab", ["a", "aaa"]);
  checkCuts("abab", "abaabab", ["aba"]);
  checkCuts(hex("ff00"), hex("0102 ff00 03ff ff00"), [hex("0102"), hex("03ff")]);
});

test("Framer keeps its delimiter when the caller changes the array that it gave", () => {
  const delimiter = bytes("\n");
  const framer = framerOf({ terminator: delimiter }, "one\ntwo\n");
  delimiter[0] = 0;
  assertEquals(frames(framer), ["one", "two"]);
});

test("Framer cuts records when a count stays in force", () => {
  checkCuts(3, "abcdefgh", ["abc", "def"], { rest: "gh" });
});

test("Framer gives one empty frame at an ask when the count is 0, and one in all at the end of the stream", () => {
  const framer = framerOf({ terminator: 0 }, "rest");
  assertEquals([framer.next(), framer.next(), framer.ready], [bytes(""), bytes(""), true]);
  framer.terminator = null;
  assertStrictEquals(text(framer.next()), "rest");
  for (const left of ["", "left"]) {
    const ended = framerOf({ terminator: 0 }, left);
    ended.end();
    for (let i = 0; i < 2; i++) {
      assertEquals([ended.ready, ended.next(), ended.ready], [true, bytes(""), false]);
      assertStrictEquals(ended.next(), undefined);
      ended.terminator = 0;
    }
    assertEquals([ended.next(0), ended.next(0)], [bytes(""), bytes("")]);
    assertStrictEquals(text(ended.next(left.length)), left);
  }
});

test("Framer passes data through as it arrives when the terminator is null, and as much as the limit allows", () => {
  const framer = framerOf({ terminator: null, maxFrameLength: 2 }, "abc", "d".repeat(600));
  assertEquals([text(framer.next()), text(framer.next()), text(framer.next())], ["ab", "c", "dd"]);
  framer.maxFrameLength = 0;
  assertStrictEquals(text(framer.next()), "d");
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
  assertEquals([framer.ready, text(framer.next())], [true, "one"]);
  framer.terminator = "never";
  framer.push(bytes("er"));
  assertStrictEquals(text(framer.next()), "two;");

  // Nor is what was taken away in between the beginning of a delimiter.
  framer.push(bytes("nev"));
  assertEquals([framer.next(), text(framer.next(2))], [undefined, "ne"]);
  framer.push(bytes("er, never"));
  assertStrictEquals(text(framer.next()), "ver, ");

  framer.push(bytes("thr"));
  assertStrictEquals(framer.next(), undefined);
  framer.terminator = delimited("never", { keep: true });
  framer.push(bytes("eenever"));
  assertStrictEquals(text(framer.next()), "threenever");
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
    kept.push(...framer);
  }
  kept.forEach((frame, i) => assertEquals(frame, Uint8Array.of(3 * i, 3 * i + 1, 3 * i + 2)));
});

test("Framer gives views of the chunk that a frame lies in, and plain Uint8Arrays when it is given Buffers", () => {
  for (const terminator of [5, "\n", null]) {
    const chunk = bytes("12345\n");
    assertStrictEquals(framerOf({ terminator }, chunk).next()?.buffer, chunk.buffer);
  }
  const framer = framerOf({ terminator: "\n" }, Buffer.from("one\ntw"), Buffer.from("o\n"));
  for (const frame of framer) assertStrictEquals(frame.constructor, Uint8Array);
});

test("Framer refuses a count that is none, an empty delimiter and what is no terminator, whenever it is set, and goes on", () => {
  const framer = framerOf({ terminator: "\n" }, "still\n");
  const ways: ((terminator: Terminator) => unknown)[] = [
    (terminator) => new Framer({ terminator }),
    (terminator) => framer.terminator = terminator,
    (terminator) => framer.next(terminator),
    (terminator) => framer.nextPiece(terminator),
  ];
  for (const way of ways) {
    const call = (wrong: unknown): unknown => way(wrong as string);
    for (const count of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
      checkRefusals(RangeError, call, [[count, `not ${count}`]]);
    }
    checkRefusals(TypeError, call, [
      ["", "not an empty string"],
      ["", "not an empty string"], // also when it is known
      [new Uint8Array(0), "not an empty Uint8Array"],
      [true, "not boolean"],
      [5n, "not bigint"],
      [[10], "not Array"],
      [{}, "not Object"],
      [lines, "call it, as in lines()"],
      [{ timeout: 10 }, "options come alone or last"],
    ]);
  }
  assertThrows(() => framer.terminator = undefined as unknown as null, TypeError, "not undefined");
  assertStrictEquals(text(framer.next()), "still");
});

test("Framer refuses limits and modes that it does not know", () => {
  const options = (wrong: unknown): unknown => new Framer(wrong as { terminator: 1 });
  for (const maxFrameLength of [-1, 0.5, NaN, 2 ** 53]) {
    checkRefusals(RangeError, options, [[
      { terminator: 1, maxFrameLength },
      `not ${maxFrameLength}`,
    ]]);
    const framer = new Framer({ terminator: 1 });
    assertThrows(() => framer.maxFrameLength = maxFrameLength, RangeError, `not ${maxFrameLength}`);
  }
  checkRefusals(TypeError, options, [
    [{ terminator: 1, maxFrameLength: "1" }, "maxFrameLength must be a number"],
    [{ terminator: 1, incomplete: "keep" }, '"throw", "yield" or "drop", not "keep"'],
    [null, "not null"],
  ]);
});

test("Framer throws FrameTooLongError as soon as a line is too long, holds no more of it, and goes on at the next line", () => {
  checkCuts("\r\n", "abcd\r\nabcde\r\n\r\n", ["abcd", tooLong(4, 5), ""], { maxFrameLength: 4 });
  const framer = framerOf({ terminator: "\r\n", maxFrameLength: 4 }, "abcde");
  assertThrows(() => framer.next(), FrameTooLongError, "at least 5 bytes");
  for (const chunk of ["x".repeat(1_000), "y\r"]) {
    framer.push(bytes(chunk));
    assertStrictEquals(framer.next(), undefined);
    assert(framer.buffered <= 1, "only what may be the beginning of a delimiter is held");
  }
  framer.push(bytes("\nnext\r\n"));
  assertStrictEquals(text(framer.next()), "next");
});

test("Framer does not count the delimiter, nor a beginning of it, towards the limit, but what is left of it at the end", () => {
  const options = { terminator: "\r\n", maxFrameLength: 4, incomplete: "yield" } as const;
  const [whole, cut] = [framerOf(options, "abcd\r"), framerOf(options, "abcd\r")];
  for (const framer of [whole, cut]) assertStrictEquals(framer.next(), undefined);
  whole.push(bytes("\n"));
  assertStrictEquals(text(whole.next()), "abcd");
  cut.end();
  assertThrows(() => cut.next(), FrameTooLongError, "at least 5 bytes");
  assertStrictEquals(cut.next(), undefined);
});

test("Framer throws FrameTooLongError for a count at once, and drops as many bytes as they arrive", () => {
  const framer = framerOf({ terminator: 10, maxFrameLength: 9 });
  assertStrictEquals(framer.ready, true);
  assertThrows(() => framer.next(), FrameTooLongError, "at least 10 bytes");
  framer.terminator = "\n";
  framer.push(bytes("01234"));
  assertEquals([framer.next(), framer.buffered], [undefined, 0]);
  framer.push(bytes("56789next\n"));
  assertStrictEquals(text(framer.next()), "next");
  checkCuts(9, "123456789", ["123456789"], { maxFrameLength: 9 });
});

test("Framer.maxFrameLength is 1 MiB, and holds from the next frame on when it is set", () => {
  const framer = framerOf({ terminator: "\n" }, "long line\nlong line\n");
  assertStrictEquals(framer.maxFrameLength, 1024 * 1024);
  framer.maxFrameLength = 4;
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.maxFrameLength = 9;
  assertStrictEquals(text(framer.next()), "long line");
});

test("Framer gives the end, and no error, when nothing is left that could be longer than the limit", () => {
  const framer = framerOf({ terminator: 10, maxFrameLength: 4 }, "x");
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.end();
  assertEquals([framer.next(), framer.ready, framer.next()], [undefined, false, undefined]);
});

test("IncompleteFrameError says how far into the frame the stream ended, what would have ended it, and what can be done", () => {
  const ends: [terminator: Terminator, by: string][] = [
    ["\n", 'the delimiter "\\n"'],
    [anyOf("\r\n", ";"), 'the delimiter "\\r\\n" or ";"'],
    [90, "90 bytes"],
    [netstring(), "its framing"],
  ];
  for (const [terminator, by] of ends) {
    const framer = framerOf({ terminator }, "12");
    framer.end();
    const error = assertThrows(() => framer.next(), IncompleteFrameError, `2 bytes into a frame`);
    // What is counted is never handed out short.
    assertStrictEquals(error.hint?.includes('"yield" gives them') ?? false, by.startsWith("the"));
    assert(error.message.includes(` ${by} would have ended`), error.message);
    assertEquals([text(error.bytes), framer.next()], ["12", undefined]);
  }
  // In pieces, part was handed out, or nothing has begun.
  for (const length of [40, 0]) {
    const framer = framerOf({ terminator: "\n" }, "y\n");
    while (framer.nextPiece() !== null);
    framer.push("x".repeat(length));
    framer.nextPiece();
    framer.end();
    const error = assertThrows(() => framer.nextPiece(), IncompleteFrameError, `${length} bytes`);
    assertStrictEquals(error.bytes.length, 0);
    assertStrictEquals(error.hint === undefined, length === 0);
  }
});

test("Framer gives a frame that was cut off in pieces only when told so: what was handed out cannot be dropped", () => {
  for (const incomplete of ["throw", "drop", "yield"] as const) {
    const framer = framerOf({ terminator: "\r\n", incomplete }, "one\r");
    assertStrictEquals(pieceOf(framer), "one");
    framer.end();
    if (incomplete === "yield") assertEquals([pieceOf(framer), pieceOf(framer)], ["\r", null]);
    else assertThrows(() => framer.nextPiece(), IncompleteFrameError, "4 bytes into");
  }
});

test("Framer takes no count for too long when the stream has ended, and nothing is left", () => {
  for (const asks of [false, true]) {
    const framer = framerOf({ terminator: 1, maxFrameLength: 0 });
    assertThrows(() => framer.next(), FrameTooLongError);
    framer.push("x");
    if (asks) assert(framer.ready);
    framer.end();
    assertEquals([framer.ready, framer.next()], [false, undefined]);
  }
});

test("Framer.push() takes bytes of every shape, also of another realm", () => {
  const foreign = runInNewContext("new Uint8Array([104, 105, 10]).subarray(1)") as Uint8Array;
  const { buffer } = Uint8Array.of(104, 105, 10);
  const all = [
    bytes("hi\n"),
    Buffer.from("hi\n"),
    buffer,
    new DataView(buffer),
    new Uint8ClampedArray(buffer),
  ];
  const framer = framerOf({ terminator: "\n" });
  for (const data of all) framer.push(data);
  framer.push(foreign);
  assertEquals([...framer].map((frame) => text(frame)), [...all.map(() => "hi"), "i"]);
  // A frame is plain bytes of this realm, whatever it is a view of.
  for (
    const data of [Buffer.from("hi\n"), runInNewContext("new Uint8Array([105, 10])") as Uint8Array]
  ) {
    framer.push(data);
    assertStrictEquals(Object.getPrototypeOf(framer.next()), Uint8Array.prototype);
  }
  const delimiter = runInNewContext("new Uint8Array([59])") as Uint8Array;
  framer.push("a;b;");
  assertEquals([text(framer.next(delimiter)), framer.next(delimiter)], ["a", bytes("b")]);
});

test("Framer.push() refuses what is neither bytes nor a string, and bytes after end()", () => {
  const framer = framerOf({ terminator: "\n" });
  for (const wrong of [[10], null, undefined, 5, {}]) {
    assertThrows(() => framer.push(wrong as unknown as Uint8Array), TypeError, "not ");
  }
  framer.end();
  assertThrows(() => framer.push(bytes("late")), TypeError, "end");
});

test("Framer loses nothing when a loop over it is left and another begun, and counts its frames", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntwo\nthree\n");
  for (const frame of framer) {
    assertStrictEquals(text(frame), "one");
    break;
  }
  assertEquals([framer.frames, framer.buffered], [1, 10]);
  assertEquals([pieceOf(framer), framer.frames, pieceOf(framer), framer.frames], [
    "two",
    1,
    null,
    2,
  ]);
  assertEquals([frames(framer), framer.frames], [["three"], 3]);
});

test("Framer.ready says whether next() has something to say, and changes nothing", () => {
  const framer = framerOf({ terminator: "\n", maxFrameLength: 5 }, "one\nhal");
  assertEquals([framer.ready, framer.ready, text(framer.next())], [true, true, "one"]);
  assertStrictEquals(framer.ready, false);
  framer.push(bytes("f a line"));
  assertStrictEquals(framer.ready, true); // it is too long
  assertThrows(() => framer.next(), FrameTooLongError);
  assertStrictEquals(framer.ready, false);
  framer.push(bytes("\n12345"));
  framer.terminator = 5;
  assertEquals([framer.ready, pieceOf(framer)], [true, "12345"]);
  assertStrictEquals(framer.ready, false); // the frame is not over
  assertEquals([framer.nextPiece(), framer.ready], [null, false]);
});

test("Framer.takeRest() and discard() take what is held, uncut, and forget the frame it was part of", () => {
  for (const way of ["takeRest", "discard"] as const) {
    const framer = framerOf({ terminator: 10 }, "abc");
    framer.nextPiece();
    framer.push(bytes("def"));
    assertEquals(framer[way](), way === "discard" ? 3 : bytes("def"));
    assertStrictEquals(framer.buffered, 0);
    framer.terminator = "\n";
    framer.push(bytes("next\nres"));
    assertStrictEquals(text(framer.next()), "next");
    assertEquals([framer.next(), framer[way]()], [undefined, way === "discard" ? 3 : bytes("res")]);
    framer.push(bytes("more\n"));
    assertStrictEquals(text(framer.next()), "more");
  }
});

test("Framer.skip() skips the frame whose pieces are handed out, or else the next one", () => {
  const framer = framerOf({ terminator: "\n" }, "long");
  assertStrictEquals(pieceOf(framer), "long");
  framer.push(bytes(" line\nskip"));
  assertStrictEquals(framer.skip(), true);
  assertStrictEquals(framer.skip(), true);
  framer.push(bytes("ped\nthird\n"));
  assertStrictEquals(text(framer.next()), "third");
  assertStrictEquals(framer.skip(null), true); // without a terminator there is no frame
  framer.push(bytes("fourth\n"));
  assertStrictEquals(text(framer.next()), "fourth");

  const unplaced = framerOf({ terminator: netstring(), incomplete: "yield" }, "5");
  assertStrictEquals(unplaced.skip(), false);
  unplaced.end();
  assertEquals([unplaced.skip(), unplaced.next()], [true, undefined]);
});

test("Framer takes any number of delimiters, of any length, in turn", () => {
  const delimiters = Array.from({ length: 200 }, (_, i) => `<${i}>`.repeat(1 + i % 40));
  const framer = new Framer({ terminator: "\n" });
  for (let round = 0; round < 2; round++) {
    for (const delimiter of delimiters) framer.push(bytes(`before ${delimiter}`));
    const found = delimiters.map((delimiter) => text(framer.next(delimiter)));
    assertEquals(new Set(found), new Set(["before "]));
    assertStrictEquals(framer.buffered, 0);
  }
});

test("two framers with the same delimiter do not disturb each other in the middle of it", () => {
  const [one, other] = [
    framerOf({ terminator: "--end" }, "one--e"),
    framerOf({ terminator: "--end" }),
  ];
  assertStrictEquals(one.next(), undefined);
  other.push(bytes("nd, other--end"));
  assertStrictEquals(text(other.next()), "nd, other");
  one.push(bytes("nd"));
  assertStrictEquals(text(one.next()), "one");
});

const encode = (terminator: Terminator, payload: string | Uint8Array): Uint8Array =>
  new Framer({ terminator }).encode(payload);

test("Framer.encode() adds what the terminator in force ends a frame by", () => {
  const encoded: [Terminator, payload: string, frame: string][] = [
    ["\r\n", "line", "line\r\n"],
    [bytes("::"), "", "::"],
    [5, "count", "count"],
    [0, "", ""],
    [null, "anything\n", "anything\n"],
    [lines(), "año", "año\n"],
    [delimited(";", { keep: true }), "kept;", "kept;"],
    [netstring(), "a\nb", "3:a\nb,"],
    [varintPrefixed(), "abc", "\x03abc"],
  ];
  for (const [terminator, payload, frame] of encoded) {
    assertStrictEquals(text(encode(terminator, payload)), frame);
    assertStrictEquals(text(encode(terminator, bytes(payload))), frame);
  }
});

test("Framer.encode() refuses a payload that would not be read as one frame", () => {
  checkRefusals(FrameInjectionError, encode, [
    ["\n", "two\nlines", "forms a delimiter at byte 3"],
    ["aa", "a", "forms a delimiter at byte 0"],
    [5, "four", "a payload of 4 bytes is not a frame: the terminator is a count of 5"],
    [5, "sixsix", "a payload of 6 bytes"],
    [0, "x", "a payload of 1 bytes"],
    [lengthPrefixed({ bytes: 1 }), "x".repeat(256), "does not fit"],
  ]);
});

test("Framer.encode() refuses a framing that cannot encode, and what is no payload", () => {
  const framing = {
    *decode(): Generator<number, Uint8Array, Uint8Array> {
      return yield 1;
    },
  };
  assertThrows(() => encode(framing, "x"), UnsupportedError, "encode()");
  for (const [wrong, said] of [[5, "number"], [undefined, "undefined"], [[], "Array"]]) {
    const careless = { ...framing, encode: () => wrong as unknown as Uint8Array };
    assertThrows(() => encode(careless, "x"), FramingError, `Uint8Array, not ${said}`);
  }
  assertThrows(() => encode("\n", 5 as unknown as string), TypeError, "number");
  // Text is data, too.
  assertEquals(encode({ ...framing, encode: () => "é" }, "x"), bytes("é"));
});

test("the errors of frames are ChatErrors, which have a name and a code", async () => {
  const { ChatError, MalformedFrameError } = await import("../../mod.ts");
  const errors: [error: InstanceType<typeof ChatError>, code: string][] = [
    [new FrameTooLongError(1, 2), "frame-too-long"],
    [new IncompleteFrameError(bytes("x"), "y"), "incomplete-frame"],
    [new MalformedFrameError("x"), "malformed-frame"],
    [new FramingError("x"), "framing"],
    [new FrameInjectionError("x"), "frame-injection"],
  ];
  for (const [error, code] of errors) {
    assert(error instanceof ChatError);
    assertEquals([error.name, error.code], [error.constructor.name, code]);
  }
});
