import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  FrameInjectionError,
  Framer,
  type FramerOptions,
  FrameTooLongError,
  IncompleteFrameError,
  lengthPrefixed,
  type LengthPrefixedOptions,
  MalformedFrameError,
} from "../../mod.ts";
import { bytes, concat, hex } from "../support/bytes.ts";
import { byteByByte, framerOf as framerOver } from "../support/framers.ts";

const framerOf = (options: Omit<FramerOptions, "encoding">, ...chunks: string[]): Framer =>
  framerOver(options, ...chunks.map(hex));

type Width = 1 | 2 | 3 | 4 | 8;
interface Format {
  readonly bytes: Width;
  readonly littleEndian: boolean;
  readonly signed: boolean;
}

const FORMATS: readonly Format[] = ([1, 2, 3, 4, 8] as const).flatMap((bytes) =>
  [false, true].flatMap((littleEndian) =>
    [false, true].map((signed) => ({ bytes, littleEndian, signed }))
  )
);

/** A number as the format writes it, negative ones as two's complement. */
function field({ bytes, littleEndian }: Format, value: bigint): Uint8Array {
  const digits = BigInt.asUintN(8 * bytes, value).toString(16).padStart(2 * bytes, "0");
  const field = hex(digits);
  return littleEndian ? field.reverse() : field;
}

const largest = ({ bytes, signed }: Format): bigint =>
  2n ** BigInt(8 * bytes - Number(signed)) - 1n;

test("lengthPrefixed() reads and writes lengths of every width, byte order and sign", () => {
  for (const format of FORMATS) {
    const codec = lengthPrefixed(format);
    const sizes = [0, 1, 127, 128, 255, 256, 70_000].filter((size) => size <= largest(format));
    const payloads = sizes.map((size) => Uint8Array.from({ length: size }, (_, i) => i));
    const written = payloads.map((payload) =>
      concat([field(format, BigInt(payload.length)), payload])
    );
    assertEquals(payloads.map((payload) => codec.encode(payload)), written);

    const framer = new Framer({ terminator: codec });
    framer.push(concat(written));
    assertEquals([...framer], payloads);
  }
});

test("lengthPrefixed() gives the same frames when the bytes arrive one by one", () => {
  for (const format of FORMATS) {
    const payloads = [bytes("one"), bytes(""), bytes(""), bytes("x".repeat(127))];
    const input = concat(payloads.map((p) => concat([field(format, BigInt(p.length)), p])));
    assertEquals(byteByByte(new Framer({ terminator: lengthPrefixed(format) }), input), payloads);
  }
});

test("lengthPrefixed() reads four bytes in network order when nothing else is said", () => {
  const framer = framerOf({ terminator: lengthPrefixed() }, "00000002 abcd 00000000 00000001 ef");
  assertEquals([...framer], [hex("abcd"), hex(""), hex("ef")]);
});

/** Real messages, one after the other, with the frame that is read from each. */
const SAMPLES: Record<string, [options: LengthPrefixedOptions, [raw: string, frame: string][]]> = {
  "PostgreSQL, AuthenticationOk, ParameterStatus and ReadyForQuery": [
    { bytes: 4, signed: true, offset: 1, adjust: -4, strip: 0 },
    [
      ["52 00000008 00000000", "52 00000008 00000000"],
      [
        "53 00000016 6170706c69636174696f6e5f6e616d65 00 00",
        "53 00000016 6170706c69636174696f6e5f6e616d65 00 00",
      ],
      ["5a 00000005 49", "5a 00000005 49"],
    ],
  ],
  "AMQP 0-9-1, Connection.CloseOk and Heartbeat": [
    { bytes: 4, offset: 3, adjust: 1, strip: 0 },
    [
      ["01 0000 00000004 000a0033 ce", "01 0000 00000004 000a0033 ce"],
      ["08 0000 00000000 ce", "08 0000 00000000 ce"],
    ],
  ],
  "DNS over TCP, a query for example.com": [
    { bytes: 2 },
    [[
      "001d 1234 0100 0001 0000 0000 0000 076578616d706c65 03636f6d 00 0001 0001",
      "1234 0100 0001 0000 0000 0000 076578616d706c65 03636f6d 00 0001 0001",
    ]],
  ],
  "Kafka, ApiVersions": [
    { bytes: 4, signed: true },
    [["0000000e 0012 0000 00000001 0004 74657374", "0012 0000 00000001 0004 74657374"]],
  ],
  "MySQL, SELECT 1, PING and OK": [
    { bytes: 3, littleEndian: true, adjust: 1 },
    [
      ["090000 00 03 53454c4543542031", "00 03 53454c4543542031"],
      ["010000 00 0e", "00 0e"],
      ["070000 01 00 00 00 0200 0000", "01 00 00 00 0200 0000"],
    ],
  ],
};

