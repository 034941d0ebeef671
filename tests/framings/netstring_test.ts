import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  ChatError,
  Framer,
  type FramerOptions,
  FrameTooLongError,
  FramingError,
  IncompleteFrameError,
  MalformedFrameError,
  netstring,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { framerOf as framerOver, frames, pieceOf } from "../support/framers.ts";

type Options = Omit<FramerOptions, "terminator" | "encoding">;

const framerOf = (options: Options, ...chunks: string[]): Framer =>
  framerOver({ ...options, terminator: netstring() }, ...chunks);

const CUT: Record<string, string[]> = {
  "12:hello world!,": ["hello world!"],
  "0:,": [""],
  "5:hello,0:,0:,6:world!,": ["hello", "", "", "world!"],
  "3:1:,,10:0123456789,": ["1:,", "0123456789"],
  "4:né!,1:\n,": ["né!", "\n"],
};

test("netstring() reads the payload between the length and the comma", () => {
  for (const [input, expected] of Object.entries(CUT)) {
    assertEquals(frames(framerOf({}, input)), expected);
  }
});

test("netstring() gives the same frames when the bytes arrive one by one", () => {
  for (const [input, expected] of Object.entries(CUT)) {
    const framer = framerOf({});
    const found = [...bytes(input)].flatMap((byte) => {
      framer.push(Uint8Array.of(byte));
      return frames(framer);
    });
    assertEquals(found, expected);
  }
});

test("netstring() gives a frame with its comma, and not before", () => {
  const framer = framerOf({}, "2:ab");
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(framer.ready, false);
  framer.push(bytes(","));
  assertStrictEquals(framer.ready, true);
  assertStrictEquals(text(framer.next()), "ab");
});

/** What can be no length, as far as it is read, and what is said of it. */
const MALFORMED: [wrong: string, part: string][] = [
  [":", 'must be digits and a colon: ":"'],
  [",", 'must be digits and a colon: ","'],
  ["-", 'must be digits and a colon: "-"'],
  ["+", 'must be digits and a colon: "+"'],
  [" ", 'must be digits and a colon: " "'],
  ["x", 'must be digits and a colon: "x"'],
  ["/", 'must be digits and a colon: "/"'],
  ["5,", 'must be digits and a colon: "5,"'],
  ["1 ", 'must be digits and a colon: "1 "'],
  ["12.", 'must be digits and a colon: "12."'],
  ["1e", 'must be digits and a colon: "1e"'],
  ["00", 'must not begin with 0: "00"'],
  ["05", 'must not begin with 0: "05"'],
  ["12345678901234567", 'at most 16 digits: "12345678901234567"'],
];

test("netstring() refuses what can be no length, and the next frame begins behind it", () => {
  for (const [wrong, part] of MALFORMED) {
    const framer = framerOf({}, `${wrong}2:ok,${wrong}`);
    const error = assertThrows(() => framer.next(), MalformedFrameError, part);
    assertStrictEquals(text(error.bytes), wrong);
    assertStrictEquals(text(framer.next()), "ok");
    assertThrows(() => framer.next(), MalformedFrameError, part);
    assertStrictEquals(framer.next(), undefined);
    assertStrictEquals(framer.buffered, 0);
  }
});

test("netstring() refuses a length with the byte that makes it wrong, and not before", () => {
  for (const [wrong, part] of MALFORMED) {
    for (const way of ["next", "nextPiece"] as const) {
      const framer = framerOf({});
      for (const byte of bytes(wrong).subarray(0, -1)) {
        framer.push(Uint8Array.of(byte));
        assertStrictEquals(framer[way](), undefined);
      }
      framer.push(bytes(wrong).subarray(-1));
      assertThrows(() => framer[way](), MalformedFrameError, part);
      framer.push(bytes("2:ok,"));
      assertEquals(framer[way](), bytes("ok"));
    }
  }
});

test("netstring() refuses a length that is no safe integer, with its colon", () => {
  for (const digits of ["9007199254740991", "9007199254740992", "9999999999999999"]) {
    const framer = framerOf({}, digits);
    assertStrictEquals(framer.next(), undefined);
    framer.push(bytes(":2:ok,"));
    assertThrows(() => framer.next(), MalformedFrameError, "less than 9007199254740991");
    assertStrictEquals(text(framer.next()), "ok");
  }
});

test("netstring() never takes the peer's length for a fault of its own", () => {
  // With the length before it and the comma behind it, the frame would end where no number is exact.
  for (const digits of ["9007199254740990", "9007199254740974", "9007199254740973"]) {
    const framer = framerOf({}, `${digits}:`);
    const error = assertThrows(() => framer.next(), ChatError);
    assert(!(error instanceof FramingError), error.message);
  }
});

test("netstring() refuses bytes of more than ASCII in a length", () => {
  for (const byte of [0x00, 0x80, 0xb5, 0xff]) {
    const framer = new Framer({ terminator: netstring() });
    framer.push(Uint8Array.of(0x31, byte));
    const error = assertThrows(() => framer.next(), MalformedFrameError, "digits and a colon");
    assertEquals(error.bytes, Uint8Array.of(0x31, byte));
  }
});

