/** What a framing can say of what it has read: a message, nothing, less than it read, that it is wrong, and what to do at the end. */
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  delimited,
  Framer,
  FrameTooLongError,
  type Framing,
  FramingError,
  IncompleteFrameError,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  type Terminator,
} from "../../mod.ts";
import { bytes, concat, hex, text } from "../support/bytes.ts";
import { cutsOf } from "../support/framing_tables.ts";

/** What is read of the input, to its end, in every chunking: always the same. Errors are shown by their names. */
function readAll(
  terminator: Terminator,
  input: string | Uint8Array,
  options: { readonly maxFrameLength?: number; readonly incomplete?: "throw" | "yield" | "drop" } =
    {},
): unknown[] {
  const all = typeof input === "string" ? bytes(input) : input;
  let first: unknown[] | undefined;
  for (const chunks of cutsOf(all)) {
    const framer = new Framer<unknown>({ ...options, terminator });
    const found: unknown[] = [];
    const take = (): void => {
      for (let i = 0; i < 10_000; i++) {
        try {
          const frame = framer.next();
          if (frame === undefined) return;
          found.push(frame instanceof Uint8Array ? text(frame) : frame);
        } catch (error) {
          found.push((error as Error).name);
        }
      }
      throw new Error("it goes on and on");
    };
    for (const chunk of chunks) {
      framer.push(chunk);
      take();
    }
    framer.end();
    take();
    assertStrictEquals(framer.buffered, 0);
    assertEquals(found, first ??= found);
  }
  return first!;
}

/** `name=value` in a line. */
const pairs: Framing<readonly [string, string]> = {
  *decode() {
    const line = text(yield "\n");
    if (line === "" || line.startsWith("#")) return undefined;
    const [name, value] = line.split("=");
    if (value === undefined) throw new MalformedFrameError(`${line} is not a pair`);
    return { message: [name!, value] };
  },
  encode: ([name, value]) => `${name}=${value}\n`,
};

test("decode() gives messages, which are handed out as they are", () => {
  assertEquals(readAll(pairs, "a=1\nb=é\n"), [["a", "1"], ["b", "é"]]);
  for (const message of [null, 0, "", false, NaN, bytes("x"), "text", [], () => 5, Symbol("x")]) {
    const framer = new Framer<unknown>({
      terminator: {
        *decode() {
          yield 1;
          return { message };
        },
      } as Framing<unknown>,
    });
    framer.push("x");
    assert(framer.ready);
    assertStrictEquals(framer.next(), message);
    assertEquals([framer.next(), framer.frames], [undefined, 1]);
  }
});

test("decode() may make a message of its own class, by a framing that is used for one frame alone", () => {
  class Point {
    readonly x: number;
    constructor(x: number) {
      this.x = x;
    }
  }
  const points: Framing<Point> = {
    *decode() {
      return { message: new Point((yield 1)[0]!) };
    },
  };
  const framer = new Framer({ terminator: "\n", encoding: "utf-8" });
  framer.push("one\n\x05two\n");
  const line: string | undefined = framer.next();
  const point: Point | undefined = framer.next(points);
  assertInstanceOf(point, Point);
  assertEquals([line, point.x, framer.next()], ["one", 5, "two"]);
});

test("a message has no bytes: reads of bytes, text and pieces say so, and lose nothing", () => {
  const framer = new Framer({ terminator: pairs });
  framer.push("\na=1\nb=2\n");
  for (const way of ["nextBytes", "nextText", "nextPiece"] as const) {
    for (let i = 0; i < 2; i++) assertThrows(() => framer[way](), FramingError, "makes a message");
  }
  assertEquals(framer.next(), ["a", "1"]);
  assert(framer.skip());
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(framer.frames, 1);
});

test("what was read for a message counts towards maxFrameLength", () => {
  const limit = { maxFrameLength: 5 };
  assertEquals(readAll(pairs, "a=12\na=123\nb=1\n", limit), [["a", "12"], "FrameTooLongError", [
    "b",
    "1",
  ]]);
});

test("Framer.encode() gives a framing the message itself, and bytes where a string was meant as bytes", () => {
  const framer = new Framer({ terminator: pairs });
  assertEquals(framer.encode(["é", "1"]), bytes("é=1\n"));
  const given: unknown[] = [];
  const note = (takesText: boolean): Framing<string> => ({
    *decode() {
      return { message: text(yield 1) };
    },
    encode(message) {
      given.push(message);
      return message;
    },
    takesText,
  });
  new Framer({ terminator: note(true) }).encode("é");
  new Framer({ terminator: note(false) }).encode("é");
  new Framer<unknown>({ terminator: note(false), encoding: "latin1" }).encode("é");
  assertEquals(given, ["é", bytes("é"), hex("e9")]);
  const wrong = { ...pairs, encode: () => 5 as unknown as string };
  assertThrows(
    () => new Framer({ terminator: wrong }).encode(["a", "b"]),
    FramingError,
    "not number",
  );
});

