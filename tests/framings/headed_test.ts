import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Codec,
  FrameInjectionError,
  Framer,
  type FramerOptions,
  FrameTooLongError,
  FramingError,
  headed,
  IncompleteFrameError,
  MalformedFrameError,
} from "../../mod.ts";
import { bytes, concat, hex, text } from "../support/bytes.ts";
import { byteByByte, framerOf as framerOver } from "../support/framers.ts";

const framerOf = (options: Omit<FramerOptions, "encoding">, ...chunks: string[]): Framer =>
  framerOver(options, ...chunks.map(hex));

const uint = (digits: Uint8Array): number => digits.reduce((value, byte) => 256 * value + byte, 0);

/** HTTP/2 (RFC 9113, section 4.1): nine bytes, of which the first three are the length. */
const http2 = headed(9, (header) => uint(header.subarray(0, 3)));

/** MQTT (3.1.1, section 2.2): a byte, and the length in one to four bytes of 7 bits. */
const mqtt = headed(
  (header) => {
    if (header.length < 2) return 2;
    return header.at(-1)! < 128 ? header.length : header.length + 1;
  },
  (header) => {
    if (header.length > 5) throw new MalformedFrameError("more than four bytes of length", header);
    return header.subarray(1).reduce((sum, byte, at) => sum + (byte % 128) * 128 ** at, 0);
  },
);

/** WebSocket (RFC 6455, section 5.2). */
const webSocket = headed(
  (header) => {
    if (header.length < 2) return 2;
    const length = header[1]! % 128;
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (header[1]! >= 128 ? 4 : 0);
  },
  (header) => {
    const length = header[1]! % 128;
    return length < 126 ? length : uint(header.subarray(2, length === 126 ? 4 : 10));
  },
);

/** TLS (RFC 8446, section 5.1): type, version and two bytes of length. */
const tls = headed(5, (header) => uint(header.subarray(3)));

/** Real messages, one after the other. */
const SAMPLES: Record<string, [codec: Codec, messages: string[]]> = {
  "HTTP/2, SETTINGS, its acknowledgement and PING": [http2, [
    "00000c 04 00 00000000 0003 00000064 0004 0000ffff",
    "000000 04 01 00000000",
    "000008 06 00 00000000 0001020304050607",
  ]],
  "MQTT, CONNECT, PUBLISH and PINGREQ": [mqtt, [
    "10 0c 0004 4d515454 04 02 003c 0000",
    `30 8301 0003 612f62 ${"78".repeat(126)}`,
    "c0 00",
  ]],
  "WebSocket, the examples of RFC 6455": [webSocket, [
    "81 05 48656c6c6f",
    "81 85 37fa213d 7f9f4d5158",
    `82 7e 0100 ${"ab".repeat(256)}`,
    `82 7f 0000000000010000 ${"ab".repeat(65_536)}`,
    "89 00",
  ]],
  "TLS, ChangeCipherSpec and Alert": [tls, ["14 0303 0001 01", "15 0303 0002 0228"]],
};

test("headed() reads the messages of real protocols, and takes each for one to send", () => {
  for (const [protocol, [codec, messages]] of Object.entries(SAMPLES)) {
    const raw = messages.map(hex);
    const framer = new Framer({ terminator: codec });
    framer.push(concat(raw));
    assertEquals([...framer], raw, protocol);
    assertEquals(raw.map((message) => codec.encode(message)), raw, protocol);
  }
});

test("headed() gives the same frames when the bytes arrive one by one", () => {
  for (const [protocol, [codec, messages]] of Object.entries(SAMPLES)) {
    const raw = messages.map(hex).filter((message) => message.length < 1_000);
    const framer = new Framer({ terminator: codec });
    assertEquals(byteByByte(framer, concat(raw)), raw, protocol);
  }
});

test("headed({ strip }) hands out the body alone", () => {
  const terminator = headed(2, ([, length]) => length!, { strip: true });
  const input = "f102 abcd f200 f301 ef";
  assertEquals([...framerOf({ terminator }, input)], [hex("abcd"), hex(""), hex("ef")]);
  assertEquals(byteByByte(framerOf({ terminator }), hex(input)), [
    hex("abcd"),
    hex(""),
    hex("ef"),
  ]);
});