test("lengthPrefixed() reads and writes the messages of real protocols", () => {
  for (const [protocol, [options, messages]] of Object.entries(SAMPLES)) {
    const codec = lengthPrefixed(options);
    const raw = messages.map(([raw]) => hex(raw));
    const frames = messages.map(([, frame]) => hex(frame));
    const framer = new Framer({ terminator: codec });
    framer.push(concat(raw));
    assertEquals([...framer], frames, protocol);
    assertEquals(byteByByte(new Framer({ terminator: codec }), concat(raw)), frames, protocol);
    assertEquals(frames.map((frame) => codec.encode(frame)), raw, protocol);
  }
});

test("lengthPrefixed() drops as much of the beginning as strip says", () => {
  // Two bytes, the length, one byte that it does not count, and the body.
  const frames = {
    0: "f1f2 02 f3 abcd",
    1: "f2 02 f3 abcd",
    2: "02 f3 abcd",
    3: "f3 abcd",
    4: "abcd",
    5: "cd",
    6: "",
  };
  for (const [strip, expected] of Object.entries(frames)) {
    const terminator = lengthPrefixed({ bytes: 1, offset: 2, adjust: 1, strip: Number(strip) });
    const framer = framerOf({ terminator }, "f1f2 02 f3 abcd", "f1f2 02 f3 abcd");
    assertEquals([...framer], [hex(expected), hex(expected)], strip);
  }
});

/** Bytes that can be no frame, and what is said of them. A good frame follows each, which begins with 0xAA. */
const MALFORMED: Record<
  string,
  [LengthPrefixedOptions, wrong: string, good: string, part: string]
> = {
  "one byte, negative": [{ bytes: 1, signed: true }, "ff", "01 aa", "and not -1,"],
  "two bytes, the lowest": [
    { bytes: 2, signed: true },
    "8000",
    "0001 aa",
    "and not -32768,",
  ],
  "three bytes, little-endian": [
    { bytes: 3, signed: true, littleEndian: true },
    "feffff",
    "010000 aa",
    "and not -2,",
  ],
  "four bytes": [{ signed: true }, "ffffffff", "00000001 aa", "and not -1,"],
  "eight bytes": [
    { bytes: 8, signed: true },
    "fffffffffffffffe",
    "0000000000000001 aa",
    "and not -2,",
  ],
  "negative, though adjust makes it a whole frame": [
    { bytes: 1, signed: true, adjust: 5 },
    "ff",
    // Longer by adjust than it says.
    "00 aa00000000",
    "and not -1,",
  ],
  "shorter than itself": [
    { bytes: 4, adjust: -4 },
    "00000003",
    "00000005 aa",
    "and not 3,",
  ],
  "shorter than its header": [
    { bytes: 4, signed: true, offset: 1, adjust: -4 },
    "5a 00000000",
    "5a 00000005 aa",
    "and not 0,",
  ],
  "shorter than its header, which is kept": [
    { bytes: 2, adjust: -2, strip: 0 },
    "0001",
    "0003 aa",
    "and not 1,",
  ],
  "one above the safe integers": [
    { bytes: 8 },
    "0020000000000000",
    "0000000000000001 aa",
    "and not 9007199254740992,",
  ],
  "the largest there is": [
    { bytes: 8, littleEndian: true },
    "ffffffffffffffff",
    "0100000000000000 aa",
    "not 18446744073709552000",
  ],
  "a safe length, of which header and body are not": [
    { bytes: 8 },
    "001fffffffffffff",
    "0000000000000001 aa",
    "not 9007199254740991",
  ],
  "shorter than what is stripped": [
    { bytes: 1, strip: 3 },
    "01",
    "03 0000 aa",
    "and not 1,",
  ],
};

