/** What all framings of the library have in common: what the framer promises holds for each of them. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  anyOf,
  type Codec,
  delimited,
  Framer,
  FrameTooLongError,
  headed,
  lengthPrefixed,
  lines,
  netstring,
  varintPrefixed,
} from "../../mod.ts";
import { bytes, concat } from "../support/bytes.ts";
import { checkCuts, tooLong } from "../support/framing_tables.ts";

interface Row {
  readonly codec: Codec;
  /** The payload that has this body: with its header or delimiter, where the framing keeps that. */
  readonly payload: (body: Uint8Array) => Uint8Array;
  /** How many bytes of the payload do not count towards the limit. */
  readonly uncounted: number;
}

const uint24 = (length: number): Uint8Array =>
  Uint8Array.of(length >> 16, (length >> 8) % 256, length % 256);
const uint = (digits: Uint8Array): number => digits.reduce((value, byte) => 256 * value + byte, 0);

const row = (
  codec: Codec,
  payload: Row["payload"] = (body) => body,
  uncounted: number = 0,
): Row => ({ codec, payload, uncounted });

const ROWS: readonly Row[] = [
  row(lines()),
  row(lines({ keep: true }), (body) => concat([body, bytes("\r\n")]), 2),
  row(delimited("<end>")),
  row(delimited("\0", { keep: true }), (body) => concat([body, bytes("\0")]), 1),
  row(anyOf("\r\n", ";", "end")),
  row(lengthPrefixed()),
  row(lengthPrefixed({ bytes: 8, adjust: 2, strip: 9 }), (body) => concat([bytes("x"), body])),
  row(
    lengthPrefixed({ bytes: 3, offset: 1, adjust: -4, strip: 0 }),
    (body) => concat([bytes("x"), uint24(body.length + 4), body]),
  ),
  row(varintPrefixed()),
  row(netstring()),
  row(headed(3, uint), (body) => concat([uint24(body.length), body])),
  row(headed(3, uint, { strip: true, header: uint24 })),
];

const xs = (length: number): Uint8Array => new Uint8Array(length).fill(0x78);

/** The most that is held of a header, a trailer or a delimiter. */
const SURROUNDINGS = 16;

test("every framing reads what it encodes, however the bytes arrive, and nothing else", () => {
  for (const { codec, payload } of ROWS) {
    const payloads = [xs(0), bytes("one"), xs(0), bytes("größe"), xs(140)].map(payload);
    checkCuts(codec, concat(payloads.map((each) => codec.encode(each))), payloads);
  }
});

test("every framing ends with what there is of a last frame, its header included", () => {
  for (const { codec, payload } of ROWS) {
    const one = payload(bytes("one"));
    const whole = codec.encode(one);
    for (let end = 1; end < whole.length; end++) {
      checkCuts(codec, concat([whole, whole.slice(0, end)]), [one], { rest: whole.slice(0, end) });
    }
  }
});

test("every framing holds what it hands out to maxFrameLength, and no delimiter, and goes on behind what is too long", () => {
  for (const { codec, payload, uncounted } of ROWS) {
    const [empty, one, four] = [xs(0), bytes("one"), bytes("four")].map(payload);
    const all = concat([one!, four!, empty!, four!, one!].map((each) => codec.encode(each)));
    const maxFrameLength = one!.length - uncounted;
    const long = tooLong(maxFrameLength, maxFrameLength + 1);
    checkCuts(codec, all, [one!, long, empty!, long, one!], { maxFrameLength });
  }
});

test("every framing refuses a frame that is too long as soon as that is known, holds nothing of it, and goes on behind it", () => {
  for (const { codec, payload } of ROWS) {
    const long = codec.encode(payload(xs(70_000)));
    const framer = new Framer({ terminator: codec, maxFrameLength: 10 });
    framer.push(long.slice(0, 30));
    assertThrows(() => framer.next(), FrameTooLongError);
    for (let at = 30; at < long.length; at += 13) {
      framer.push(long.slice(at, at + 13));
      assertStrictEquals(framer.next(), undefined);
      assert(framer.buffered < SURROUNDINGS, `${framer.buffered} bytes are held`);
    }
    framer.push(codec.encode(payload(bytes("next"))));
    assertEquals(framer.next(), payload(bytes("next")));
    framer.push(long.slice(0, 30));
    assertThrows(() => framer.next(), FrameTooLongError);
  }
});

test("every framing hands a frame out as it arrives, however long it is", () => {
  for (const { codec, payload } of ROWS) {
    const expected = payload(xs(5_000));
    const long = codec.encode(expected);
    const framer = new Framer({ terminator: codec, maxFrameLength: 1 });
    const pieces: Uint8Array[] = [];
    let piece: Uint8Array | null | undefined;
    for (let at = 0; at < long.length; at += 13) {
      framer.push(long.slice(at, at + 13));
      while ((piece = framer.nextPiece())) pieces.push(piece);
      assert(framer.buffered < SURROUNDINGS, `${framer.buffered} bytes are held`);
    }
    assertStrictEquals(piece, null);
    assertEquals(concat(pieces), expected);
    assertEquals([framer.frames, framer.buffered], [1, 0]);
  }
});

test("every framing skips the rest of a frame that is left half-way, byte by byte", () => {
  for (const { codec, payload } of ROWS) {
    const long = codec.encode(payload(xs(40)));
    for (let left = 20; left < long.length; left += 9) {
      const framer = new Framer({ terminator: codec });
      framer.push(long.slice(0, left));
      assert(framer.nextPiece()!.length > 0);
      for (const byte of long.slice(left)) {
        assertStrictEquals(framer.next(), undefined);
        framer.push(Uint8Array.of(byte));
      }
      framer.push(codec.encode(payload(bytes("next"))));
      assertEquals(framer.next(), payload(bytes("next")));
    }
  }
});

test("every framing gives views of the chunk that a frame lies in", () => {
  for (const { codec, payload } of ROWS) {
    const chunk = codec.encode(payload(bytes("payload")));
    const framer = new Framer({ terminator: codec });
    framer.push(chunk);
    assertStrictEquals(framer.next()?.buffer, chunk.buffer);
  }
});

test("every framing encodes bytes and text alike, into plain bytes of their own, and refuses what is neither", () => {
  for (const { codec, payload } of ROWS) {
    const given = Buffer.from(payload(bytes("größe")));
    const text = new TextDecoder().decode(given);
    const encoded = codec.encode(given);
    const copy = encoded.slice();
    given.fill(0);
    assertEquals(encoded, copy);
    assertEquals(codec.encode(text), encoded);
    for (const [wrong, name] of [[5, "number"], [null, "null"], [[1], "Array"]] as const) {
      assertThrows(() => codec.encode(wrong as unknown as string), TypeError, `not ${name}`);
    }
  }
});
