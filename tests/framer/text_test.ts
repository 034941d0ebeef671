/** Frames as text: each decoded as if it came alone, however they arrive. */
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  anyOf,
  delimited,
  type Encoding,
  Framer,
  FrameTooLongError,
  lines,
  MalformedFrameError,
  type Terminator,
} from "../../mod.ts";
import { bytes, concat, hex } from "../support/bytes.ts";

interface Options {
  readonly terminator?: Terminator;
  readonly encoding?: Encoding;
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

test("bytes that are not text are replaced as they are in a frame by itself", () => {
  const wrong = ["ff", "c3", "e282", "f09f99", "eda080"].map((each) => hex(`61${each}62${each}`));
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const expected = wrong.map((frame) => decoder.decode(frame));
  assertEquals([...framerOf(withLineFeeds(wrong))], expected);
  assertStrictEquals(framerOf(hex("61ff620a")).next(), "a\ufffdb");
});

test("with `fatal`, a frame that is no text is refused with its bytes, and those before and behind it are handed out", () => {
  const before = Array.from({ length: 1_000 }, (_, i) => `é${i}`);
  const chunk = withLineFeeds([bytes(before.join("\n")), hex("61ff"), bytes("behind")]);
  const framer = framerOf(chunk, { fatal: true });
  assertEquals(before.map(() => framer.next()), before);
  const error = assertThrows(() => framer.next(), MalformedFrameError, "UTF-8");
  assertEquals(error.bytes, hex("61ff"));
  assertStrictEquals(framer.next(), "behind");
});

test("a byte order mark at the beginning of the stream is not part of the first frame, and any other is a character", () => {
  const frames = ["x", "\ufeff", "y\ufeff"];
  const stream = bytes("\ufeff" + frames.join("\n") + "\n");
  for (const size of [1, 2, 100]) {
    const framer = new Framer({ terminator: "\n", encoding: "utf-8" });
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      framer.push(stream.slice(at, at + size));
      found.push(...framer);
    }
    assertEquals(found, frames);
  }
  const [twice, only] = [framerOf(bytes("\ufeff\ufeffx\n")), framerOf(bytes("\ufeff\nx\n"))];
  assertEquals([twice.next(), only.next(), only.next()], ["\ufeffx", "", "x"]);
});

test("a byte order mark is in a first frame that is read as bytes, and in latin1 it is three characters", () => {
  assertEquals(framerOf(bytes("\ufeffx\n")).nextBytes(), bytes("\ufeffx"));
  assertStrictEquals(framerOf(bytes("\ufeffx\n"), { encoding: "latin1" }).next(), "ï»¿x");
});

test("without a terminator, a stream of a byte order mark alone has no text", () => {
  const framer = new Framer({ terminator: null, encoding: "utf-8" });
  const found = ["ef", "bb", "bf"].map((byte) => {
    framer.push(hex(byte));
    return framer.next();
  });
  assertEquals([...found, framer.buffered, framer.frames], [undefined, undefined, undefined, 0, 0]);
  framer.push(hex("efbbbf61"));
  assertStrictEquals(framer.next(), "\ufeffa");
});

test("latin1 is ISO 8859-1: each byte is the character of its number, both ways, also in delimiters", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const long = new Uint8Array(20_000).map((_, at) => at % 251);
  const framer = framerOf(concat([all, long]), {
    terminator: 256,
    encoding: "latin1",
    maxFrameLength: 20_000,
  });
  const text = (from: Uint8Array): string =>
    Array.from(from, (byte) => String.fromCharCode(byte)).join("");
  assertStrictEquals(framer.next(), text(all));
  assertStrictEquals(framer.next(20_000), text(long));
  framer.push(hex("61ff0a62e40a63e964"));
  assertEquals([framer.next("\n"), framer.next("\n"), framer.next("é")], ["aÿ", "bä", "c"]);
  framer.push(hex("e9e865e9"));
  assertEquals([framer.next(anyOf("è", "é")), framer.next(delimited("é"))], ["d", "èe"]);
});