test("headed() asks for the header's length with all that was read of it, and not too often", () => {
  const asked: string[] = [];
  const terminator = headed(
    (header) => {
      asked.push(Buffer.from(header).toString("hex"));
      return Math.min(header.length + 1, 3);
    },
    (header) => header[2]!,
  );
  const framer = framerOf({ terminator });
  assertEquals(byteByByte(framer, hex("f1f201aa")), [hex("f1f201aa")]);
  assertEquals(asked.slice(0, 4), ["", "f1", "f1f2", "f1f201"]);
});

test("headed() takes a header that says nothing of the body", () => {
  assertEquals([...framerOf({ terminator: headed(2, () => 0) }, "0102 0304 05")], [
    hex("0102"),
    hex("0304"),
  ]);
});

/** What is no body length, and how it is described. */
const NO_LENGTHS: [value: unknown, part: string][] = [
  [-1, "that -1 bytes follow it"],
  [-5, "that -5 bytes follow it"],
  [1.5, "that 1.5 bytes follow it"],
  [NaN, "that NaN bytes follow it"],
  [Infinity, "that Infinity bytes follow it"],
  [2 ** 53, "that 9007199254740992 bytes follow it"],
  [Number.MAX_SAFE_INTEGER, "that 9007199254740991 bytes follow it"],
  [undefined, "that undefined bytes follow it"],
  ["1", 'that "1" bytes follow it'],
];

test("headed() refuses a body length that is none, and the next frame begins behind the header", () => {
  for (const [value, part] of NO_LENGTHS) {
    for (const strip of [false, true]) {
      const terminator = headed(2, ([sign]) => sign === 0xff ? value as number : 1, { strip });
      const framer = framerOf({ terminator }, "ff00 0001 aa ff00");
      const error = assertThrows(() => framer.next(), MalformedFrameError, part);
      assertEquals(error.bytes, hex("ff00"));
      assertEquals(framer.next(), hex(strip ? "aa" : "0001 aa"));
      assertThrows(() => framer.next(), MalformedFrameError, part);
      assertStrictEquals(framer.next(), undefined);
      assertStrictEquals(framer.buffered, 0);
    }
  }
});

test("headed() gives what bodyLength throws to the reader, and carries on behind the header", () => {
  const mistake = new RangeError("of its own");
  const terminator = headed(1, ([length]) => {
    if (length === 0xff) throw mistake;
    return length!;
  });
  const framer = framerOf({ terminator }, "ff 01 aa");
  assertStrictEquals(assertThrows(() => framer.next(), RangeError), mistake);
  assertEquals(framer.next(), hex("01 aa"));

  const tooMuch = framerOf({ terminator: mqtt }, "30 80808080 01 c000");
  assertThrows(() => tooMuch.next(), MalformedFrameError, "more than four bytes");
  assertEquals(tooMuch.next(), hex("c000"));
});

test("headed() takes a header of 1 KiB, and refuses one that is longer", () => {
  const zeros = new Uint8Array(1024);
  const longest = new Framer({ terminator: headed(1024, () => 0) });
  longest.push(zeros);
  assertStrictEquals(longest.next()?.length, 1024);

  const endless = headed(
    (header) => header.at(-1) === 1 ? header.length : header.length + 1,
    () => 1,
  );
  const framer = new Framer({ terminator: endless });
  framer.push(zeros);
  const error = assertThrows(() => framer.next(), MalformedFrameError, "more than 1024 bytes");
  assertStrictEquals(error.bytes.length, 1024);
  framer.push(hex("01 aa"));
  assertEquals(framer.next(), hex("01 aa"));
});

test("headed() answers a header length that is none with a FramingError", () => {
  for (const [length, part] of [[NaN, "NaN"], [1.5, "1.5"], [0, "not 0"], ["2", '"2"']] as const) {
    const terminator = headed((header) => header.length === 0 ? 1 : length as number, () => 0);
    const framer = framerOf({ terminator }, "01 02");
    const error = assertThrows(() => framer.next(), FramingError, "at least the 1 bytes read");
    assertStrictEquals(error.message.endsWith(part), true, error.message);
  }
  assertThrows(
    () => framerOf({ terminator: headed(() => -1, () => 0) }, "01").next(),
    FramingError,
  );
});

