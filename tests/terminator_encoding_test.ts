import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  delimited,
  FrameInjectionError,
  Framer,
  FramingError,
  lengthPrefixed,
  lines,
  netstring,
  type Terminator,
  UnsupportedError,
  varintPrefixed,
} from "../mod.ts";
import { bytes, text } from "./support/bytes.ts";

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
    [anyOf(";", "\n"), "first", "first;"],
    [netstring(), "a\nb", "3:a\nb,"],
    [varintPrefixed(), "abc", "\x03abc"],
    [lengthPrefixed({ bytes: 2 }), "abc", "\0\x03abc"],
  ];
  for (const [terminator, payload, frame] of encoded) {
    assertStrictEquals(text(encode(terminator, payload)), frame);
    const framer = new Framer({ terminator });
    framer.push(framer.encode(bytes(payload)));
    if (terminator !== null) assertEquals(framer.next(), bytes(payload));
  }
});

test("Framer.encode() refuses a payload that would not be read as one frame", () => {
  const refused: [Terminator, payload: string][] = [
    ["\n", "two\nlines"],
    ["aa", "a"],
    [5, "four"],
    [5, "sixsix"],
    [0, "x"],
    [lines(), "line\r"],
    [lengthPrefixed({ bytes: 1 }), "x".repeat(256)],
  ];
  for (const [terminator, payload] of refused) {
    assertThrows(() => encode(terminator, payload), FrameInjectionError);
  }
});

test("Framer.encode() refuses a framing that cannot encode, and what is no payload", () => {
  const framing = {
    *decode(): Generator<number, Uint8Array, Uint8Array> {
      return yield 1;
    },
  };
  assertThrows(() => encode(framing, "x"), UnsupportedError, "encode()");
  for (const [wrong, said] of [["text", "string"], [undefined, "undefined"], [[], "Array"]]) {
    const careless = { ...framing, encode: () => wrong as unknown as Uint8Array };
    assertThrows(() => encode(careless, "x"), FramingError, `Uint8Array, not ${said}`);
  }
  assertThrows(() => encode("\n", 5 as unknown as string), TypeError, "number");
});
