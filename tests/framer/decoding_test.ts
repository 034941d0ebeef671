import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  delimited,
  type FrameLayout,
  Framer,
  type FramerOptions,
  FrameTooLongError,
  type Framing,
  FramingError,
  IncompleteFrameError,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  type Portion,
} from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { framerOf as framerOver, frames, pieceOf } from "../support/framers.ts";
import { nextTurn } from "../support/turn.ts";

type Decode = Framing["decode"];
type Options = Omit<FramerOptions, "terminator" | "encoding">;

const framerOf = (decode: Decode, options: Options, ...chunks: string[]): Framer =>
  framerOver({ ...options, terminator: { decode } }, ...chunks);

/** Every frame of bytes that arrive in one chunk, and of bytes that arrive one by one, which must be the same. */
function cut(decode: Decode, input: string): string[] {
  const expected = frames(framerOf(decode, {}, input));
  const framer = framerOf(decode, {});
  const found = [...bytes(input)].flatMap((byte) => {
    framer.push(Uint8Array.of(byte));
    return frames(framer);
  });
  assertEquals(found, expected);
  return found;
}

/** A digit, and as many bytes. */
const digit: Decode = function* () {
  return { length: Number(text(yield 1)) };
};

/** A digit, as many bytes, and an exclamation mark, which a check may be made of. */
const marked = (check?: FrameLayout["check"]): Decode =>
  function* () {
    return { length: Number(text(yield 1)), trailer: 1, check };
  };

const malformed = (): never => {
  throw new MalformedFrameError("it is wrong");
};

test("decode() is given just the bytes that it asked for, however they arrive", () => {
  const given: string[] = [];
  const decode: Decode = function* () {
    for (const portion of [2, "--", bytes("é"), 1]) given.push(text(yield portion));
    return { length: 1 };
  };
  assertEquals(cut(decode, "ab1-2--3éx.cD--éy!"), [".", "!"]);
  const once = ["ab", "1-2", "3", "x", "cD", "", "", "y"];
  assertEquals(given, [...once, ...once]);
});

test("decode() may ask for what comes before any delimiter that the library searches", () => {
  const portions: [portion: Portion, given: string][] = [
    ["\r\n", "a\nb"],
    [bytes("\n"), "a"],
    [delimited("\n", { keep: true }), "a\n"],
    [lines(), "a"],
    [lines({ keep: true }), "a\n"],
    [anyOf("\r\n", "b"), "a\n"],
    [anyOf("b\r", "b\r\n", { keep: true }), "a\nb\r\n"],
  ];
  for (const [portion, given] of portions) {
    const decode: Decode = function* () {
      return yield portion;
    };
    assertStrictEquals(cut(decode, "a\nb\r\n;")[0], given);
  }
});

test("decode() is given the rest before a delimiter that the end of the stream decides about", () => {
  const decode: Decode = function* () {
    return yield anyOf("\r", "\r\n");
  };
  const framer = framerOf(decode, {}, "one\r");
  assertStrictEquals(framer.next(), undefined);
  framer.end();
  assertEquals(frames(framer), ["one"]);
});

test("decode() is given nothing when it asks for nothing", () => {
  const decode: Decode = function* () {
    const empty = yield 0;
    return { length: empty.length + (yield 1).length };
  };
  assertEquals(cut(decode, "abcd"), ["b", "d"]);
});

test("decode() is begun anew for each frame, and once for each, however its bytes arrive", () => {
  let begun = 0;
  const decode: Decode = function* () {
    begun++;
    return { length: Number(text(yield ":")) };
  };
  assertEquals(cut(decode, "3:abc12:0123456789ab0:"), ["abc", "0123456789ab", ""]);
  // By two framers; and neither begins it when nothing is here.
  assertStrictEquals(begun, 6);
});

test("decode() is a method that finds its framing in this", () => {
  class Records implements Framing {
    readonly length = 2;
    *decode(): Generator<Portion, Uint8Array, Uint8Array> {
      return yield this.length;
    }
  }
  const framer = new Framer({ terminator: new Records() });
  framer.push(bytes("abcd"));
  assertEquals(frames(framer), ["ab", "cd"]);
});

test("decode() of one framing serves two framers that take turns", () => {
  const [one, two] = [framerOf(digit, {}), framerOf(digit, {})];
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
    const layout = yield* inner.decode();
    return layout;
  };
  assertEquals(cut(decode, "x#3:abc,#0:,"), ["abc", ""]);
});