test("decode() that returns nothing drops what it has read, also before and after the last frame, and at the end", () => {
  assertEquals(readAll(pairs, "\n# a comment\na=1\n\n\nb=2\n#\n\n"), [["a", "1"], ["b", "2"]]);
  assertEquals(readAll(pairs, "\n\n#\n"), []);
  const slip: Framing = {
    *decode() {
      const frame = yield Uint8Array.of(0xc0);
      return frame.length === 0 ? undefined : frame;
    },
  };
  assertEquals(readAll(slip, hex("c001c0c0")), ["\x01"]);
  assertEquals(readAll(slip, hex("c001c0c002")), ["\x01", "IncompleteFrameError"]);
});

test("decode() that returns nothing without having read is answered with a FramingError", () => {
  const framer = new Framer({ terminator: { *decode() {} } as Framing });
  framer.push("x");
  assertThrows(() => framer.next(), FramingError, "without consuming a byte");
});

test("a million frames that come to nothing take no memory, and neither calls nor a stack", () => {
  const framer = new Framer({ terminator: pairs, maxFrameLength: 100 });
  framer.push(new Uint8Array(1_000_000).fill(0x0a));
  assertEquals([framer.next(), framer.buffered, framer.frames], [undefined, 0, 0]);
  for (let i = 0; i < 1_000; i++) framer.push("\n\n#\n");
  assert(!framer.ready);
  assertStrictEquals(framer.buffered, 0);
  framer.push("a=1\n");
  assertEquals(framer.next(), ["a", "1"]);
});

/** Records that begin with ">", as in FASTA: each ends where the next one begins. */
const records: Framing = {
  *decode() {
    const line = delimited("\n", { keep: true, orEnd: true });
    let { length } = yield line;
    for (;;) {
      const next = yield line;
      if (next.length === 0 || next[0] === 0x3e) return { skip: 0, length };
      length += next.length;
    }
  },
};

test("decode() may look ahead: a layout that ends before what was read gives the rest back", () => {
  assertEquals(readAll(records, ">a\n1\n2\n>b\n>c\n3"), [">a\n1\n2\n", ">b\n", ">c\n3"]);
  assertEquals(readAll(records, ">a"), [">a"]);
  assertEquals(readAll(records, ""), []);
  const far: Framing = {
    *decode() {
      const seen = yield 5;
      return { skip: 1, length: seen[0]! - 0x30, trailer: "." };
    },
  };
  assertEquals(readAll(far, "1a.2bc.1d.--"), ["a", "bc", "d", "IncompleteFrameError"]);
});

test("what was looked at is the next frame's, also by another rule, and in pieces", () => {
  const framer = new Framer({ terminator: records, encoding: "utf-8" });
  framer.push(">a\n1\n>b\n2\n>c\n");
  assertStrictEquals(framer.next(), ">a\n1\n");
  assertStrictEquals(framer.next("\n"), ">b");
  assertStrictEquals(framer.next(), "2\n");
  framer.push("3\n>");
  assertStrictEquals(framer.next("\n"), ">c");
  const pieces = new Framer({ terminator: records });
  pieces.push(">a\n1\n>b\n2\n>c\n");
  const found: string[] = [];
  for (let piece; (piece = pieces.nextPiece()) !== undefined;) found.push(text(piece) ?? "|");
  assertEquals(found.join(""), ">a\n1\n|>b\n2\n|");
});

test("a portion that the end of the stream may end, too, is empty when nothing is left, and not for ever", () => {
  const given: string[] = [];
  const decode = function* (): Generator<ReturnType<typeof lines>, Uint8Array, Uint8Array> {
    const line = lines({ orEnd: true });
    for (let i = 0; i < 4; i++) given.push(text(yield line));
    return bytes("x");
  };
  assertEquals(readAll({ decode }, "a\r\n\nb"), ["x"]);
  assertEquals(given.slice(-4), ["a", "", "b", ""]);
  const endless = {
    *decode(): Generator<ReturnType<typeof lines>, Uint8Array, Uint8Array> {
      for (;;) yield lines({ orEnd: true });
    },
  };
  assertEquals(readAll(endless, "a\nb"), ["FramingError"]);
});

