import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  codec,
  FrameInjectionError,
  Framer,
  FrameTooLongError,
  type Framing,
  FramingError,
  IncompleteFrameError,
  jsonLines,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  UnsupportedError,
} from "../../mod.ts";
import { bytes, concat, hex, text } from "../support/bytes.ts";
import { checkRefusals } from "../support/framing_tables.ts";

const upper = {
  decode: (frame: Uint8Array) => text(frame).toUpperCase(),
  encode: (of: string) => of.toLowerCase(),
};

test("codec() makes messages of the frames of any framing, and frames of messages", () => {
  const own: Framing = {
    *decode() {
      return { length: (yield 1)[0]!, trailer: ";" };
    },
    encode: (payload) => concat([Uint8Array.of(payload.length), payload, bytes(";")]),
  };
  for (const framing of [lines(), anyOf("\r", "\r\n"), lengthPrefixed(), netstring(), own]) {
    const framer = new Framer({ terminator: codec(framing, upper) });
    framer.push(concat([framer.encode("ONE"), framer.encode(""), framer.encode("TWO")]));
    const found: string[] = [...framer];
    assertEquals([found, framer.frames, framer.buffered], [["ONE", "", "TWO"], 3, 0]);
  }
});

test("codec() is a framing by itself: it may be handed on to, read once, and asked for the bytes and the pieces of a frame", () => {
  const inner = codec(lengthPrefixed({ bytes: 1 }), upper);
  const tagged: Framing<string> = {
    *decode() {
      yield 1;
      return yield* inner.decode();
    },
  };
  const framer = new Framer({ terminator: "\n" });
  framer.push("!\x02ab\x02cd\x02ef\x02gh\x02ij");
  const found: unknown[] = [framer.next(tagged), framer.next(inner)];
  found.push(
    text(framer.nextBytes(inner)),
    framer.nextText(inner),
    text(framer.nextPiece(inner)),
    framer.nextPiece(),
  );
  assertEquals(found, ["AB", "CD", "ef", "gh", "ij", null]);
  const made: Framing<string> = {
    *decode() {
      return yield* codec(lines(), upper).decode();
    },
  };
  framer.push("kl\n");
  assertStrictEquals(framer.next(made), "KL");
});

test("codec() keeps what its framing drops, gives back, and limits", () => {
  const comments: Framing = {
    *decode() {
      const line = yield "\n";
      return line[0] === 0x23 ? undefined : line;
    },
  };
  const framer = new Framer({ terminator: codec(comments, upper), maxFrameLength: 3 });
  framer.push("#\na\n#\nabcd\nb\n");
  assertStrictEquals(framer.next(), "A");
  assertThrows(() => framer.next(), FrameTooLongError, "4");
  assertStrictEquals(framer.next(), "B");
});

test("what decode() of a codec throws is what the reader gets, the frame is dropped, or as much of it as is said", () => {
  const picky = (skip?: number): Framing<string> =>
    codec(lengthPrefixed({ bytes: 1 }), {
      ...upper,
      decode(frame) {
        if (frame[0] === 0x21) throw new MalformedFrameError("no", { skip });
        return text(frame);
      },
    });
  const framer = new Framer({ terminator: picky() });
  framer.push("\x02!\x01\x02ok");
  assertThrows(() => framer.next(), MalformedFrameError, "no");
  assertStrictEquals(framer.next(), "ok");
  const resync = new Framer({ terminator: picky(2) });
  resync.push("\x03!\x01a\x02ok");
  assertThrows(() => resync.next(), MalformedFrameError, "no");
  assertEquals([resync.next(), resync.next()], ["a", "ok"]);
});

test("a message must not be undefined, and may be null", () => {
  const framer = new Framer({
    terminator: codec(lines(), {
      decode: (line) => line.length > 0 ? null : undefined,
      encode: () => "",
    }),
  });
  framer.push("x\n\ny\n");
  assertStrictEquals(framer.next(), null);
  assertThrows(() => framer.next(), FramingError, "must not be undefined");
  assertStrictEquals(framer.next(), null);
});

test("codec() takes a framing of messages for a mistake", () => {
  assertThrows(
    () => codec(jsonLines() as unknown as Framing, upper),
    TypeError,
    "and not messages",
  );
  const typed = {
    *decode() {
      yield 1;
      return { message: 5 };
    },
  } as unknown as Framing;
  const framer = new Framer({ terminator: codec(typed, upper) });
  framer.push("ab");
  assertThrows(() => framer.next(), FramingError, "makes messages");
  assertStrictEquals(framer.buffered, 1);
});

test("codec() encodes strings as the stream does, and refuses what is neither text nor bytes, and a framing that cannot encode", () => {
  const latin1 = new Framer(
    {
      terminator: codec(lines(), {
        decode: text,
        encode: (of: string) => of,
      }),
      encoding: "latin1",
    } as never,
  );
  assertEquals(latin1.encode("é" as never), hex("e90a"));
  const wrong = codec(lines(), { decode: text, encode: () => 5 as unknown as string });
  assertThrows(() => new Framer({ terminator: wrong }).encode("x"), FramingError, "not number");
  const mute = codec({
    *decode() {
      return yield 1;
    },
  }, upper);
  assertThrows(() => new Framer({ terminator: mute }).encode("x"), UnsupportedError, "encode()");
  const forged = codec(lines(), { decode: text, encode: (of: string) => of });
  assertThrows(
    () => new Framer({ terminator: forged }).encode("a\nb"),
    FrameInjectionError,
    "forms",
  );
});

test("codec() hands out the last frame of a stream as its framing does", () => {
  for (const [incomplete, found] of [["yield", ["A", "B"]], ["drop", ["A"]]] as const) {
    const framer = new Framer({ terminator: codec(lines(), upper), incomplete });
    framer.push("a\nb");
    framer.end();
    assertEquals<readonly string[]>([...framer], found);
  }
  const short = new Framer({
    terminator: codec(lengthPrefixed({ bytes: 1 }), upper),
    incomplete: "yield",
  });
  short.push("\x02a");
  short.end();
  assert(short.ready);
  assertThrows(() => short.next(), IncompleteFrameError, "2 bytes");
});

test("codec() refuses arguments that are none", () => {
  checkRefusals(TypeError, (...args: unknown[]) => codec(...args as Parameters<typeof codec>), [
    [undefined, upper, "framing must be"],
    ["\n", upper, "framing must be"],
    [lines(), undefined, "options must be"],
    [lines(), { ...upper, decode: undefined }, "decode must be a function"],
    [lines(), { ...upper, encode: 5 }, "encode must be a function"],
  ] as never);
});