/** A layout for "#3abc;;", read as far as the digit, and the frame that it gives. */
const LAYOUTS: [layout: FrameLayout, frame: string][] = [
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
];

test("decode() returns where the frame lies, and what is around it is passed over", () => {
  for (const [layout, frame] of LAYOUTS) {
    const decode: Decode = function* () {
      yield 2;
      return layout;
    };
    assertEquals(cut(decode, "#3abc;;#3abc;;"), [frame, frame], JSON.stringify(layout));
  }
});

test("decode() may look at bytes of the frame, and of what follows it, before it says where it is", () => {
  const decode: Decode = function* () {
    yield 7;
    return { skip: 2, length: 3, trailer: ";;" };
  };
  assertEquals(cut(decode, "#3abc;;#3xyz;;"), ["abc", "xyz"]);
});

test("a trailer that is not what it must be makes the frame malformed, and the next begins behind it", () => {
  const decode: Decode = function* () {
    return { length: Number(text(yield 1)), trailer: "\r\n" };
  };
  const framer = framerOf(decode, {}, "2ab\r", "\r1x\r\n");
  const error = assertThrows(() => framer.next(), MalformedFrameError, 'by "\\r\\n", not "\\r\\r"');
  assertStrictEquals(error.code, "malformed-frame");
  assertStrictEquals(text(framer.next()), "x");
});

test("check() is given the frame and its trailer, each once, before the frame is handed out", () => {
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
});

test("check() is not called when the trailer is wrong already, and is given no trailer if there is none", () => {
  const checked: string[] = [];
  const decode: Decode = function* () {
    const mark = text(yield 1);
    return {
      length: 1,
      trailer: mark === "." ? undefined : mark,
      check: (frame, trailer) => void checked.push(text(concat([frame, trailer]))),
    };
  };
  const framer = framerOf(decode, {}, "!a?.b!c!");
  assertThrows(() => framer.next(), MalformedFrameError, 'not "?"');
  assertEquals(frames(framer), ["b", "c"]);
  assertEquals(checked, ["b", "c!"]);
});

test("what check() throws is what the reader gets, once, and the frame is dropped", () => {
  for (
    const mistake of [new MalformedFrameError("wrong sum"), new RangeError("of its own"), "text"]
  ) {
    const framer = framerOf(
      marked((_, [mark]) => {
        if (mark !== 0x21) throw mistake;
      }),
      {},
      "2ab?1x!",
    );
    let thrown: unknown;
    try {
      framer.next();
    } catch (error) {
      thrown = error;
    }
    assertStrictEquals(thrown, mistake);
    assertEquals(frames(framer), ["x"]);
  }
});

test("decode() may return the frame itself, if it had to be made", () => {
  const decode: Decode = function* () {
    return bytes(text(yield ";").replaceAll("%3b", ";"));
  };
  assertEquals(cut(decode, "a%3bb;;%3b%3b;"), ["a;b", "", ";;"]);
});

test("decode() may make a frame that is longer than what it was read from", () => {
  const decode: Decode = function* () {
    const read = yield 2;
    return new Uint8Array(read[0]! - 0x30).fill(read[1]!);
  };
  assertEquals(cut(decode, "3a0b9c"), ["aaa", "", "ccccccccc"]);
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
      const type = text(yield 2);
      if (type === "??") throw mistake;
      return { length: 1 };
    };
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf(decode, {}, "?");
      assertStrictEquals(framer[way](), undefined);
      framer.push(bytes("?okx"));
      let thrown: unknown;
      try {
        framer[way]();
      } catch (error) {
        thrown = error;
      }
      assertStrictEquals(thrown, mistake);
      assertEquals(framer[way](), bytes("x"));
    }
  }
});

test("decode() that throws has read the delimiter of its last portion, too", () => {
  const decode: Decode = function* () {
    const line = yield "\r\n";
    return text(line) === "wrong" ? malformed() : line;
  };
  const framer = framerOf(decode, {}, "wrong\r\nright\r\n");
  assertThrows(() => framer.next(), MalformedFrameError, "it is wrong");
  assertEquals(frames(framer), ["right"]);
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
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf(decode as Decode, {}, "bytes");
      const error = assertThrows(() => framer[way](), FramingError, "must be a generator function");
      assert(error.message.endsWith(`gave ${part}`), error.message);
      assertStrictEquals(error.code, "framing");
    }
  }
});