test("lengthPrefixed() refuses what can be no frame, and the next one begins behind the header", () => {
  for (const [name, [options, wrong, good, part]] of Object.entries(MALFORMED)) {
    const framer = framerOf({ terminator: lengthPrefixed(options) }, wrong, good, wrong);
    const error = assertThrows(() => framer.next(), MalformedFrameError, part, name);
    assertEquals(error.bytes, hex(wrong), name);
    const frame = hex(good).subarray(options.strip === 0 ? 0 : hex(good).indexOf(0xaa));
    assertEquals(framer.next(), frame, name);
    assertThrows(() => framer.next(), MalformedFrameError, part, name);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0, name);
  }
});

test("lengthPrefixed() refuses a length that is wrong when it arrives byte by byte, or in pieces", () => {
  const terminator = lengthPrefixed({ bytes: 2, signed: true });
  for (const way of ["next", "nextPiece"] as const) {
    const framer = framerOf({ terminator }, "80");
    assertStrictEquals(framer[way](), undefined);
    framer.push(hex("00"));
    assertThrows(() => framer[way](), MalformedFrameError, "not -32768");
    framer.push(hex("0001 aa"));
    assertEquals(framer[way](), hex("aa"));
  }
});

test("lengthPrefixed() takes a length for too long at its header, and says how long it is", () => {
  for (const format of FORMATS) {
    const length = largest({ ...format, bytes: Math.min(format.bytes, 4) as Width });
    const framer = new Framer({ terminator: lengthPrefixed(format), maxFrameLength: 100 });
    framer.push(field(format, length));
    const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 100");
    assertEquals([error.limit, error.seen], [100, Number(length)]);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
});

test("lengthPrefixed() counts towards maxFrameLength what is handed out, and nothing else", () => {
  for (const [strip, length] of [[undefined, 4], [0, 6], [5, 1]] as const) {
    const terminator = lengthPrefixed({ bytes: 2, strip });
    const good = framerOf({ terminator, maxFrameLength: length }, "0004 01020304");
    assertStrictEquals(good.next()?.length, length);
    const tooLong = framerOf({ terminator, maxFrameLength: length - 1 }, "0004");
    assertStrictEquals(assertThrows(() => tooLong.next(), FrameTooLongError).seen, length);
  }
});

test("lengthPrefixed() carries on at the next frame when one in many chunks is too long", () => {
  for (const strip of [0, 3, 5]) {
    const terminator = lengthPrefixed({ bytes: 3, strip });
    const framer = framerOf({ terminator, maxFrameLength: 10 }, "0186a0 0102");
    assertThrows(() => framer.next(), FrameTooLongError);
    assertStrictEquals(framer.next(), undefined);
    for (let left = 100_000 - 2; left > 0; left -= 7) {
      framer.push(new Uint8Array(Math.min(7, left)).fill(1));
      assertStrictEquals(framer.next(), undefined);
      assertStrictEquals(framer.buffered, 0);
    }
    framer.push(hex("000002 abcd 0186a0"));
    assertEquals(framer.next(), hex("000002 abcd").subarray(strip));
    assertThrows(() => framer.next(), FrameTooLongError);
  }
});

test("lengthPrefixed() throws what there is of a last frame, the header included", () => {
  for (const rest of ["00", "0003", "0003 abcd"]) {
    const framer = framerOf({ terminator: lengthPrefixed({ bytes: 2 }) }, "0001 aa", rest);
    framer.end();
    assertEquals(framer.next(), hex("aa"));
    const error = assertThrows(() => framer.next(), IncompleteFrameError, "its framing");
    assertEquals(error.bytes, hex(rest));
    assertStrictEquals(framer.next(), undefined);
  }
});

test("lengthPrefixed() yields or drops what there is of a last frame when told so", () => {
  const terminator = lengthPrefixed({ bytes: 2 });
  for (const [incomplete, last] of [["yield", [hex("0003 abcd")]], ["drop", []]] as const) {
    const framer = framerOf({ terminator, incomplete }, "0001 aa 0003 abcd");
    framer.end();
    assertEquals([...framer], [hex("aa"), ...last]);
  }
});

test("lengthPrefixed() hands a body out as it arrives, however long it is", () => {
  const terminator = lengthPrefixed({ bytes: 2, adjust: 1 });
  const framer = framerOf({ terminator, maxFrameLength: 1 }, "00");
  assertStrictEquals(framer.nextPiece(), undefined);
  framer.push(hex("04"));
  assertStrictEquals(framer.nextPiece(), undefined);
  for (const piece of ["01", "0203", "04"]) {
    framer.push(hex(piece));
    assertEquals(framer.nextPiece(), hex(piece));
    assertStrictEquals(framer.nextPiece(), undefined);
  }
  framer.push(hex("05 0000 aa"));
  assertEquals(framer.nextPiece(), hex("05"));
  assertStrictEquals(framer.nextPiece(), null);
  assertEquals(framer.next(), hex("aa"));
});

test("lengthPrefixed() hands out a kept header in pieces, too, and nothing of an empty body", () => {
  const kept = framerOf({ terminator: lengthPrefixed({ bytes: 2, strip: 1 }) }, "0002", "abcd");
  const pieces: Uint8Array[] = [];
  for (let piece = kept.nextPiece(); piece; piece = kept.nextPiece()) pieces.push(piece);
  assertEquals(concat(pieces), hex("02 abcd"));

  const empty = framerOf({ terminator: lengthPrefixed({ bytes: 2 }) }, "0000 0001 aa");
  assertStrictEquals(empty.nextPiece(), null);
  assertEquals(empty.nextPiece(), hex("aa"));
  assertStrictEquals(empty.nextPiece(), null);
});

test("lengthPrefixed() passes over the rest of a frame that is left half-way", () => {
  const framer = framerOf({ terminator: lengthPrefixed({ bytes: 1 }) }, "04 01");
  assertEquals(framer.nextPiece(), hex("01"));
  framer.push(hex("02"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(hex("0304 01 aa"));
  assertEquals(framer.next(), hex("aa"));
});

const options = fc.record({
  bytes: fc.constantFrom<Width[]>(1, 2, 3, 4, 8),
  littleEndian: fc.boolean(),
  signed: fc.boolean(),
  offset: fc.nat({ max: 3 }),
  adjust: fc.integer({ min: -11, max: 3 }),
  strip: fc.nat({ max: 14 }),
});

test("lengthPrefixed().encode() is undone by decoding, whatever the options", () => {
  fc.assert(
    fc.property(options, fc.array(fc.uint8Array({ maxLength: 300 })), (options, payloads) => {
      const codec = lengthPrefixed({ ...options, strip: undefined });
      const most = Number(largest(options)) + options.adjust;
      const [accepted, refused]: [Uint8Array[], Uint8Array[]] = [[], []];
      for (const payload of payloads) {
        const fits = payload.length >= options.adjust && payload.length <= most;
        (fits ? accepted : refused).push(payload);
      }
      for (const payload of refused) {
        assertThrows(() => codec.encode(payload), FrameInjectionError, "does not fit");
      }
      const framer = new Framer({ terminator: codec });
      for (const payload of accepted) framer.push(codec.encode(payload));
      assertEquals([...framer], accepted);
    }),
    { numRuns: 200 },
  );
});

test("lengthPrefixed().encode() accepts any frame that was decoded, whatever is stripped", () => {
  const body = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(options, fc.nat({ max: 120 }), body, (options, length, body) => {
      const codec = lengthPrefixed(options);
      const framer = new Framer({ terminator: codec });
      const header = new Uint8Array(options.offset).fill(7);
      const raw = concat([header, field(options, BigInt(length)), body]);
      framer.push(raw);
      let frame: Uint8Array | undefined;
      try {
        frame = framer.next();
      } catch (error) {
        if (error instanceof MalformedFrameError) return;
        throw error;
      }
      if (frame === undefined) return;
      const encoded = codec.encode(frame);
      // What was stripped is known no more: the length is written again, and all else as zeros.
      const expected = raw.slice(0, encoded.length);
      expected.fill(0, 0, Math.min(options.strip, options.offset));
      expected.fill(0, options.offset + options.bytes, options.strip);
      assertEquals(encoded, expected);
    }),
    { numRuns: 1_000 },
  );
});

/** A payload that cannot be sent, and what is said of it. */
const REFUSED: Record<string, [LengthPrefixedOptions, payload: Uint8Array, part: string]> = {
  "longer than one byte can say": [{ bytes: 1 }, new Uint8Array(256), "256, and must be 0 to 255"],
  "longer than a signed byte can say": [
    { bytes: 1, signed: true },
    new Uint8Array(128),
    "128, and must be 0 to 127",
  ],
  "longer than two bytes can say": [{ bytes: 2 }, new Uint8Array(65_536), "0 to 65535"],
  "longer with what the length counts": [{ bytes: 1, adjust: -1 }, new Uint8Array(255), "256"],
  "shorter than what the length does not count": [{ adjust: 2 }, new Uint8Array(1), "would be -1"],
  "no whole header, which is kept": [{ bytes: 2, strip: 0 }, hex("00"), "begin with its header"],
  "nothing, and the header is kept": [{ bytes: 2, strip: 0 }, hex(""), "begin with its header"],
  "a kept length that is wrong": [
    { bytes: 2, strip: 0 },
    hex("0003 abcd"),
    "must be 2, and is not",
  ],
  "a kept length in the other order": [
    { bytes: 2, strip: 0, littleEndian: true },
    hex("0002 abcd"),
    "must be 2, and is not",
  ],
  "half of a kept length that is wrong": [
    { bytes: 2, strip: 1 },
    hex("03 abcd"),
    "must be 2, and is not",
  ],
};

test("lengthPrefixed().encode() refuses a payload that does not fit the length", () => {
  for (const [name, [options, payload, part]] of Object.entries(REFUSED)) {
    const error = assertThrows(
      () => lengthPrefixed(options).encode(payload),
      FrameInjectionError,
      part,
      name,
    );
    assertStrictEquals(error.code, "frame-injection");
  }
});

test("lengthPrefixed().encode() takes the longest payload that the length can say", () => {
  for (
    const [options, longest] of [[{ bytes: 1 }, 255], [{ bytes: 1, signed: true }, 127]] as const
  ) {
    const encoded = lengthPrefixed(options).encode(new Uint8Array(longest));
    assertEquals([encoded[0], encoded.length], [longest, longest + 1]);
  }
});

test("lengthPrefixed().encode() gives bytes of their own, also where nothing is stripped", () => {
  const payload = hex("0001 aa");
  const encoded = lengthPrefixed({ bytes: 2, strip: 0 }).encode(payload);
  payload.fill(0);
  assertEquals(encoded, hex("0001 aa"));
});

test("lengthPrefixed().encode() takes a string as UTF-8, and refuses what is no payload", () => {
  assertEquals(lengthPrefixed({ bytes: 1 }).encode("né"), hex("03 6e c3a9"));
  assertThrows(() => lengthPrefixed().encode(null as unknown as string), TypeError, "not null");
});

test("lengthPrefixed() refuses numbers that are out of range", () => {
  const wrong: [keyof LengthPrefixedOptions, unknown[]][] = [
    ["bytes", [0, 5, 6, 7, 9, -1, 1.5, NaN, "4", null]],
    ["offset", [-1, 1.5, NaN, 1021, Infinity]],
    ["adjust", [-1025, 1025, 0.5, NaN, -Infinity]],
    ["strip", [-1, 2.5, NaN, 1025, Infinity]],
  ];
  for (const [name, values] of wrong) {
    for (const value of values) {
      const error = assertThrows(
        () => lengthPrefixed({ [name]: value }),
        RangeError,
        `not ${typeof value === "string" ? JSON.stringify(value) : value}`,
      );
      assert(error.message.startsWith(`${name} must be`), error.message);
    }
  }
});

test("lengthPrefixed() refuses switches that are neither true nor false", () => {
  for (const name of ["littleEndian", "signed"]) {
    for (const value of [0, 1, "true", null]) {
      const error = assertThrows(
        () => lengthPrefixed({ [name]: value }),
        TypeError,
        "true or false",
      );
      assert(error.message.startsWith(name), error.message);
    }
  }
});

test("lengthPrefixed() takes the largest offset, adjust and strip", () => {
  const codec = lengthPrefixed({ bytes: 4, offset: 1020, adjust: -1024, strip: 1024 });
  const encoded = codec.encode("x");
  assertEquals(encoded.subarray(1020), hex("00000401 78"));
  const framer = new Framer({ terminator: codec });
  framer.push(encoded);
  assertEquals(framer.next(), bytes("x"));
});

test("lengthPrefixed().encode() says what is wrong with a header that strip keeps", () => {
  const codec = lengthPrefixed({ bytes: 2, littleEndian: true, offset: 1, adjust: -3, strip: 0 });
  for (const short of ["", "01 03"]) {
    assertThrows(() => codec.encode(hex(short)), FrameInjectionError, "ends after 3 bytes");
  }
  assertThrows(() => codec.encode(hex("01 0700 aa")), FrameInjectionError, "must be 4");
  assertEquals(codec.encode(hex("01 0400 aa")), hex("01 0400 aa"));
});
