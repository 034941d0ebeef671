import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MalformedFrameError } from "../../mod.ts";
import { FrameText } from "../../src/framer/frame_text.ts";
import { bytes } from "../support/bytes.ts";

test("FrameText decodes UTF-8 unless it is told otherwise", () => {
  assertStrictEquals(new FrameText({}).decode(bytes("ñ€😀")), "ñ€😀");
  assertStrictEquals(
    new FrameText({ encoding: "utf-16le" }).decode(Uint8Array.of(0xac, 0x20)),
    "€",
  );
});

test("FrameText decodes windows-1252 alike on every runtime, by all its names", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const encoding of ["latin1", "iso-8859-1", "windows-1252", "ascii"]) {
    const text = new FrameText({ encoding }).decode(all);
    assertStrictEquals(text.length, 256);
    assertStrictEquals(text.slice(0x7f, 0x84), "\x7f€\x81‚ƒ");
    assertStrictEquals(text.slice(0x9c), "œ\x9džŸ" + text.slice(0xa0));
    assertStrictEquals(text.slice(-2), "þÿ");
    // Alone, in a long text, and again from the same decoder.
    const decoder = new FrameText({ encoding });
    assertStrictEquals(decoder.decode(Uint8Array.of(0xff)), "ÿ");
    assertStrictEquals(decoder.decode(new Uint8Array(20_000).fill(0xff)), "ÿ".repeat(20_000));
  }
});

test("FrameText replaces bytes that are no text, or throws with them when it is fatal", () => {
  const wrong = Uint8Array.of(97, 0xff, 98);
  assertStrictEquals(new FrameText({}).decode(wrong), "a\ufffdb");
  const fatal = new FrameText({ fatal: true });
  const error = assertThrows(() => fatal.decode(wrong), MalformedFrameError, "utf-8");
  assertEquals(error.bytes, wrong);
  assertStrictEquals(fatal.decode(bytes("still")), "still");
});

test("FrameText keeps a byte order mark, which is a character of the frame", () => {
  assertStrictEquals(new FrameText({}).decode(bytes("\ufeffx")), "\ufeffx");
});

test("FrameText.unfinished() counts the bytes of a character whose rest has not arrived", () => {
  const utf8 = new FrameText({ fatal: true });
  const grin = bytes("a😀");
  assertEquals([1, 2, 3, 4, 5].map((end) => utf8.unfinished(grin.subarray(0, end))), [
    0,
    1,
    2,
    3,
    0,
  ]);
  assertStrictEquals(utf8.unfinished(new Uint8Array(0)), 0);
  assertStrictEquals(utf8.unfinished(Uint8Array.of(0xf0, 0x9f, 0x98, 0xf0)), 1); // the first three are no character
  const utf16 = new FrameText({ encoding: "utf-16le" });
  assertEquals([1, 2].map((end) => utf16.unfinished(Uint8Array.of(97, 0).subarray(0, end))), [
    1,
    0,
  ]);
  assertStrictEquals(utf16.unfinished(Uint8Array.of(0x3d, 0xd8)), 2); // half of a pair
  assertStrictEquals(utf16.unfinished(Uint8Array.of(0x3d, 0xd8, 0x3d)), 3);
  const bigEndian = new FrameText({ encoding: "utf-16be" });
  // An unpaired surrogate, and the first byte of what follows: the cut stays between two units.
  assertStrictEquals(bigEndian.unfinished(Uint8Array.of(0xdb, 0x68, 0xd8)), 3);
  assertStrictEquals(bigEndian.unfinished(Uint8Array.of(0xdb, 0x68, 0xd8, 0x3d)), 2);
  assertStrictEquals(new FrameText({ encoding: "latin1" }).unfinished(Uint8Array.of(0xff)), 0);
});

test("FrameText refuses an encoding that is unknown, or no string, and a fatal that is no switch", () => {
  assertThrows(() => new FrameText({ encoding: "utf-9" }), RangeError, '"utf-9"');
  assertThrows(() => new FrameText({ encoding: 8 as unknown as string }), TypeError, "number");
  assertThrows(() => new FrameText({ fatal: "yes" as unknown as boolean }), TypeError, "yes");
});
