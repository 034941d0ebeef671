import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ChatError,
  type Framer,
  type FramerOptions,
  FrameTooLongError,
  FramingError,
  IncompleteFrameError,
  MalformedFrameError,
  varintPrefixed,
} from "../../mod.ts";
import { bytes, concat, hex } from "../support/bytes.ts";
import { framerOf as framerOver } from "../support/framers.ts";

type Options = Omit<FramerOptions, "terminator" | "encoding">;

const framerOf = (options: Options, ...chunks: string[]): Framer =>
  framerOver({ ...options, terminator: varintPrefixed() }, ...chunks.map(hex));

/** Lengths, and how they are written. */
const VARINTS: [length: number, varint: string][] = [
  [0, "00"],
  [1, "01"],
  [127, "7f"],
  [128, "80 01"],
  [300, "ac 02"],
  [16_383, "ff 7f"],
  [16_384, "80 80 01"],
  [70_000, "f0 a2 04"],
];

test("varintPrefixed() reads and writes lengths of one byte and more", () => {
  for (const [length, varint] of VARINTS) {
    const payload = new Uint8Array(length).fill(7);
    const raw = concat([hex(varint), payload]);
    assertEquals(varintPrefixed().encode(payload), raw);
    const framer = framerOf({});
    framer.push(concat([raw, raw]));
    assertEquals([...framer], [payload, payload]);
  }
});

test("varintPrefixed() reads a delimited Protocol Buffers message", () => {
  // Test1 { a: 150 }, the first example of the encoding's documentation.
  assertEquals([...framerOf({}, "03 089601 03 089601")], [hex("089601"), hex("089601")]);
});

test("varintPrefixed() gives the same frames when the bytes arrive one by one", () => {
  const payloads = [0, 3, 0, 0, 128, 300].map((length) => new Uint8Array(length).fill(length));
  const framer = framerOf({});
  const found = [...concat(payloads.map((payload) => varintPrefixed().encode(payload)))]
    .flatMap((byte) => {
      framer.push(Uint8Array.of(byte));
      return [...framer];
    });
  assertEquals(found, payloads);
});

/** Bytes that can be no length, and what is said of them. */
const MALFORMED: [wrong: string, part: string][] = [
  ["80 00", "80 00, has a needless zero"],
  ["ff 80 00", "ff 80 00, has a needless zero"],
  ["80 80 80 80 80 80 80 80 80 00", "has a needless zero"],
  ["80 80 80 80 80 80 80 80 80 80", "more than ten bytes"],
  ["ff ff ff ff ff ff ff ff ff ff", "more than ten bytes"],
  ["80 80 80 80 80 80 80 10", "is more than 9007199254740991"],
  ["ff ff ff ff ff ff ff ff 7f", "is more than 9007199254740991"],
  ["ff ff ff ff ff ff ff ff ff 01", "is more than 9007199254740991"],
];

test("varintPrefixed() refuses what can be no length, and the next frame begins behind it", () => {
  for (const [wrong, part] of MALFORMED) {
    const framer = framerOf({}, wrong, "01 aa", wrong);
    const error = assertThrows(() => framer.next(), MalformedFrameError, part);
    assertEquals(error.bytes, hex(wrong));
    assertEquals(framer.next(), hex("aa"));
    assertThrows(() => framer.next(), MalformedFrameError, part);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
});

test("varintPrefixed() refuses a length with the byte that makes it wrong, and not before", () => {
  for (const [wrong, part] of MALFORMED) {
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf({});
      for (const byte of hex(wrong).subarray(0, -1)) {
        framer.push(Uint8Array.of(byte));
        assertStrictEquals(framer[way](), undefined);
      }
      framer.push(hex(wrong).subarray(-1));
      assertThrows(() => framer[way](), MalformedFrameError, part);
      framer.push(hex("01 aa"));
      assertEquals(framer[way](), hex("aa"));
    }
  }
});

