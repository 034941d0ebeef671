/** A framing of one's own: what its `decode()` may ask for and return, and what becomes of one that breaks the rules. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  delimited,
  type FrameLayout,
  Framer,
  FrameTooLongError,
  type Framing,
  FramingError,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  type Portion,
} from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { framerOf as framerOver, frames, pieceOf } from "../support/framers.ts";
import { checkCuts, malformed, misused, type Options, tooLong } from "../support/framing_tables.ts";
import { nextTurn } from "../support/turn.ts";

type Decode = Framing["decode"];

const framerOf = (decode: Decode, options: Options, ...chunks: string[]): Framer =>
  framerOver({ ...options, terminator: { decode } }, ...chunks);

/** What a call throws, whatever it is. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** A digit, and as many bytes. */
const digit: Decode = function* () {
  return { length: Number(text(yield 1)) };
};

/** A digit, as many bytes, and a mark that a check may be made of. */
const marked = (check?: FrameLayout["check"]): Decode =>
  function* () {
    return { length: Number(text(yield 1)), trailer: 1, check };
  };

/** A frame that is made of what comes before a semicolon. */
const reversed: Decode = function* () {
  return (yield ";").toReversed();
};

const wrong = (): never => {
  throw new MalformedFrameError("it is wrong");
};

test("decode() is given just the bytes that it asked for, however they arrive", () => {
  const decode: Decode = function* () {
    const given: string[] = [];
    for (const portion of [2, "--", bytes("é"), 0, 1]) given.push(text(yield portion));
    return bytes(given.join("|"));
  };
  checkCuts({ decode }, "ab1-2--3éx.cD--éy!", ["ab|1-2|3||x", ".c|D|||y"], { rest: "!" });
});

test("decode() is given a view of the chunk that a portion lies in", () => {
  const decode: Decode = function* () {
    yield 4;
    return yield 600;
  };
  const framer = framerOf(decode, {}, "head");
  assertStrictEquals(framer.next(), undefined);
  const body = new Uint8Array(600);
  framer.push(body);
  assertStrictEquals(framer.next()?.buffer, body.buffer);
});

test("decode() may ask for what comes before any delimiter that the library searches, and for no other framing", () => {
  const portions: [portion: Portion, given: string, rest?: string][] = [
    ["\r\n", "a\nb", ";"],
    [bytes("\r\n"), "a\nb", ";"],
    [delimited("\r\n", { keep: true }), "a\nb\r\n", ";"],
    [anyOf("b\r", "b\r\n", { keep: true }), "a\nb\r\n", ";"],
    [anyOf("b\r", "b\r\n"), "a\n", ";"],
    [anyOf(";", ";;"), "a\nb\r\n"], // the end of the stream decides
  ];
  for (const [portion, given, rest = ""] of portions) {
    const decode: Decode = function* () {
      return yield portion;
    };
    checkCuts({ decode }, "a\nb\r\n;", [given], { rest });
  }
  const several: Decode = function* () {
    const line = yield lines();
    return concat([line, yield lines({ keep: true })]);
  };
  checkCuts({ decode: several }, "a\r\nb\r\nc\n\n", ["ab\r\n", "c\n"]);
});

test("decode() is begun anew for each frame, and once for each, however its bytes arrive", () => {
  let begun = 0;
  const decode: Decode = function* () {
    begun++;
    return { length: Number(text(yield ":")) };
  };
  const framer = framerOf(decode, {});
  const found = [...bytes("3:abc12:0123456789ab0:")].flatMap((byte) => {
    framer.push(Uint8Array.of(byte));
    return frames(framer);
  });
  // It is not begun when nothing is here.
  assertEquals([found, begun], [["abc", "0123456789ab", ""], 3]);
});

test("decode() is a method that finds its framing in this", () => {
  class Records implements Framing {
    readonly length = 2;
    *decode(): Generator<Portion, Uint8Array, Uint8Array> {
      return yield this.length;
    }
  }
  checkCuts(new Records(), "abcd", ["ab", "cd"]);
});