test("netstring() refuses a frame without its comma, and the next one begins behind that place", () => {
  for (const [wrong, found] of [["3:abc;", ";"], ["3:abcd", "d"], ["0:0", "0"], ["2:é\n", "\\n"]]) {
    const framer = framerOf({}, `${wrong}2:ok,`);
    assertThrows(() => framer.next(), MalformedFrameError, `followed by ",", not "${found}"`);
    assertStrictEquals(text(framer.next()), "ok");
    assertStrictEquals(framer.buffered, 0);
  }
});

test("netstring() takes a length for too long at its colon", () => {
  const framer = framerOf({ maxFrameLength: 99 }, "100");
  assertStrictEquals(framer.next(), undefined);
  framer.push(bytes(":"));
  const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 99");
  assertStrictEquals(error.seen, 100);
  assertStrictEquals(framer.next(), undefined);
  assertStrictEquals(framer.buffered, 0);
  assertStrictEquals(framerOf({ maxFrameLength: 2 }, "2:ab,").next()?.length, 2);
});

test("netstring() carries on at the next frame when one in many chunks is too long", () => {
  // Where the comma is not what follows, it is too late to say so.
  for (const comma of [",", ";"]) {
    const framer = framerOf({ maxFrameLength: 10 }, "70000:,");
    assertThrows(() => framer.next(), FrameTooLongError, "70000");
    for (let left = 70_000 - 1; left > 0; left -= 13) {
      framer.push(bytes(",".repeat(Math.min(13, left))));
      assertStrictEquals(framer.next(), undefined);
      assertStrictEquals(framer.buffered, 0);
    }
    framer.push(bytes(`${comma}2:ok,11:`));
    assertStrictEquals(text(framer.next()), "ok");
    assertThrows(() => framer.next(), FrameTooLongError, "11");
  }
});

test("netstring() throws what there is of a last frame, the length included", () => {
  for (const rest of ["5", "5:", "5:hell", "5:hello"]) {
    const framer = framerOf({}, `2:ok,${rest}`);
    framer.end();
    assertStrictEquals(text(framer.next()), "ok");
    const error = assertThrows(() => framer.next(), IncompleteFrameError);
    assertStrictEquals(text(error.bytes), rest);
    assertStrictEquals(framer.next(), undefined);
  }
});

test("netstring() yields or drops what there is of a last frame when told so", () => {
  for (const [incomplete, last] of [["yield", ["5:hell"]], ["drop", []]] as const) {
    const framer = framerOf({ incomplete }, "2:ok,5:hell");
    framer.end();
    assertEquals(frames(framer), ["ok", ...last]);
  }
});

test("netstring() hands a payload out as it arrives, however long it is", () => {
  const framer = framerOf({ maxFrameLength: 1 }, "6");
  assertStrictEquals(pieceOf(framer), undefined);
  for (const [chunk, piece] of [[":ab", "ab"], ["cd", "cd"], ["ef", "ef"]] as const) {
    framer.push(bytes(chunk));
    assertStrictEquals(pieceOf(framer), piece);
    assertStrictEquals(pieceOf(framer), undefined);
  }
  framer.push(bytes(",1:x,"));
  assertStrictEquals(pieceOf(framer), null);
  assertStrictEquals(text(framer.next()), "x");
});

test("netstring() refuses a frame without its comma after the last piece", () => {
  const framer = framerOf({}, "2:ab", ";2:ok,");
  assertStrictEquals(pieceOf(framer), "ab");
  assertThrows(() => framer.nextPiece(), MalformedFrameError, 'not ";"');
  assertStrictEquals(pieceOf(framer), "ok");
});

test("netstring() passes over the rest of a frame that is left half-way, whatever follows it", () => {
  for (const comma of [",", ";"]) {
    const framer = framerOf({}, "4:a");
    assertStrictEquals(pieceOf(framer), "a");
    framer.push(bytes("bcd"));
    assertStrictEquals(framer.next(), undefined);
    framer.push(bytes(`${comma}2:ok,`));
    assertStrictEquals(text(framer.next()), "ok");
  }
});

test("netstring().encode() is undone by decoding", () => {
  const payload = fc.uint8Array({ maxLength: 2_000, size: "max" });
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 5 }), (payloads) => {
      const framer = framerOf({});
      for (const payload of payloads) framer.push(netstring().encode(payload));
      assertEquals([...framer], payloads);
    }),
    { numRuns: 200 },
  );
});

test("netstring().encode() adds length, colon and comma", () => {
  for (const [payload, encoded] of [["", "0:,"], ["né!", "4:né!,"], ["a,b:c", "5:a,b:c,"]]) {
    assertStrictEquals(text(netstring().encode(payload!)), encoded);
    assertStrictEquals(text(netstring().encode(bytes(payload!))), encoded);
  }
  assertThrows(() => netstring().encode(5 as unknown as string), TypeError, "not number");
});