/** What cannot be yielded, and how it is described. */
const NO_PORTIONS: [portion: unknown, part: string][] = [
  [-1, "not -1"],
  [1.5, "not 1.5"],
  [NaN, "not NaN"],
  [Infinity, "not Infinity"],
  [2 ** 53, "not 9007199254740992"],
  ["", "empty string"],
  [new Uint8Array(0), "empty Uint8Array"],
  [undefined, "not undefined"],
  [null, "not null"],
  [true, "not boolean"],
  [5n, "not bigint"],
  [["\n"], "not Array"],
  [{ length: 5 }, "not Object"],
  [netstring(), "not Object"],
  [lengthPrefixed(), "not LengthPrefixed"],
];

test("decode() that yields what it cannot be given is answered with a FramingError", () => {
  for (const [portion, part] of NO_PORTIONS) {
    const decode: Decode = function* () {
      yield 1;
      yield portion as number;
      return { length: 0 };
    };
    const error = assertThrows(() => framerOf(decode, {}, "abc").next(), FramingError, part);
    assert(error.message.startsWith("decode() must yield"), error.message);
  }
});

/** What cannot be returned after two bytes were read, and what is said of it. */
const NO_RESULTS: [result: unknown, part: string][] = [
  [undefined, "a layout or a Uint8Array, not undefined"],
  [null, "a layout or a Uint8Array, not null"],
  [5, "a layout or a Uint8Array, not 5"],
  ["frame", 'a layout or a Uint8Array, not "frame"'],
  [{}, "length is undefined"],
  [{ length: -1 }, "length is -1"],
  [{ length: 1.5 }, "length is 1.5"],
  [{ length: NaN }, "length is NaN"],
  [{ length: Infinity }, "length is Infinity"],
  [{ length: 2 ** 53 }, "length is 9007199254740992"],
  [{ length: "5" }, 'length is "5"'],
  [{ length: 5, skip: -1 }, "skip is -1"],
  [{ length: 5, skip: 0.5 }, "skip is 0.5"],
  [{ length: 5, skip: null }, "skip is null"],
  [{ length: 5, trailer: -1 }, "trailer is -1"],
  [{ length: 5, trailer: NaN }, "trailer is NaN"],
  [{ length: 1, skip: 0 }, "read 2 bytes, past the end of the frame, which it says is after 1"],
  [{ length: 0, skip: 0 }, "read 2 bytes, past the end"],
  [{ length: 0, skip: 0, trailer: 1 }, "read 2 bytes, past the end"],
];

test("decode() that returns what is no frame is answered with a FramingError", () => {
  for (const [result, part] of NO_RESULTS) {
    const decode: Decode = function* () {
      yield 2;
      return result as FrameLayout;
    };
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf(decode, {}, "abcdefgh");
      assertThrows(() => framer[way](), FramingError, part);
    }
  }
});

test("decode() that returns a length the peer chose, and no frame can have, is answered with a MalformedFrameError", () => {
  const framer = framerOf(
    function* () {
      yield 2;
      return { length: Number.MAX_SAFE_INTEGER };
    },
    { maxFrameLength: Infinity },
    "ab",
  );
  assertThrows(() => framer.next(), MalformedFrameError, "9007199254740991");
  assertStrictEquals(framer.buffered, 0);
});

test("Framer refuses a frame whose surroundings are too long to be held, and passes over them", () => {
  for (const layout of [{ length: 1, trailer: 2_000 }, { length: 1, skip: 2_000 }]) {
    const decode: Decode = function* () {
      yield 1;
      return layout;
    };
    const framer = framerOf(decode, { maxFrameLength: 100 }, "x");
    assertThrows(() => framer.next(), FrameTooLongError, "at least 200");
    framer.terminator = "\n";
    const rest = layout.skip === undefined ? 2_001 : 2_000;
    for (let at = 0; at < rest; at += 100) {
      framer.push(new Uint8Array(Math.min(100, rest - at)));
      assertStrictEquals(framer.next(), undefined);
      assertStrictEquals(framer.buffered, 0);
    }
    framer.push(bytes("next\n"));
    assertStrictEquals(text(framer.next()), "next");
  }
});