test("decode() of one framing serves two framers that take turns", () => {
  const terminator = { decode: digit };
  const [one, two] = [new Framer({ terminator }), new Framer({ terminator })];
  one.push(bytes("3"));
  assertStrictEquals(one.next(), undefined);
  two.push(bytes("1x"));
  assertStrictEquals(text(two.next()), "x");
  one.push(bytes("abc"));
  assertStrictEquals(text(one.next()), "abc");
});

test("decode() may be handed on to another framing", () => {
  const inner = netstring();
  const decode: Decode = function* () {
    yield "#";
    return yield* inner.decode();
  };
  checkCuts({ decode }, "x#3:abc,#0:,", ["abc", ""]);
  checkCuts({ decode: () => lines().decode() }, "one\r\ntwo\n", ["one", "two"]);
});

/** A layout for "#3abc;;", of which so many bytes were read, and the frame that it gives. */
const LAYOUTS: [layout: FrameLayout, frame: string, read?: number][] = [
  [{ length: 3, trailer: 2 }, "abc"],
  [{ length: 3, trailer: ";;" }, "abc"],
  [{ length: 3, trailer: bytes(";;") }, "abc"],
  [{ length: 5 }, "abc;;"],
  [{ length: 7, skip: 0 }, "#3abc;;"],
  [{ length: 5, skip: 0, trailer: 2 }, "#3abc"],
  [{ length: 4, skip: 1, trailer: 2 }, "3abc"],
  [{ length: 1, skip: 4, trailer: 2 }, "c"],
  [{ length: 0, skip: 7 }, ""],
  [{ length: 0, trailer: 5 }, ""],
  [{ length: 0, skip: 0, trailer: 7 }, ""],
  [{ length: 5, skip: undefined, trailer: undefined, check: undefined }, "abc;;"],
  [{ length: 5, trailer: "" }, "abc;;"],
  // What was read may be of the frame, and of what follows it.
  [{ skip: 2, length: 3, trailer: ";;" }, "abc", 7],
  [{ skip: 1, length: 6 }, "3abc;;", 3],
];

test("decode() returns where the frame lies, and what is around it is passed over", () => {
  for (const [layout, frame, read = 2] of LAYOUTS) {
    const decode: Decode = function* () {
      yield read;
      return layout;
    };
    checkCuts({ decode }, "#3abc;;#3abc;;", [frame, frame]);
  }
});

test("a trailer that is not what it must be makes the frame malformed, and the next begins behind it", () => {
  const decode: Decode = function* () {
    return { length: Number(text(yield 1)), trailer: "\r\n" };
  };
  const error = malformed('followed by "\\r\\n", not "\\r\\r"', "\r\r");
  checkCuts({ decode }, "2ab\r\r1x\r\n0\r\r", [error, "x", error]);
});

test("check() is given the frame and its trailer, if there is one, each once, before the frame is handed out", () => {
  const checked: string[] = [];
  const framer = framerOf(
    marked((frame, trailer) => checked.push(`${text(frame)}${text(trailer)}`)),
    {},
    "2a",
    "b",
  );
  assertStrictEquals(framer.next(), undefined);
  assertEquals(checked, []);
  framer.push(bytes("!0?"));
  assertEquals(frames(framer), ["ab", ""]);
  assertEquals(checked, ["ab!", "?"]);
  const check = (frame: Uint8Array, trailer: Uint8Array): void =>
    assertEquals([frame, trailer], [bytes("a"), bytes("")]);
  const untrailed: Decode = function* () {
    yield 1;
    return { length: 1, check };
  };
  checkCuts({ decode: untrailed }, ".a.a", ["a", "a"]);
});