test("varintPrefixed() takes a length for too long as soon as it is here", () => {
  const lengths: [varint: string, length: number][] = [
    ["0b", 11],
    ["ac 02", 300],
    ["ff ff ff ff 0f", 2 ** 32 - 1],
    ["ff ff ff ff ff ff 0f", 2 ** 46 - 1],
  ];
  for (const [varint, length] of lengths) {
    const framer = framerOf({ maxFrameLength: 10 }, varint);
    const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 10");
    assertStrictEquals(error.seen, length);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
});

test("varintPrefixed() never takes the peer's length for a fault of its own", () => {
  // Up to Number.MAX_SAFE_INTEGER: with the varint before it, the frame would end where no number is exact.
  for (
    const varint of [
      "ff ff ff ff ff ff ff 0f",
      "f8 ff ff ff ff ff ff 0f",
      "f7 ff ff ff ff ff ff 0f",
    ]
  ) {
    const framer = framerOf({}, varint);
    const error = assertThrows(() => framer.next(), ChatError);
    assert(!(error instanceof FramingError), error.message);
  }
});

test("varintPrefixed() carries on at the next frame when one in many chunks is too long", () => {
  const framer = framerOf({ maxFrameLength: 10 }, "f0 a2 04", "01");
  assertThrows(() => framer.next(), FrameTooLongError, "70000");
  for (let left = 70_000 - 1; left > 0; left -= 13) {
    framer.push(new Uint8Array(Math.min(13, left)).fill(1));
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
  framer.push(hex("01 aa 0b"));
  assertEquals(framer.next(), hex("aa"));
  assertThrows(() => framer.next(), FrameTooLongError);
});

test("varintPrefixed() takes a frame of just maxFrameLength", () => {
  assertEquals(framerOf({ maxFrameLength: 2 }, "02 abcd").next(), hex("abcd"));
  assertEquals(framerOf({ maxFrameLength: 0 }, "00").next(), hex(""));
});

test("varintPrefixed() throws what there is of a last frame, the length included", () => {
  for (const rest of ["80", "ac 02", "03 abcd"]) {
    const framer = framerOf({}, "01 aa", rest);
    framer.end();
    assertEquals(framer.next(), hex("aa"));
    assertEquals(assertThrows(() => framer.next(), IncompleteFrameError).bytes, hex(rest));
    assertStrictEquals(framer.next(), undefined);
  }
});

test("varintPrefixed() yields or drops what there is of a last frame when told so", () => {
  for (const [incomplete, last] of [["yield", [hex("03 abcd")]], ["drop", []]] as const) {
    const framer = framerOf({ incomplete }, "01 aa 03 abcd");
    framer.end();
    assertEquals([...framer], [hex("aa"), ...last]);
  }
});

test("varintPrefixed() hands a frame out as it arrives, however long it is", () => {
  const framer = framerOf({ maxFrameLength: 1 }, "85");
  assertStrictEquals(framer.nextPiece(), undefined);
  framer.push(hex("01"));
  assertStrictEquals(framer.nextPiece(), undefined);
  for (let left = 133; left > 0; left -= 19) {
    framer.push(new Uint8Array(19).fill(left));
    assertEquals(framer.nextPiece(), new Uint8Array(19).fill(left));
    assertStrictEquals(framer.nextPiece(), left > 19 ? undefined : null);
  }
  framer.push(hex("01 aa"));
  assertEquals(framer.next(), hex("aa"));
});

test("varintPrefixed() passes over the rest of a frame that is left half-way", () => {
  const framer = framerOf({}, "04 01");
  assertEquals(framer.nextPiece(), hex("01"));
  framer.push(hex("02"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(hex("0304 01 aa"));
  assertEquals(framer.next(), hex("aa"));
});

test("varintPrefixed().encode() is undone by decoding", () => {
  const payload = fc.uint8Array({ maxLength: 20_000, size: "max" });
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 5 }), (payloads) => {
      const framer = framerOf({});
      for (const payload of payloads) framer.push(varintPrefixed().encode(payload));
      assertEquals([...framer], payloads);
    }),
    { numRuns: 200 },
  );
});

test("varintPrefixed().encode() takes a string as UTF-8, and refuses what is no payload", () => {
  assertEquals(varintPrefixed().encode("né"), concat([hex("03"), bytes("né")]));
  assertThrows(() => varintPrefixed().encode([1] as unknown as string), TypeError, "not Array");
});