test("headed() answers a header and a body of nothing with a FramingError", () => {
  const framer = framerOf({ terminator: headed(() => 0, () => 0) }, "01");
  assertThrows(() => framer.next(), FramingError, "without reading a byte");
});

test("headed() takes a frame for too long at its header", () => {
  for (const [strip, seen] of [[false, 12], [true, 11]] as const) {
    const terminator = headed(1, ([length]) => length!, { strip });
    const framer = framerOf({ terminator, maxFrameLength: 10 }, "0b");
    const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 10");
    assertStrictEquals(error.seen, seen);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
});

test("headed() carries on at the next frame when one in many chunks is too long", () => {
  for (const strip of [false, true]) {
    const terminator = headed(3, uint, { strip });
    const framer = framerOf({ terminator, maxFrameLength: 10 }, "0186a0 01");
    assertThrows(() => framer.next(), FrameTooLongError);
    for (let left = 100_000 - 1; left > 0; left -= 13) {
      framer.push(new Uint8Array(Math.min(13, left)).fill(1));
      assertStrictEquals(framer.next(), undefined);
      assertStrictEquals(framer.buffered, 0);
    }
    framer.push(hex("000001 aa 0186a0"));
    assertEquals(framer.next(), hex(strip ? "aa" : "000001 aa"));
    assertThrows(() => framer.next(), FrameTooLongError);
  }
});

test("headed() throws what there is of a last frame, the header included", () => {
  for (const strip of [false, true]) {
    const terminator = headed(2, uint, { strip });
    for (const rest of ["00", "0003", "0003 abcd"]) {
      const framer = framerOf({ terminator }, "0000", rest);
      framer.end();
      assertEquals(framer.next(), hex(strip ? "" : "0000"));
      assertEquals(assertThrows(() => framer.next(), IncompleteFrameError).bytes, hex(rest));
      assertStrictEquals(framer.next(), undefined);
    }
  }
});

test("headed() yields or drops what there is of a last frame when told so", () => {
  const terminator = headed(1, uint, { strip: true });
  for (const [incomplete, last] of [["yield", [hex("03 abcd")]], ["drop", []]] as const) {
    const framer = framerOf({ terminator, incomplete }, "01 aa 03 abcd");
    framer.end();
    assertEquals([...framer], [hex("aa"), ...last]);
  }
});

test("headed() hands a frame out as it arrives, its header first, unless that is dropped", () => {
  for (const strip of [false, true]) {
    const terminator = headed(2, uint, { strip });
    const framer = framerOf({ terminator, maxFrameLength: 1 }, "00");
    assertStrictEquals(framer.nextPiece(), undefined);
    framer.push(hex("0004".slice(2)));
    const pieces: Uint8Array[] = [];
    for (const chunk of ["", "01", "0203", "04 0000"]) {
      framer.push(hex(chunk));
      for (let piece = framer.nextPiece(); piece; piece = framer.nextPiece()) pieces.push(piece);
    }
    assertEquals(concat(pieces), hex(strip ? "01020304" : "0004 01020304"));
    assertStrictEquals(framer.buffered, 2);
  }
});

test("headed() passes over the rest of a frame that is left half-way", () => {
  const framer = framerOf({ terminator: headed(1, uint) }, "04 01");
  assertEquals(framer.nextPiece(), hex("04 01"));
  framer.push(hex("02"));
  assertStrictEquals(framer.next(), undefined);
  framer.push(hex("0304 01 aa"));
  assertEquals(framer.next(), hex("01 aa"));
});

/** Redis' bulk strings, without the line end behind them: "$" and the length in digits, and a line end. */
const bulk = headed(
  (header) => header.at(-1) === 0x0a ? header.length : header.length + 1,
  (header) => Number(text(header.subarray(1, -1))),
  { strip: true, header: (length) => `$${length}\n` },
);

test("headed({ strip, header }).encode() is undone by decoding", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (payloads) => {
      const framer = new Framer({ terminator: bulk });
      for (const payload of payloads) framer.push(bulk.encode(payload));
      assertEquals([...framer], payloads);
    }),
    { numRuns: 200 },
  );
});