test("what check() throws is what the reader gets, once, and the frame is dropped", () => {
  for (const mistake of [new MalformedFrameError("a sum"), new RangeError("of its own"), "text"]) {
    const check = (_: Uint8Array, [mark]: Uint8Array): void => {
      if (mark !== 0x21) throw mistake;
    };
    const framer = framerOf(marked(check), {}, "2ab?1x!");
    assertStrictEquals(thrownBy(() => framer.next()), mistake);
    assertEquals(frames(framer), ["x"]);
  }
  const check = (frame: Uint8Array): void => void (frame.length === 2 && wrong());
  checkCuts({ decode: marked(check) }, "2ab?1x!2ab?", [
    malformed("it is wrong"),
    "x",
    malformed(""),
  ]);
});

test("check() that is async is answered with a FramingError, and what it throws is nobody's", async () => {
  const check = async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("unhandled");
  };
  assertThrows(() => framerOf(marked(check), {}, "2ab!").next(), FramingError, "async");
  await nextTurn();
});

test("decode() may return the frame itself, if it had to be made, also one that is longer than what it was made from", () => {
  const unescaped: Decode = function* () {
    return bytes(text(yield ";").replaceAll("%3b", ";"));
  };
  checkCuts({ decode: unescaped }, "a%3bb;;%3b%3b;", ["a;b", "", ";;"]);
  const kept = ["a;b", tooLong(3, 4), ";;"];
  checkCuts({ decode: unescaped }, "a%3bb;abcd;%3b%3b;", kept, { maxFrameLength: 3 });
  const repeated: Decode = function* () {
    const read = yield 2;
    return new Uint8Array(read[0]! - 0x30).fill(read[1]!);
  };
  checkCuts({ decode: repeated }, "3a0b9c5", ["aaa", "", "ccccccccc"], { rest: "5" });
});

test("decode() may make a Buffer, of which the frame is plain bytes", () => {
  const decode: Decode = function* () {
    return Buffer.from(yield 2);
  };
  const frame = framerOf(decode, {}, "ab").next()!;
  assertStrictEquals(frame.constructor, Uint8Array);
  assertStrictEquals(text(frame), "ab");
});

test("what decode() throws is what the reader gets, and the next frame begins behind what was read", () => {
  for (const mistake of [new MalformedFrameError("no such type"), new TypeError("of its own"), 5]) {
    const decode: Decode = function* () {
      const type = text(yield "\r\n");
      if (type === "??") throw mistake;
      return { length: 1 };
    };
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf(decode, {}, "?");
      assertStrictEquals(framer[way](), undefined);
      framer.push(bytes("?\r\nok\r\nx"));
      assertStrictEquals(thrownBy(() => framer[way]()), mistake);
      assertEquals(framer[way](), bytes("x"));
    }
  }
});

/** What is no generator function, and what its result gave. */
const NO_GENERATORS: [decode: () => unknown, part: string][] = [
  [() => undefined, "undefined"],
  [() => null, "undefined"],
  [() => 5, "undefined"],
  [() => ({ length: 5 }), "undefined"],
  [() => bytes("frame"), "undefined"],
  [() => [1, 2], "undefined"],
  [() => ({ next: () => 5 }), "number"],
  [async function () {}, "undefined"],
  [async function* () {
    yield 1;
  }, "Promise"],
];

test("decode() that is no generator function is answered with a FramingError", () => {
  for (const [decode, part] of NO_GENERATORS) {
    const framer = framerOf(decode as Decode, {}, "bytes");
    const error = assertThrows(() => framer.next(), FramingError, "must be a generator function");
    assert(error.message.endsWith(`gave ${part}`), error.message);
  }
});

/** What cannot be yielded, and how it is described. */
const NO_PORTIONS: [portion: unknown, part: string][] = [
  [-1, "not -1"],
  [1.5, "not 1.5"],
  [NaN, "not NaN"],
  [Infinity, "not Infinity"],
  ["", "empty string"],
  [new Uint8Array(0), "empty Uint8Array"],
  [undefined, "not undefined"],
  [null, "not null"],
  [true, "not boolean"],
  [5n, "not bigint"],
  [["\n"], "not Array"],
  [{ length: 5 }, "not Object"],
  [netstring(), "delimited(), anyOf() or lines()"],
  [lengthPrefixed(), "delimited(), anyOf() or lines()"],
];

