import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { FrameInjectionError, lengthPrefixed } from "../../mod.ts";
import { concat, hex } from "../support/bytes.ts";
import { checkCuts, checkRefusals, malformed, tooLong } from "../support/framing_tables.ts";

type Options = NonNullable<Parameters<typeof lengthPrefixed>[0]>;

const FORMATS = ([1, 2, 3, 4, 8] as const).flatMap((bytes) =>
  [false, true].flatMap((littleEndian) =>
    [false, true].map((signed) => ({ bytes, littleEndian, signed }))
  )
);

type Format = typeof FORMATS[number];

/** A length as the format writes it. */
function field({ bytes, littleEndian }: Format, length: number): Uint8Array {
  const field = hex(length.toString(16).padStart(2 * bytes, "0"));
  return littleEndian ? field.reverse() : field;
}

const largest = ({ bytes, signed }: Format): number => 2 ** (8 * bytes - Number(signed)) - 1;

test("lengthPrefixed() reads and writes lengths of every width, byte order and sign, however the bytes arrive", () => {
  for (const format of FORMATS) {
    const codec = lengthPrefixed(format);
    const payloads = [0, 1, 0, 127, 128, 255, 256, 70_000].filter((size) => size <= largest(format))
      .map((size) => Uint8Array.from({ length: size }, (_, i) => i));
    const written = payloads.map((payload) => concat([field(format, payload.length), payload]));
    assertEquals(payloads.map((payload) => codec.encode(payload)), written);
    checkCuts(codec, concat(written), payloads);
  }
  const frames = [hex("abcd"), hex(""), hex("ef")];
  checkCuts(lengthPrefixed(), hex("00000002 abcd 00000000 00000001 ef"), frames);
});

/** Real messages, one after the other: what is dropped of each, and the frame. */
const SAMPLES: Record<string, [options: Options, [header: string, frame: string][]]> = {
  "PostgreSQL, AuthenticationOk, ParameterStatus and ReadyForQuery": [
    { bytes: 4, signed: true, offset: 1, adjust: -4, strip: 0 },
    [
      ["", "52 00000008 00000000"],
      ["", "53 00000016 6170706c69636174696f6e5f6e616d65 00 00"],
      ["", "5a 00000005 49"],
    ],
  ],
  "AMQP 0-9-1, Connection.CloseOk and Heartbeat": [
    { bytes: 4, offset: 3, adjust: 1, strip: 0 },
    [["", "01 0000 00000004 000a0033 ce"], ["", "08 0000 00000000 ce"]],
  ],
  "DNS over TCP, a query for example.com": [
    { bytes: 2 },
    [["001d", "1234 0100 0001 0000 0000 0000 076578616d706c65 03636f6d 00 0001 0001"]],
  ],
  "Kafka, ApiVersions": [
    { bytes: 4, signed: true },
    [["0000000e", "0012 0000 00000001 0004 74657374"]],
  ],
  "MySQL, SELECT 1, PING and OK": [
    { bytes: 3, littleEndian: true, adjust: 1 },
    [
      ["090000", "00 03 53454c4543542031"],
      ["010000", "00 0e"],
      ["070000", "01 00 00 00 0200 0000"],
    ],
  ],
};

test("lengthPrefixed() reads and writes the messages of real protocols", () => {
  for (const [options, messages] of Object.values(SAMPLES)) {
    const codec = lengthPrefixed(options);
    const frames = messages.map(([, frame]) => hex(frame));
    const raw = messages.map(([header, frame]) => hex(header + frame));
    checkCuts(codec, concat(raw), frames);
    assertEquals(frames.map((frame) => codec.encode(frame)), raw);
  }
});

test("lengthPrefixed() drops as much of the beginning as strip says, and counts the rest towards the limit", () => {
  // Two bytes, the length, one byte that it does not count, and the body.
  const raw = hex("f1f2 02 f3 abcd");
  for (let strip = 0; strip <= raw.length; strip++) {
    const terminator = lengthPrefixed({ bytes: 1, offset: 2, adjust: 1, strip });
    const frame = raw.slice(strip);
    const maxFrameLength = frame.length;
    checkCuts(terminator, concat([raw, raw]), [frame, frame]);
    checkCuts(terminator, concat([raw, raw]), [frame, frame], { maxFrameLength });
    if (frame.length === 0) continue;
    const long = tooLong(maxFrameLength - 1, maxFrameLength);
    checkCuts(terminator, concat([raw, raw]), [long, long], { maxFrameLength: maxFrameLength - 1 });
  }
});