test("orEnd ends a last frame as its delimiter would, and makes none of nothing", () => {
  for (const incomplete of ["throw", "yield", "drop"] as const) {
    const options = { incomplete };
    assertEquals(readAll(lines({ orEnd: true }), "a\n\nb", options), ["a", "", "b"]);
    assertEquals(readAll(lines({ orEnd: true }), "a\n", options), ["a"]);
    assertEquals(readAll(delimited("--", { keep: true, orEnd: true }), "a--b-", options), [
      "a--",
      "b-",
    ]);
  }
  const limit = { maxFrameLength: 2 };
  assertEquals(readAll(lines({ orEnd: true }), "a\nbcd", limit), ["a", "FrameTooLongError"]);
  const framer = new Framer({ terminator: lines({ orEnd: true }) });
  framer.push("last");
  assertStrictEquals(framer.ready, false);
  framer.end();
  assert(framer.ready);
  const pieces: unknown[] = [text(framer.nextPiece()), framer.nextPiece()];
  assertEquals([...pieces, framer.frames], ["last", null, 1]);
});

/** A record: AA, how many bytes follow, these, and their sum. */
const record = (payload: Uint8Array): Uint8Array =>
  concat([Uint8Array.of(0xaa, payload.length), payload, Uint8Array.of(sum(payload))]);
const sum = (of: Uint8Array): number => of.reduce((total, byte) => total + byte, 0) % 256;

const checksummed: Framing = {
  *decode() {
    const junk = yield Uint8Array.of(0xaa);
    if (junk.length > 0) throw new MalformedFrameError("junk", { skip: junk.length });
    try {
      const payload = yield (yield 1)[0]!;
      if (sum(payload) === (yield 1)[0]) return payload;
    } catch (cause) {
      throw new MalformedFrameError("the stream ended in a record", { skip: 1, cause });
    }
    throw new MalformedFrameError("the sum is wrong", { skip: 1 });
  },
};

test("a MalformedFrameError says how much is dropped: a false start swallows no frame after it", () => {
  const good = [bytes("one"), bytes("two"), bytes("\xaaé")];
  const all = concat(good.map(record));
  assertEquals(readAll(checksummed, all), good.map((frame) => text(frame)));
  // Each byte of the first record wrong, in every way that counts: the others are read.
  for (let at = 0; at < record(good[0]!).length; at++) {
    for (const wrong of [0x00, 0x01, 0x07, 0xaa, 0xff]) {
      if (all[at] === wrong) continue;
      const found = readAll(checksummed, all.with(at, wrong));
      assertEquals(found.slice(-2), ["two", text(good[2])], `byte ${at} is ${wrong}`);
      assert(found.slice(0, -2).every((each) => each === "MalformedFrameError"));
    }
  }
});

test("check() of a layout may say how much is dropped, too", () => {
  const framing: Framing = {
    *decode() {
      const header = yield 2;
      if (header[0] !== 0xaa) throw new MalformedFrameError("no start", { skip: 1 });
      return {
        length: header[1]!,
        trailer: 1,
        check(frame, trailer) {
          if (sum(frame) !== trailer[0]) throw new MalformedFrameError("wrong", { skip: 1 });
        },
      };
    },
  };
  const [one, two] = [record(bytes("one")), record(bytes("two"))];
  const found = readAll(framing, concat([one.with(1, 5), two, record(bytes("three"))]));
  assertEquals(found.filter((each) => each !== "MalformedFrameError"), ["two", "three"]);
});

test("a skip that is no number of bytes that were read is answered with a FramingError, and all that was read is dropped", () => {
  for (const skip of [0, -1, 1.5, NaN, 3, Infinity, "1" as unknown as number]) {
    const framer = new Framer({
      terminator: {
        *decode() {
          yield 2;
          throw new MalformedFrameError("wrong", { skip });
        },
      } as Framing,
    });
    framer.push("abx");
    assertThrows(() => framer.next(), FramingError, "skip");
    assertEquals(text(framer.next(1)), "x");
  }
});

test("what is too long before a start marker loses the junk, and not the frame", () => {
  const mllp: Framing = {
    *decode() {
      yield "\x0b";
      return yield "\x1c\r";
    },
  };
  const limit = { maxFrameLength: 100 };
  const messages = "\x0bMSG1\x1c\r\x0bMSG2\x1c\r";
  const junk = "x".repeat(2_000);
  assertEquals(readAll(mllp, junk + messages, limit), ["FrameTooLongError", "MSG1", "MSG2"]);
  assertEquals(readAll(mllp, "x".repeat(1_000) + messages, limit), ["MSG1", "MSG2"]);
  assertEquals(readAll(mllp, `\x0b${"y".repeat(2_000)}\x1c\r` + messages, limit), [
    "FrameTooLongError",
    "MSG1",
    "MSG2",
  ]);
  assertEquals(readAll(mllp, junk, limit), ["FrameTooLongError"]);
  // Another rule may follow the error: what was too long ended with the delimiter then.
  const framer = new Framer({ terminator: mllp, ...limit });
  framer.push(junk);
  assertThrows(() => framer.next(), FrameTooLongError);
  framer.push(`${junk}\x0bline\n`);
  framer.terminator = "\n";
  assertEquals(text(framer.next()), "line");
});