test("decode() that yields what it cannot be given is answered with a FramingError, and the next frame begins behind what was read", () => {
  for (const [portion, part] of NO_PORTIONS) {
    const decode: Decode = function* () {
      if (text(yield 1) === "?") yield portion as number;
      return { length: 1 };
    };
    checkCuts({ decode }, "?!x?!y", [misused(part), "x", misused("decode() must yield"), "y"]);
  }
});

/** What cannot be returned after two bytes were read, and what is said of it. */
const NO_RESULTS: [result: unknown, part: string][] = [
  [null, "a layout, a Uint8Array, { message } or undefined, not null"],
  [5, "a layout, a Uint8Array, { message } or undefined, not 5"],
  ["frame", '{ message } or undefined, not "frame"'],
  [[1, 2], "a layout, a Uint8Array, { message } or undefined, not Array"], // it has a length, as a layout has
  [{}, "length is undefined"],
  [{ length: -1 }, "length is -1"],
  [{ length: 1.5 }, "length is 1.5"],
  [{ length: NaN }, "length is NaN"],
  [{ length: Infinity }, "length is Infinity"],
  [{ length: "5" }, 'length is "5"'],
  [{ length: 5n }, "length is 5"],
  [{ length: 5, skip: -1 }, "skip is -1"],
  [{ length: 5, skip: 0.5 }, "skip is 0.5"],
  [{ length: 5, skip: null }, "skip is null"],
  [{ length: 5, trailer: -1 }, "trailer is -1"],
  [{ length: 5, trailer: NaN }, "trailer is NaN"],
  [{ length: 5, trailer: null }, "trailer must be a string or a Uint8Array, not null"],
  [{ length: 5, trailer: [1] }, "trailer must be a string or a Uint8Array, not Array"],
  [{ length: 5, check: 5 }, "check is not a function, but number"],
  [{ length: 5, check: {} }, "check is not a function, but Object"],
  [{ length: 0, skip: 0 }, "without consuming a byte"],
  [{ message: undefined }, "{ message: undefined }"],
];

test("decode() that returns what is no frame is answered with a FramingError", () => {
  for (const [result, part] of NO_RESULTS) {
    const decode: Decode = function* () {
      yield 2;
      return result as FrameLayout;
    };
    checkCuts({ decode }, "abcd", [misused(part), misused(part)]);
  }
});

test("decode() that returns a frame without reading a byte, or asks for nothing for ever, is answered with a FramingError", () => {
  const endless: Decode = function* () {
    for (;;) yield 0;
  };
  const nothing = [
    { length: 0 },
    { length: 0, skip: 0, trailer: "" },
    new Uint8Array(0),
    bytes("x"),
  ];
  const decodes = nothing.map((result): Decode =>
    function* () {
      yield 0;
      return result;
    }
  );
  for (const decode of [endless, ...decodes]) {
    const framer = framerOf(decode, {}, "bytes");
    const part = decode === endless ? "asked for nothing" : "without consuming a byte";
    assertThrows(() => framer.next(), FramingError, part);
    framer.terminator = 5;
    assertEquals(frames(framer), ["bytes"]);
  }
  const patient: Decode = function* () {
    for (let i = 0; i < 3_000; i++) yield i % 1_000 === 999 ? 1 : 0;
    return { length: 1 };
  };
  checkCuts({ decode: patient }, "abcd", ["d"]);
});