test("decode() that returns a layout of wrong types is answered with a FramingError", () => {
  const wrong = [{ length: 5n }, { length: 5, trailer: null }, { length: 5, trailer: [1] }];
  for (const result of wrong) {
    const decode: Decode = function* () {
      yield 2;
      return result as unknown as FrameLayout;
    };
    assertThrows(() => framerOf(decode, {}, "abcdefgh").next(), FramingError, "decode()");
  }
});

test("decode() that returns an array of numbers is answered with a FramingError", () => {
  // Its length makes it look like a layout, to the type checker as well.
  const decode: Decode = function* () {
    return [...yield 2];
  };
  assertThrows(() => framerOf(decode, {}, "abcdefgh").next(), FramingError);
});

test("decode() that gives a check that is no function is answered with a FramingError", () => {
  for (const check of [5, "sum", {}]) {
    const decode: Decode = function* () {
      yield 1;
      return { length: 1, check: check as unknown as () => void };
    };
    assertThrows(() => framerOf(decode, {}, "abcd").next(), FramingError, "check");
  }
});

test("decode() that returns a frame without reading a byte is answered with a FramingError", () => {
  const results = [
    { length: 0 },
    { length: 0, skip: 0, trailer: "" },
    new Uint8Array(0),
    bytes("x"),
  ];
  for (const result of results) {
    const decode: Decode = function* () {
      yield 0;
      return result;
    };
    const framer = framerOf(decode, {}, "bytes");
    assertThrows(() => framer.next(), FramingError, "without reading a byte");
    framer.terminator = 5;
    assertEquals(frames(framer), ["bytes"]);
  }
});

test("decode() that asks for nothing for ever is answered with a FramingError", () => {
  const decode: Decode = function* () {
    for (;;) yield 0;
  };
  assertThrows(() => framerOf(decode, {}, "bytes").next(), FramingError, "asked for nothing");
});

test("decode() may ask for nothing now and then, as often as it likes", () => {
  const decode: Decode = function* () {
    for (let i = 0; i < 3_000; i++) yield i % 1_000 === 999 ? 1 : 0;
    return { length: 1 };
  };
  assertEquals(frames(framerOf(decode, {}, "abcd")), ["d"]);
});

test("after a FramingError, the next frame begins behind what was read", () => {
  const decode: Decode = function* () {
    const type = text(yield 1);
    if (type === "?") yield -1;
    return { length: 1 };
  };
  const framer = framerOf(decode, {}, "?!x?!y");
  assertThrows(() => framer.next(), FramingError);
  assertStrictEquals(text(framer.next()), "x");
  assertThrows(() => framer.nextPiece(), FramingError);
  assertStrictEquals(pieceOf(framer), "y");
});

test("the length of a layout is held to maxFrameLength before the frame is here, and passed over", () => {
  const decode: Decode = function* () {
    const length = Number(text(yield ":"));
    return { length, trailer: ";", check: malformed };
  };
  const framer = framerOf(decode, { maxFrameLength: 9 }, "50000:");
  const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 9");
  assertStrictEquals(error.seen, 50_000);
  for (let left = 50_001; left > 0; left -= 3) {
    framer.push(bytes("123"));
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
  framer.terminator = ";";
  framer.push(bytes("next;"));
  assertEquals(frames(framer), ["next"]);
});

test("only the frame counts towards maxFrameLength, neither skip nor trailer", () => {
  const decode: Decode = function* () {
    yield 20;
    return { length: 3, skip: 30, trailer: 20 };
  };
  const input = `${"h".repeat(30)}abc${"t".repeat(20)}`;
  assertEquals(frames(framerOf(decode, { maxFrameLength: 3 }, input, input)), ["abc", "abc"]);
  assertThrows(() => framerOf(decode, { maxFrameLength: 2 }, input).next(), FrameTooLongError);
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
    const length = 1000 * Number(text(yield 1));
    return yield length;
  };
  const framer = framerOf(decode, { maxFrameLength: 1000 }, "9x");
  assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 1000");
  assertStrictEquals(framer.next(), undefined);
  for (let left = 8999; left > 0; left--) {
    framer.push(bytes("x"));
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
  framer.push(bytes("1".padEnd(1001, "y")));
  assertStrictEquals(text(framer.next()), "y".repeat(1000));
});

test("decode() that searches too far is refused, and what comes before the delimiter is passed over", () => {
  const decode: Decode = function* () {
    yield 1;
    return yield "<end>";
  };
  const framer = framerOf(decode, { maxFrameLength: 100 }, "#", "x".repeat(1223));
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes("x"));
  assertThrows(() => framer.next(), FrameTooLongError, "at least 1225 bytes");
  for (let chunk = 0; chunk < 1_000; chunk++) {
    framer.push(bytes("<en<"));
    assertStrictEquals(framer.next(), undefined);
    assert(framer.buffered <= 4, `${framer.buffered} bytes are held`);
  }
  framer.push(bytes("end>#next<end>"));
  assertStrictEquals(text(framer.next()), "next");
});