test("latin1 sends what it reads, and refuses a character that it lacks, by name and place", () => {
  const framer = new Framer({ terminator: "é", encoding: "latin1" });
  assertEquals(framer.encode("ÿ\x80"), hex("ff80e9"));
  framer.push(framer.encode("aÿ"));
  framer.push("b\xff\xe9");
  assertEquals([framer.next(), framer.next()], ["aÿ", "bÿ"]);
  const lacks = [() => framer.encode("5 €"), () => framer.push("5 €")];
  for (const call of lacks) assertThrows(call, RangeError, '"€" at 2, which latin1 lacks');
  assertThrows(() => framer.terminator = "€", RangeError, "latin1 lacks");
  assertThrows(() => framer.next(anyOf("a", "😀")), RangeError, '"😀"');
  assertStrictEquals(framer.terminator, "é");
});

test("frames of latin1 that follow each other in a chunk are cut from one string", () => {
  const expected = Array.from({ length: 3_000 }, (_, i) => `é${i}\x80`);
  const chunk = Uint8Array.from(expected.join("\n") + "\n", (char) => char.charCodeAt(0));
  assertEquals([...framerOf(chunk, { encoding: "latin1" })], expected);
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
  const cut: [encoding: Encoding, chunks: string[], pieces: (string | undefined)[]][] = [
    ["utf-8", ["61f0", "9f", "98", "80"], ["a", undefined, undefined, "😀"]],
    ["utf-8", ["f09f98", "f0", "9f9880"], [undefined, "\ufffd", "😀"]],
    ["utf-8", ["e0", "80"], [undefined, "\ufffd\ufffd"]],
    ["utf-8", ["c361", "c0", "f8", "ed9f", "bf"], [
      "\ufffda",
      "\ufffd",
      "\ufffd",
      undefined,
      "\ud7ff",
    ]],
    ["utf-8", ["f4", "90"], [undefined, "\ufffd\ufffd"]],
    ["latin1", ["ff"], ["ÿ"]],
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

test("Framer refuses an encoding that it does not know, and says what to do with another charset", () => {
  for (
    const encoding of ["utf-16le", "utf8", "windows-1252", "UTF-8", ""] as unknown as Encoding[]
  ) {
    const error = assertThrows(
      () => framerOf(bytes(""), { encoding }),
      RangeError,
      `"${encoding}"`,
    );
    assertStringIncludes(error.message, '"utf-8" or "latin1"');
    assertStringIncludes(error.message, "codec() with a TextDecoder");
  }
  const [encoding, fatal] = [8 as unknown as Encoding, "yes" as unknown as boolean];
  assertThrows(() => framerOf(bytes(""), { encoding }), TypeError, "not 8");
  assertThrows(() => framerOf(bytes(""), { fatal }), TypeError, "yes");
});

test("Framer.push() takes strings, in which a character may be cut in two", () => {
  for (const pieces of [["a\ud83d", "\ude00\n"], ["a", "\ud83d", "", "\ude00", "\n"]]) {
    const framer = new Framer({ terminator: "\n", encoding: "utf-8" });
    for (const piece of pieces) framer.push(piece);
    assertStrictEquals(framer.next(), "a😀");
  }
});

test("Framer.push() makes U+FFFD of half a character that is not completed, before what comes next", () => {
  const half = (): Framer => {
    const framer = new Framer({ terminator: null });
    framer.push("a\ud83d");
    assertEquals(framer.next(), bytes("a"));
    return framer;
  };
  const [byText, byBytes, byEnd, taken] = [half(), half(), half(), half()];
  byText.push("b");
  byBytes.push(bytes("b"));
  byEnd.end();
  assertEquals([byText.next(), byBytes.next()], [bytes("\ufffdb"), bytes("\ufffdb")]);
  assertEquals(byEnd.next(), bytes("\ufffd"));
  assertEquals(taken.takeRest(), bytes("\ufffd"));
});
