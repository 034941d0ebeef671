import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { varintPrefixed } from "../../mod.ts";
import { concat, hex } from "../support/bytes.ts";
import { checkCuts, malformed, peersFault, tooLong } from "../support/framing_tables.ts";

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

test("varintPrefixed() reads and writes lengths of one byte and more, however the bytes arrive", () => {
  for (const [length, varint] of VARINTS) {
    const payload = new Uint8Array(length).fill(7);
    const raw = concat([hex(varint), payload]);
    assertEquals(varintPrefixed().encode(payload), raw);
    checkCuts(varintPrefixed(), concat([raw, raw]), [payload, payload]);
  }
  // Test1 { a: 150 }, the first example of Protocol Buffers' documentation of its encoding.
  checkCuts(varintPrefixed(), hex("03 089601 03 089601"), [hex("089601"), hex("089601")]);
});

/** Bytes that can be no length, and what is said of them. */
const MALFORMED: [wrong: string, part: string][] = [
  ["80 80 80 80 80 80 80 80 80 80", "more than ten bytes"],
  ["ff ff ff ff ff ff ff ff ff ff", "more than ten bytes"],
  ["80 80 80 80 80 80 80 10", "is more than 9007199254740983"],
  ["ff ff ff ff ff ff ff ff 7f", "is more than 9007199254740982"],
  ["ff ff ff ff ff ff ff ff ff 01", "is more than 9007199254740981"],
];

test("varintPrefixed() refuses what can be no length with the byte that tells so, and the next frame begins behind it", () => {
  for (const [wrong, part] of MALFORMED) {
    const error = malformed(part, hex(wrong));
    checkCuts(varintPrefixed(), hex(`${wrong} 01aa ${wrong}`), [error, hex("aa"), error]);
  }
});

test("varintPrefixed() accepts a varint with needless zeros at its end, as Protocol Buffers does, unless it is strict", () => {
  for (
    const [longer, length] of [["80 00", 0], ["83 80 00", 3], [
      "81 80 80 80 80 80 80 80 80 00",
      1,
    ]] as const
  ) {
    const payload = new Uint8Array(length).fill(7);
    const raw = concat([hex(longer), payload]);
    checkCuts(varintPrefixed(), concat([raw, raw]), [payload, payload]);
    const error = malformed(`${longer}, has a needless zero`, hex(longer));
    checkCuts(varintPrefixed({ strict: true }), concat([hex(longer), hex("01aa")]), [
      error,
      hex("aa"),
    ]);
  }
  checkCuts(varintPrefixed({ strict: true }), hex("8001" + "00".repeat(128)), [
    new Uint8Array(128),
  ]);
  assertThrows(() => varintPrefixed({ strict: 1 as unknown as boolean }), TypeError, "strict");
});

test("varintPrefixed() never takes the peer's length for a fault of its own", () => {
  // With the varint before it, the frame would end where no number is exact.
  for (const [first, length] of [["ff", "91"], ["f8", "84"], ["f7", "83"]]) {
    const error = length === "83"
      ? tooLong(9, 9007199254740983)
      : peersFault("is more than 9007199254740983");
    checkCuts(varintPrefixed(), hex(`${first} ff ff ff ff ff ff 0f`), [error], {
      maxFrameLength: 9,
    });
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
    checkCuts(varintPrefixed(), hex(varint), [tooLong(10, length)], { maxFrameLength: 10 });
  }
});