test("decode() that reads in small portions for ever is refused, and what it read is passed over", () => {
  const decode: Decode = function* () {
    for (;;) yield 10;
  };
  const framer = framerOf(decode, { maxFrameLength: 0 }, "x".repeat(1024));
  assertThrows(() => framer.next(), FrameTooLongError, "at least 1030 bytes");
  framer.maxFrameLength = framer.terminator = 4;
  framer.push(bytes("xxxxxxnext"));
  assertEquals(frames(framer), ["next"]);
});

test("a frame that decode() made is held to maxFrameLength by its own length", () => {
  const decode: Decode = function* () {
    return (yield ";").filter((byte) => byte !== 0x2d);
  };
  const framer = framerOf(decode, { maxFrameLength: 3 }, "--a--b--c--;-a-b-c-d-;x;");
  assertStrictEquals(text(framer.next()), "abc");
  const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 3");
  assertStrictEquals(error.seen, 4);
  assertStrictEquals(text(framer.next()), "x");
});

test("a limit that is changed holds for the frame that decode() has begun to read", () => {
  const framer = framerOf(digit, { maxFrameLength: 4 }, "5a");
  framer.maxFrameLength = 5;
  assertStrictEquals(framer.next(), undefined);
  framer.maxFrameLength = 4;
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.push(bytes("bcde2xy"));
  assertEquals(frames(framer), ["xy"]);
});

test("what decode() has read is the next terminator's, if its frame is not waited for", () => {
  const framer = framerOf(digit, {}, "5a\n");
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(text(framer.next("\n")), "5a");

  framer.push(bytes("5ab"));
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(framer.buffered, 3);
  framer.terminator = null;
  assertStrictEquals(text(framer.next()), "5ab");
});

test("decode() that is given up runs its finally, once, and what that throws is nobody's", () => {
  const givenUp: ((framer: Framer) => void)[] = [
    (framer) => framer.next(2),
    (framer) => framer.discard(),
    (framer) => framer.takeRest(),
    (framer) => (framer.terminator = null, framer.next()),
    (framer) => (framer.end(), assertThrows(() => framer.next(), IncompleteFrameError)),
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
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(ended, 0);
    giveUp(framer);
    assertStrictEquals(ended, 1);
  }
});

test("the stream may end in a frame that decode() reads, or says the place of", () => {
  for (const rest of ["5", "5ab"]) {
    const framer = framerOf(digit, {}, "1x", rest);
    framer.end();
    assertStrictEquals(text(framer.next()), "x");
    const error = assertThrows(() => framer.next(), IncompleteFrameError, "its framing");
    assertStrictEquals(text(error.bytes), rest);
    assertStrictEquals(framer.next(), undefined);

    for (const [incomplete, last] of [["yield", [rest]], ["drop", []]] as const) {
      const framer = framerOf(digit, { incomplete }, "1x", rest);
      framer.end();
      assertEquals(frames(framer), ["x", ...last]);
    }
  }
});

test("the stream that ends between two frames ends the frames", () => {
  const framer = framerOf(digit, {}, "1x");
  framer.end();
  assertEquals(frames(framer), ["x"]);
  assertStrictEquals(framer.ready, false);
});

test("ready tells whether decode() has come to a frame, or to an error", () => {
  const decode: Decode = function* () {
    return text(yield 1) === "?" ? malformed() : { length: 1, trailer: ";" };
  };
  const framer = framerOf(decode, {});
  for (const [byte, isReady] of [["!", false], ["x", false], [";", true]] as const) {
    framer.push(bytes(byte));
    assertStrictEquals(framer.ready, isReady);
  }
  assertStrictEquals(text(framer.next()), "x");
  assertStrictEquals(framer.ready, false);
  framer.push(bytes("?"));
  assertStrictEquals(framer.ready, true);
  assertThrows(() => framer.next(), MalformedFrameError);
  assertStrictEquals(framer.ready, false);
});