test("the length of a layout, and of what is around the frame, is held to the limit before it is here, and passed over", () => {
  const layouts: [layout: FrameLayout, seen: number, left: number][] = [
    [{ length: 2_000, trailer: ";", check: wrong }, 2_000, 2_001],
    [{ length: 1, trailer: 2_000 }, 2_001, 2_001],
    [{ length: 1, skip: 2_000 }, 2_000, 2_000],
  ];
  for (const [layout, seen, left] of layouts) {
    const decode: Decode = function* () {
      yield 1;
      return layout;
    };
    const framer = framerOf(decode, { maxFrameLength: 100 }, "x");
    assertThrows(() => framer.next(), FrameTooLongError, `at least ${seen} bytes`);
    framer.terminator = "\n";
    assertStrictEquals(dropped(framer, left), 0);
    framer.push(bytes("next\n"));
    assertStrictEquals(text(framer.next()), "next");
  }
});

/** Pushes bytes that are to be dropped, and returns the most that was held of them. */
function dropped(framer: Framer, count: number, chunk: Uint8Array = new Uint8Array(7)): number {
  let most = 0;
  for (let left = count; left > 0; left -= chunk.length) {
    framer.push(chunk.slice(0, left));
    assertStrictEquals(framer.next(), undefined);
    most = Math.max(most, framer.buffered);
  }
  return most;
}

test("only the frame counts towards maxFrameLength, neither skip nor trailer", () => {
  const decode: Decode = function* () {
    yield 20;
    return { length: 3, skip: 30, trailer: 20 };
  };
  const input = `${"h".repeat(30)}abc${"t".repeat(20)}`;
  checkCuts({ decode }, input + input, ["abc", "abc"], { maxFrameLength: 3 });
  checkCuts({ decode }, input, [tooLong(2, 3)], { maxFrameLength: 2 });
});

test("decode() may read twice maxFrameLength and 1 KiB, and no more", () => {
  for (const portions of [[3024], [1000, 2024], [";"], [1000, ";"]] as Portion[][]) {
    const read = function* (more: number): ReturnType<Decode> {
      for (const portion of portions) yield typeof portion === "number" ? portion + more : portion;
      return bytes("frame");
    };
    // With a delimiter, what comes before it counts.
    const input = "x".repeat(portions.includes(";") ? 3024 : 4096);
    const options = { maxFrameLength: 1000 };
    assertStrictEquals(text(framerOf(() => read(0), options, `${input};`).next()), "frame");
    assertThrows(() => framerOf(() => read(1), options, `x${input};`).next(), FrameTooLongError);
  }
});

test("decode() that reads too far is refused before the bytes are here, and they are passed over", () => {
  const decode: Decode = function* () {
    return yield 1000 * Number(text(yield 1));
  };
  const framer = framerOf(decode, { maxFrameLength: 1000 }, "9x");
  assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 1000");
  assertStrictEquals(dropped(framer, 8_999), 0);
  framer.push(bytes("1".padEnd(1001, "y")));
  assertStrictEquals(text(framer.next()), "y".repeat(1000));
});

test("decode() that searches too far is refused, and what comes before the delimiter is passed over", () => {
  const decode: Decode = function* () {
    yield 5;
    return yield "<end>";
  };
  const framer = framerOf(decode, { maxFrameLength: 100 }, "<end>", "x".repeat(1219));
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("x"));
  assertThrows(() => framer.next(), FrameTooLongError, "at least 1225 bytes");
  assert(dropped(framer, 4_000, bytes("<en<")) <= 4);
  framer.push(bytes("end><end>next<end>"));
  assertStrictEquals(text(framer.next()), "next");
});

test("a limit that is changed holds for the frame that decode() has begun to read, or was found to be too long", () => {
  const framer = framerOf(digit, { maxFrameLength: 4 }, "5a");
  framer.maxFrameLength = 5;
  assertStrictEquals(framer.next(), undefined);
  framer.maxFrameLength = 4;
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.push(bytes("bcde2xy"));
  assertEquals(frames(framer), ["xy"]);

  const long = framerOf(reversed, { maxFrameLength: 10 }, "x".repeat(2_000) + ";");
  assertStrictEquals(long.ready, true); // to be refused
  long.maxFrameLength = 2_000;
  assertStrictEquals(long.next()?.length, 2_000);
});