/** Bytes that can be no frame; a good frame, handed out from the bar on; and the length that the bytes say. */
const MALFORMED: [Options, wrong: string, good: string, length: string][] = [
  // Negative, also where adjust makes it a whole frame.
  [{ bytes: 1, signed: true }, "ff", "01 | aa", "-1"],
  [{ bytes: 2, signed: true }, "8000", "0001 | aa", "-32768"],
  [{ bytes: 3, signed: true, littleEndian: true }, "feffff", "010000 | aa", "-2"],
  [{ signed: true }, "ffffffff", "00000001 | aa", "-1"],
  [{ bytes: 8, signed: true }, "fffffffffffffffe", "0000000000000001 | aa", "-2"],
  [{ bytes: 1, signed: true, adjust: 5 }, "ff", "00 | aa00000000", "-1"],
  // Shorter than itself, than its header, kept or not, and than what is stripped.
  [{ bytes: 4, adjust: -4 }, "00000003", "00000005 | aa", "3"],
  [{ signed: true, offset: 1, adjust: -4 }, "5a 00000000", "5a 00000005 | aa", "0"],
  [{ bytes: 2, adjust: -2, strip: 0 }, "0001", "| 0003 aa", "1"],
  [{ bytes: 1, strip: 3 }, "01", "03 0000 | aa", "1"],
  // Above the safe integers, the last one with its header.
  [{ bytes: 8 }, "0020000000000000", "0000000000000001 | aa", "9007199254740992"],
  [
    { bytes: 8, littleEndian: true },
    "ffffffffffffffff",
    "0100000000000000 | aa",
    "18446744073709552000",
  ],
  [{ bytes: 8 }, "001fffffffffffff", "0000000000000001 | aa", "9007199254740991"],
];

test("lengthPrefixed() refuses what can be no frame, and the next one begins behind the header", () => {
  for (const [options, wrong, good, length] of MALFORMED) {
    const error = malformed(`and not ${length},`, hex(wrong));
    const frame = hex(good.split("|")[1]!);
    checkCuts(lengthPrefixed(options), hex(wrong + good + wrong), [error, frame, error]);
  }
});

test("lengthPrefixed() takes a length for too long at its header, and says how long it is", () => {
  for (const format of FORMATS) {
    const length = Math.min(largest(format), 2 ** 32 - 1);
    const terminator = lengthPrefixed(format);
    checkCuts(terminator, field(format, length), [tooLong(100, length)], { maxFrameLength: 100 });
  }
});

/** A payload that cannot be sent, and what is said of it. */
const REFUSED: [Options, payload: Uint8Array, part: string][] = [
  [{ bytes: 1 }, new Uint8Array(256), "256, and must be 0 to 255"],
  [{ bytes: 1, signed: true }, new Uint8Array(128), "128, and must be 0 to 127"],
  [{ bytes: 2 }, new Uint8Array(65_536), "0 to 65535"],
  [{ bytes: 1, adjust: -1 }, new Uint8Array(255), "256"],
  [{ adjust: 2 }, new Uint8Array(1), "would be -1"],
  [{ bytes: 8, adjust: 1 }, hex(""), "0 to 9007199254740991"],
  // A header that is kept.
  [{ bytes: 2, strip: 0 }, hex("00"), "begin with its header, which ends after 2 bytes: it has 1"],
  [{ bytes: 2, strip: 0 }, hex(""), "begin with its header"],
  [{ bytes: 2, strip: 0 }, hex("0003 abcd"), "must be 2, and is not"],
  [{ bytes: 2, strip: 0, littleEndian: true }, hex("0002 abcd"), "must be 2, and is not"],
  [{ bytes: 2, strip: 1 }, hex("03 abcd"), 'must be 2, and is not: it begins with "\\u0003"'],
  [{ bytes: 2, offset: 1, adjust: -3, strip: 0 }, hex("01 0007 aa"), "must be 4, and is not"],
];

test("lengthPrefixed().encode() refuses a payload that does not fit the length, or has a wrong one", () => {
  const encode = (options: Options, payload: Uint8Array): unknown =>
    lengthPrefixed(options).encode(payload);
  checkRefusals(FrameInjectionError, encode, REFUSED);
});

test("lengthPrefixed().encode() takes the longest payload that the length can say, and a header that is right", () => {
  for (
    const [options, longest] of [[{ bytes: 1 }, 255], [{ bytes: 1, signed: true }, 127]] as const
  ) {
    const encoded = lengthPrefixed(options).encode(new Uint8Array(longest));
    assertEquals([encoded[0], encoded.length], [longest, longest + 1]);
  }
  const kept = lengthPrefixed({ bytes: 2, littleEndian: true, offset: 1, adjust: -3, strip: 0 });
  assertEquals(kept.encode(hex("01 0400 aa")), hex("01 0400 aa"));
});

test("lengthPrefixed() takes the largest offset, adjust and strip", () => {
  const codec = lengthPrefixed({ bytes: 4, offset: 1020, adjust: -1024, strip: 1024 });
  const encoded = codec.encode("x");
  assertEquals(encoded.subarray(1020), hex("00000401 78"));
  checkCuts(codec, concat([encoded, encoded]), ["x", "x"]);
});

test("lengthPrefixed() refuses options that are out of range, or of a wrong type", () => {
  const wrong: [keyof Options, RangeErrorConstructor | TypeErrorConstructor, unknown[]][] = [
    ["bytes", RangeError, [0, 5, 6, 7, 9, -1, 1.5, NaN, "4", null]],
    ["offset", RangeError, [-1, 1.5, NaN, 1021, Infinity]],
    ["adjust", RangeError, [-1025, 1025, 0.5, NaN, -Infinity]],
    ["strip", RangeError, [-1, 2.5, NaN, 1025, Infinity]],
    ["littleEndian", TypeError, [0, 1, "true", null]],
    ["signed", TypeError, [0, 1, "true", null]],
  ];
  for (const [name, type, values] of wrong) {
    const call = (value: unknown): unknown => lengthPrefixed({ [name]: value });
    for (const value of values) {
      const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
      checkRefusals(type, call, [[value, `${name} must be`], [value, `not ${shown}`]]);
    }
  }
});