test("nextPiece() hands out what lies in the layout as it arrives, whatever is around it", () => {
  const decode: Decode = function* () {
    yield 2;
    return { skip: 3, length: 4, trailer: ";;" };
  };
  const framer = framerOf(decode, { maxFrameLength: 1 });
  const steps: [chunk: string, pieces: (string | null | undefined)[]][] = [
    ["h", [undefined]],
    ["h", [undefined]],
    ["ha", ["a", undefined]],
    ["bc", ["bc", undefined]],
    ["d;", ["d", undefined]],
    [";hhhw", [null, "w", undefined]],
  ];
  for (const [chunk, pieces] of steps) {
    framer.push(bytes(chunk));
    assertEquals(pieces.map(() => pieceOf(framer)), pieces);
  }
});

test("nextPiece() hands out bytes that decode() has read already, if they are of the frame", () => {
  const decode: Decode = function* () {
    return { skip: 1, length: Number(text(yield 3)[0]) };
  };
  const framer = framerOf(decode, {}, "5abcdef2xy");
  assertStrictEquals(pieceOf(framer), "abcde");
  assertStrictEquals(pieceOf(framer), null);
});

test("nextPiece() gives a frame with a check in one piece, when it was checked", () => {
  const framer = framerOf(marked((_, [mark]) => mark === 0x21 || malformed()), {}, "3ab");
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("c!2xy?0!1z!"));
  assertStrictEquals(pieceOf(framer), "abc");
  assertStrictEquals(pieceOf(framer), null);
  assertThrows(() => framer.nextPiece(), MalformedFrameError, "it is wrong");
  assertStrictEquals(pieceOf(framer), null, "an empty frame has no piece");
  assertStrictEquals(pieceOf(framer), "z");
});

test("nextPiece() gives a frame that decode() made in one piece, and holds it to maxFrameLength", () => {
  const decode: Decode = function* () {
    return (yield ";").toReversed();
  };
  const framer = framerOf(decode, { maxFrameLength: 3 }, "ab");
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("c;;abcd;x;"));
  assertStrictEquals(pieceOf(framer), "cba");
  assertStrictEquals(pieceOf(framer), null);
  assertStrictEquals(pieceOf(framer), null, "an empty frame has no piece");
  assertThrows(() => framer.nextPiece(), FrameTooLongError, "maxFrameLength of 3");
  assertStrictEquals(pieceOf(framer), "x");
});

test("nextPiece() holds a frame with a check to maxFrameLength, at its header", () => {
  const framer = framerOf(marked(() => {}), { maxFrameLength: 3 }, "4");
  assertThrows(() => framer.nextPiece(), FrameTooLongError, "at least 4");
  framer.push(bytes("abcd!1x!"));
  assertStrictEquals(pieceOf(framer), "x");
});

test("nextPiece() tells of a wrong trailer after the last piece, and next() behind it does not", () => {
  const decode: Decode = function* () {
    return { length: Number(text(yield 1)), trailer: "!" };
  };
  const told = framerOf(decode, {}, "2ab?1x!");
  assertStrictEquals(pieceOf(told), "ab");
  assertThrows(() => told.nextPiece(), MalformedFrameError, 'not "?"');
  assertEquals(frames(told), ["x"]);

  const left = framerOf(decode, {}, "2ab?1x!");
  assertStrictEquals(pieceOf(left), "ab");
  assertEquals(frames(left), ["x"]);
});

test("next() drops the rest of a frame whose pieces were left, one that was made as well", () => {
  const left = framerOf(digit, {}, "4ab");
  assertStrictEquals(pieceOf(left), "ab");
  left.push(bytes("cd1x"));
  assertEquals(frames(left), ["x"]);

  const decode: Decode = function* () {
    return (yield ";").toReversed();
  };
  const made = framerOf(decode, {}, "ab;xy;");
  assertStrictEquals(pieceOf(made), "ba");
  assertEquals(frames(made), ["yx"]);
});

test("nextPiece() goes on with a frame that next() had looked at", () => {
  const framer = framerOf(digit, {}, "4ab");
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("cd"));
  assertStrictEquals(pieceOf(framer), "cd");
  assertStrictEquals(pieceOf(framer), null);
});

