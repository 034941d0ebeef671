import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Codec,
  FrameInjectionError,
  Framer,
  FramingError,
  headed,
  MalformedFrameError,
} from "../../mod.ts";
import { bytes, concat, hex, text } from "../support/bytes.ts";
import { framerOf } from "../support/framers.ts";
import { checkCuts, checkRefusals, malformed, misused } from "../support/framing_tables.ts";

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
    if (header.length > 5) {
      throw new MalformedFrameError("more than four bytes of length", { bytes: header });
    }
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
  for (const [codec, messages] of Object.values(SAMPLES)) {
    const raw = messages.map(hex);
    checkCuts(codec, concat(raw), raw);
    assertEquals(raw.map((message) => codec.encode(message)), raw);
  }
});

test("headed({ strip }) hands out the body alone, of which there may be none", () => {
  checkCuts(headed(2, () => 0), hex("0102 0304 05"), [hex("0102"), hex("0304")], {
    rest: hex("05"),
  });
  const terminator = headed(2, ([, length]) => length!, { strip: true });
  checkCuts(terminator, hex("f102 abcd f200 f301 ef"), [hex("abcd"), hex(""), hex("ef")]);
});

test("headed() asks for the header's length with all that was read of it, from the beginning", () => {
  const asked: string[] = [];
  const terminator = headed(
    (header) => {
      asked.push(Buffer.from(header).toString("hex"));
      return Math.min(header.length + 1, 3);
    },
    (header) => header[2]!,
  );
  const framer = new Framer({ terminator });
  const frame = hex("f1f201aa");
  framer.push(frame);
  assertEquals([...framer], [frame]);
  assertEquals(asked, ["", "f1", "f1f2", "f1f201"]);
  asked.length = 0;
  for (const byte of frame) {
    framer.push(Uint8Array.of(byte));
    if (byte !== 0xaa) assertStrictEquals(framer.next(), undefined);
  }
  assertEquals(framer.next(), frame);
  // Byte by byte it is looked at anew each time.
  assertEquals(new Set(asked), new Set(["", "f1", "f1f2", "f1f201"]));
  assert(asked.length <= 2 * 4 * 4);
});

test("headed() refuses a body length that is none, and the next frame begins behind the header", () => {
  const wrong = [-1, -5, 1.5, NaN, Infinity, 2 ** 53, Number.MAX_SAFE_INTEGER, undefined, "1"];
  for (const value of wrong) {
    const shown = typeof value === "string" ? `"${value}"` : value;
    const error = malformed(`that ${shown} bytes follow it`, hex("ff00"));
    for (const strip of [false, true]) {
      const terminator = headed(2, ([sign]) => sign === 0xff ? value as number : 1, { strip });
      const frame = hex(strip ? "aa" : "0001 aa");
      checkCuts(terminator, hex("ff00 0001aa ff00"), [error, frame, error]);
    }
  }
});

test("headed() gives what bodyLength throws to the reader, and carries on behind the header", () => {
  const mistake = new RangeError("of its own");
  const terminator = headed(1, ([length]) => {
    if (length === 0xff) throw mistake;
    return length!;
  });
  const framer = framerOf({ terminator }, hex("ff 01aa"));
  assertStrictEquals(assertThrows(() => framer.next(), RangeError), mistake);
  assertEquals(framer.next(), hex("01aa"));
  checkCuts(mqtt, hex("30 80808080 01 c000"), [malformed("more than four bytes"), hex("c000")]);
});

test("headed() takes a header of 1 KiB, and refuses one that is longer", () => {
  const zeros = new Uint8Array(1024);
  checkCuts(headed(1024, () => 0), zeros, [zeros]);
  const endless = headed(
    (header) => header.at(-1) === 1 ? header.length : header.length + 1,
    () => 1,
  );
  const error = malformed("more than 1024 bytes", zeros);
  checkCuts(endless, concat([zeros, hex("01aa")]), [error, hex("01aa")]);
});

test("headed() answers a header length that is none with a FramingError", () => {
  for (const [length, part] of [[NaN, "NaN"], [1.5, "1.5"], [0, "0"], ["2", '"2"']] as const) {
    const terminator = headed((header) => header.length === 0 ? 1 : length as number, () => 0);
    const error = misused(`at least the 1 bytes read, not ${part}`);
    checkCuts(terminator, hex("01"), [error]);
  }
  checkRefusals(FramingError, (length: number) => {
    framerOf({ terminator: headed(() => length, () => 0) }, "x").next();
  }, [[-1, "at least the 0 bytes read, not -1"], [0, "must have a byte"]]);
});

/** Frames that do not have the header that they must have. */
const REFUSED: [codec: Codec, payload: string, part: string][] = [
  [tls, "140303 0001 0102", "7 bytes, and its header says 6"],
  [tls, "140303 0003 0102", "7 bytes, and its header says 8"],
  [tls, "140303", "a header of 5 bytes or more, not 3"],
  [tls, "", "a header of 5 bytes or more, not 0"],
  [mqtt, "30 80", "a header of 3 bytes or more, not 2"],
  [mqtt, "c000 c000", "4 bytes, and its header says 2"],
  [headed(1, () => NaN), "01", "its header says NaN"],
];

test("headed().encode() refuses a frame with a wrong header", () => {
  const encode = (codec: Codec, payload: string): unknown => codec.encode(hex(payload));
  checkRefusals(FrameInjectionError, encode, REFUSED);
});

test("headed({ strip, header }).encode() puts the header before the body, as bytes or as text", () => {
  // Redis' bulk strings, without the line end behind them.
  const bulk = headed(
    (header) => header.at(-1) === 0x0a ? header.length : header.length + 1,
    (header) => Number(text(header.subarray(1, -1))),
    { strip: true, header: (length) => `$${length}\n` },
  );
  assertEquals(text(bulk.encode("né")), "$3\nné");
  checkCuts(bulk, "$3\nné$0\n$1\nx", ["né", "", "x"]);
  const short = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length) });
  assertEquals(short.encode(bytes("ab")), hex("02 6162"));
  assertStrictEquals(short.encode(new Uint8Array(255)).length, 256);
});

test("headed({ strip, header }).encode() refuses a header that is read as something else", () => {
  // One byte of length: a body of 256 bytes has a header that says 0.
  const short = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length) });
  const long = headed(1, uint, { strip: true, header: (length) => Uint8Array.of(length, 0) });
  const less = headed(2, (header) => header[0]!, {
    strip: true,
    header: (length) => Uint8Array.of(length - 1),
  });
  const encode = (codec: Codec, length: number): unknown => codec.encode(new Uint8Array(length));
  checkRefusals(FrameInjectionError, encode, [
    [short, 256, "its header says 1"],
    [long, 2, "4 bytes, and its header says 3"],
    [less, 3, "made 1 bytes"],
  ]);
});

test("headed() refuses arguments that are none", () => {
  const call = (...args: unknown[]): unknown =>
    headed(...args as Parameters<typeof headed>).encode("x");
  for (const n of [0, -1, 1.5, NaN, 1025, Infinity]) {
    checkRefusals(RangeError, call, [[n, uint, `not ${n}`]]);
  }
  checkRefusals(TypeError, call, [
    [1, undefined, "bodyLength must be a function"],
    [1, 5, "bodyLength must be a function"],
    [1, uint, { strip: 1 }, "not 1"],
    [1, uint, { header: 1 }, "header must be a function"],
    [1, uint, { strip: true }, "needs the option header"],
    [1, uint, { strip: true, header: () => 5 }, "header must be a string or a Uint8Array"],
  ]);
});