test("what decode() has read is the next terminator's, if its frame is not waited for", () => {
  const framer = framerOf(digit, {}, "5a\n");
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(text(framer.next("\n")), "5a");

  framer.push(bytes("5ab"));
  assertEquals([framer.next(), framer.buffered], [undefined, 3]);
  framer.terminator = null;
  assertStrictEquals(text(framer.next()), "5ab");
});

test("decode() that is given up runs its finally, once, and what that throws is nobody's", () => {
  const givenUp: ((framer: Framer) => void)[] = [
    (framer) => framer.next(2),
    (framer) => framer.discard(),
    (framer) => framer.takeRest(),
    (framer) => (framer.terminator = null, framer.next()),
  ];
  for (const giveUp of givenUp) {
    let ended = 0;
    const decode: Decode = function* () {
      try {
        yield 1;
        return { length: (yield 5).length };
      } finally {
        ended++;
        // deno-lint-ignore no-unsafe-finally -- that is what is tested
        throw new Error("nobody's");
      }
    };
    const framer = framerOf(decode, {}, "ab");
    assertEquals([framer.next(), ended], [undefined, 0]);
    giveUp(framer);
    assertStrictEquals(ended, 1);
  }
});

test("nextPiece() gives a frame with a check in one piece, when it was checked, and held to the limit", () => {
  const framer = framerOf(
    marked((_, [mark]) => mark === 0x21 || wrong()),
    { maxFrameLength: 3 },
    "3ab",
  );
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("c!2xy?0!1z!4"));
  assertEquals([pieceOf(framer), pieceOf(framer)], ["abc", null]);
  assertThrows(() => framer.nextPiece(), MalformedFrameError, "it is wrong");
  assertStrictEquals(pieceOf(framer), null, "an empty frame has no piece");
  assertEquals([pieceOf(framer), pieceOf(framer)], ["z", null]);
  assertThrows(() => framer.nextPiece(), FrameTooLongError, "at least 4");
});

test("nextPiece() gives a frame that decode() made in one piece, and holds it to maxFrameLength", () => {
  const framer = framerOf(reversed, { maxFrameLength: 3 }, "ab");
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("c;;abcd;x;"));
  assertEquals([pieceOf(framer), pieceOf(framer), pieceOf(framer)], ["cba", null, null]);
  assertThrows(() => framer.nextPiece(), FrameTooLongError, "maxFrameLength of 3");
  assertStrictEquals(pieceOf(framer), "x");
});

test("nextPiece() tells of a wrong trailer after the last piece, and next() behind it does not", () => {
  const decode: Decode = function* () {
    return { length: Number(text(yield 1)), trailer: "!" };
  };
  const [told, left] = [framerOf(decode, {}, "2ab?1x!"), framerOf(decode, {}, "2ab?1x!")];
  for (const framer of [told, left]) assertStrictEquals(pieceOf(framer), "ab");
  assertThrows(() => told.nextPiece(), MalformedFrameError, 'not "?"');
  for (const framer of [told, left]) assertEquals(frames(framer), ["x"]);
});

test("nextPiece() holds nothing of a trailer that may be anything", () => {
  const decode: Decode = function* () {
    yield 1;
    return { length: 2, trailer: 5_000 };
  };
  const framer = framerOf(decode, { maxFrameLength: 10 }, "xab");
  assertStrictEquals(pieceOf(framer), "ab");
  for (let sent = 0; sent < 5_000; sent += 500) {
    assertStrictEquals(framer.nextPiece(), undefined);
    framer.push(new Uint8Array(500));
  }
  assertEquals([framer.nextPiece(), framer.buffered], [null, 0]);
});

test("nextPiece() goes on with a frame that next() had looked at, and next() drops the rest of one that was left", () => {
  const framer = framerOf(digit, {}, "4ab");
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("cd1x"));
  assertEquals(frames(framer), ["x"]);

  const made = framerOf(reversed, {}, "ab;xy;");
  assertStrictEquals(pieceOf(made), "ba");
  assertEquals(frames(made), ["yx"]);
});