test("nextPiece() throws what was not handed out when the stream ends in a frame", () => {
  for (const [input, pieces, rest] of [["4ab", ["ab"], ""], ["4", [], ""], ["", [], ""]] as const) {
    const framer = framerOf(digit, {}, input);
    for (const piece of pieces) assertStrictEquals(pieceOf(framer), piece);
    framer.end();
    const error = assertThrows(() => framer.nextPiece(), IncompleteFrameError);
    assertStrictEquals(text(error.bytes), rest);
  }
  const framer = framerOf(marked(() => {}), {}, "4ab");
  framer.end();
  assertStrictEquals(
    text(assertThrows(() => framer.nextPiece(), IncompleteFrameError).bytes),
    "4ab",
  );
});

test("a frame that decode() returns as it was given is never written into again", () => {
  const decode: Decode = function* () {
    return yield 3;
  };
  const framer = framerOf(decode, {});
  const kept: Uint8Array[] = [];
  for (let i = 0; i < 3_000; i++) {
    framer.push(Uint8Array.of(i));
    kept.push(...framer);
  }
  kept.forEach((frame, i) => assertEquals(frame, Uint8Array.of(3 * i, 3 * i + 1, 3 * i + 2)));
});

test("frames of random parts are read from chunks of any length, whole and in pieces", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "-", "é"), maxLength: 20 });
  const parts = fc.array(fc.tuple(part, part), { maxLength: 5 });
  const decode: Decode = function* () {
    yield "\n";
    return { length: (yield 1)[0]!, trailer: "--" };
  };
  fc.assert(
    fc.property(parts, fc.array(fc.integer({ min: 1, max: 9 })), (parts, lengths) => {
      const input = concat(parts.flatMap(([name, body]) => {
        const length = Uint8Array.of(bytes(body).length);
        return [bytes(`${name}\n`), length, bytes(`${body}--`)];
      }));
      const [whole, pieces] = [framerOf(decode, {}), framerOf(decode, {})];
      const found: string[] = [];
      const collected: Uint8Array[] = [];
      for (let at = 0, i = 0; at < input.length; i++) {
        const chunk = input.subarray(at, at += lengths[i] ?? input.length);
        for (const framer of [whole, pieces]) framer.push(chunk);
        found.push(...frames(whole));
        for (let piece = pieces.nextPiece(); piece !== undefined; piece = pieces.nextPiece()) {
          collected.push(piece ?? bytes("|"));
        }
      }
      assertEquals(found, parts.map(([, body]) => body));
      assertStrictEquals(text(concat(collected)), parts.map(([, body]) => `${body}|`).join(""));
    }),
    { numRuns: 200 },
  );
});

test("Framer.nextPiece() holds nothing of a trailer that may be anything", () => {
  const framer = framerOf(
    function* () {
      yield 1;
      return { length: 2, trailer: 5_000 };
    },
    { maxFrameLength: 10 },
    "xab",
  );
  assertStrictEquals(pieceOf(framer), "ab");
  for (let sent = 0; sent < 5_000; sent += 500) {
    assertStrictEquals(framer.nextPiece(), undefined);
    framer.push(new Uint8Array(500));
  }
  assertStrictEquals(framer.nextPiece(), null);
  assertStrictEquals(framer.buffered, 0);
});

test("Framer takes a frame that it found too long when the limit is raised before it is asked for", () => {
  const decode: Decode = function* () {
    return yield "\n";
  };
  const framer = framerOf(decode, { maxFrameLength: 10 }, "x".repeat(2_000) + "\n");
  assertStrictEquals(framer.ready, true); // to be refused
  framer.maxFrameLength = 2_000;
  assertStrictEquals(framer.next()?.length, 2_000);
});

test("decode() may ask for the bytes before what delimited(), anyOf() and lines() give, and no other framing", () => {
  const decode: Decode = function* () {
    const line = yield lines();
    const word = yield anyOf(" ", ",", { keep: true });
    return new Uint8Array([...line, ...word]);
  };
  assertEquals(cut(decode, "one\r\ntwo,three\nfour "), ["onetwo,", "threefour "]);
  const wrong: Decode = function* () {
    return yield lengthPrefixed() as unknown as number;
  };
  const framer = framerOf(wrong, {}, "abc");
  assertThrows(() => framer.next(), FramingError, "delimited(), anyOf() or lines()");
});

test("check() that is async is answered with a FramingError, and what it throws is nobody's", async () => {
  const check = async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("unhandled");
  };
  const framer = framerOf(marked(check), {}, "2ab!");
  assertThrows(() => framer.next(), FramingError, "async");
  await nextTurn();
});