test("headed().encode() leaves a frame as it is, which decoding gives back", () => {
  const frame = fc.tuple(fc.uint8Array({ minLength: 6, maxLength: 6 }), fc.uint8Array())
    .map(([rest, body]) => concat([hex("0000"), Uint8Array.of(body.length), rest, body]));
  fc.assert(
    fc.property(fc.array(frame), (frames) => {
      const framer = new Framer({ terminator: http2 });
      for (const frame of frames) framer.push(http2.encode(frame));
      assertEquals([...framer], frames);
    }),
    { numRuns: 200 },
  );
});

test("headed({ strip, header }).encode() puts the header before the body", () => {
  assertEquals(text(bulk.encode("né")), "$3\nné");
  const short = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length) });
  assertEquals(short.encode(bytes("ab")), hex("02 6162"));
});

/** Frames that do not have the header that they must have. */
const REFUSED: Record<string, [codec: Codec, payload: string, part: string]> = {
  "a body that is longer": [tls, "140303 0001 0102", "7 bytes, and its header says 6"],
  "a body that is shorter": [tls, "140303 0003 0102", "7 bytes, and its header says 8"],
  "a part of a header": [tls, "140303", "a header of 5 bytes or more, not 3"],
  "nothing": [tls, "", "a header of 5 bytes or more, not 0"],
  "a header that goes on": [mqtt, "30 80", "a header of 3 bytes or more, not 2"],
  "two frames": [mqtt, "c000 c000", "4 bytes, and its header says 2"],
  "no length": [headed(1, () => NaN), "01", "its header says NaN"],
};

test("headed().encode() refuses a frame with a wrong header", () => {
  for (const [name, [codec, payload, part]] of Object.entries(REFUSED)) {
    const error = assertThrows(
      () => codec.encode(hex(payload)),
      FrameInjectionError,
      part,
      name,
    );
    assertStrictEquals(error.code, "frame-injection");
  }
});

test("headed({ strip, header }).encode() refuses a header that says something else", () => {
  // One byte of length: a body of 256 bytes has a header that says 0.
  const short = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length) });
  assertStrictEquals(short.encode(new Uint8Array(255)).length, 256);
  assertThrows(() => short.encode(new Uint8Array(256)), FrameInjectionError, "its header says 1");
  const long = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length, 0) });
  assertThrows(
    () => long.encode(hex("aabb")),
    FrameInjectionError,
    "4 bytes, and its header says 3",
  );
});

test("headed({ strip }).encode() needs a header to send", () => {
  const terminator = headed(1, uint, { strip: true });
  assertThrows(() => terminator.encode("x"), TypeError, "needs the option header");
  const wrong = headed(1, uint, { strip: true, header: () => 5 as unknown as string });
  assertThrows(() => wrong.encode("x"), TypeError, "header must be a string or a Uint8Array");
});

test("headed().encode() gives plain bytes of their own, also for a Buffer", () => {
  for (const payload of [hex("01 aa"), Buffer.from(hex("01 aa"))]) {
    const encoded = headed(1, uint).encode(payload);
    payload.fill(0);
    assertEquals(encoded, hex("01 aa"));
  }
});

test("headed() refuses arguments that are none", () => {
  for (const n of [0, -1, 1.5, NaN, 1025, Infinity]) {
    assertThrows(() => headed(n, uint), RangeError, `not ${n}`);
  }
  for (const wrong of [undefined, 5, "length"]) {
    const bodyLength = wrong as unknown as () => number;
    assertThrows(() => headed(1, bodyLength), TypeError, "bodyLength must be a function");
  }
  assertThrows(() => headed(1, uint, { strip: 1 as unknown as true }), TypeError, "not 1");
});

test("headed({ strip, header }).encode() refuses a header that is not read as the one that was made", () => {
  const codec = headed(2, (header) => header[0]!, {
    strip: true,
    header: (length) => Uint8Array.of(length - 1),
  });
  assertThrows(() => codec.encode("abc"), FrameInjectionError, "made 1 bytes");
});