test("a delimiter that ends what is too long is not taken for an empty frame after it", () => {
  const limit = { maxFrameLength: 100 };
  const long = "x".repeat(2_000);
  const whole: Framing = {
    *decode() {
      return yield "\n";
    },
  };
  const counted: Framing = {
    *decode() {
      return { length: Number(text(yield "\n")), trailer: "." };
    },
  };
  const strict: Framing = {
    *decode() {
      const line = yield "\n";
      if (line.length === 0) throw new MalformedFrameError("empty");
      return line;
    },
  };
  assertEquals(readAll(whole, `${long}\na\n\n`, limit), ["FrameTooLongError", "a", ""]);
  assertEquals(readAll(strict, `${long}\na\n\n`, limit), [
    "FrameTooLongError",
    "a",
    "MalformedFrameError",
  ]);
  assertEquals(readAll(counted, "1\na.2\nbc.", limit), ["a", "bc"]);
});

test("at the end of the stream, a portion that will not come throws at its yield", () => {
  const given: unknown[] = [];
  const decode = (give: (error: IncompleteFrameError) => unknown): Framing<unknown> => ({
    *decode() {
      yield 1;
      try {
        yield 5;
      } catch (error) {
        assertInstanceOf(error, IncompleteFrameError);
        given.push(text(error.bytes));
        return give(error) as undefined;
      }
      return { length: 0 };
    },
  });
  assertEquals(readAll(decode(({ bytes }) => bytes), "ab"), ["ab"]);
  assertEquals(readAll(decode(() => ({ message: null })), "ab"), [null]);
  assertEquals(readAll(decode(() => undefined), "ab"), []);
  assertEquals(readAll(decode(() => ({ skip: 0, length: 1 })), "abc"), ["a", "b", "c"]);
  assertEquals(readAll(decode(() => ({ skip: 0, length: 9 })), "abc"), ["IncompleteFrameError"]);
  assertEquals(new Set(given), new Set(["ab", "abc", "bc", "c"]));
  const fault = (error: unknown): Framing =>
    decode(() => {
      throw error;
    }) as Framing;
  assertEquals(readAll(fault(new MalformedFrameError("x")), "abc"), ["MalformedFrameError"]);
  assertEquals(readAll(fault(new TypeError("x")), "abc"), ["TypeError"]);
  assertEquals(readAll(fault(new MalformedFrameError("x", { skip: 1 })), "abc"), [
    "MalformedFrameError",
    "MalformedFrameError",
    "MalformedFrameError",
  ]);
});

test("at the end of the stream, a framing may ask for less instead", () => {
  const framing: Framing = {
    *decode() {
      for (let length = 4;; length--) {
        try {
          return yield length;
        } catch (error) {
          if (length === 1) throw error;
        }
      }
    },
  };
  assertEquals(readAll(framing, "abcdefg"), ["abcd", "efg"]);
  const stubborn: Framing = {
    *decode() {
      for (;;) {
        try {
          return yield 5;
        } catch {
          // It asks again.
        }
      }
    },
  };
  assertEquals(readAll(stubborn, "abc"), ["FramingError"]);
});

test("an end in the middle of a frame of your own is thrown, or dropped, and never handed out short", () => {
  for (const incomplete of ["throw", "yield", "drop"] as const) {
    const rest = incomplete === "drop" ? [] : ["IncompleteFrameError"];
    const counted: Framing = {
      *decode() {
        return { length: Number(text(yield "\n")) };
      },
    };
    for (
      const [input, frames] of [["2\nab05", ["ab"]], ["2\nab3\ncd", ["ab"]], ["0", []]] as const
    ) {
      assertEquals(readAll(counted, input, { incomplete }), [...frames, ...rest]);
    }
    assertEquals(readAll(10, "abcd", { incomplete }), rest);
    assertEquals(readAll(lengthPrefixed({ bytes: 1 }), "\x03ab", { incomplete }), rest);
  }
});

test("what decode() says is told apart from the fault of a peer that sends a length beyond all numbers", () => {
  const yielded: Framing = {
    *decode() {
      return yield Number(text(yield "\n"));
    },
  };
  const placed: Framing = {
    *decode() {
      return { length: Number(text(yield "\n")) };
    },
  };
  for (const framing of [yielded, placed]) {
    assertEquals(readAll(framing, "99999999999999999999\n"), ["MalformedFrameError"]);
    assertEquals(readAll(framing, "9007199254740992\n"), ["MalformedFrameError"]);
    assertEquals(readAll(framing, "x\n"), ["FramingError"]);
  }
});
