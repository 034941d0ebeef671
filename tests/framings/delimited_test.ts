import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  delimited,
  FrameInjectionError,
  Framer,
  FrameTooLongError,
  IncompleteFrameError,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { framerOf, frames, pieceOf } from "../support/framers.ts";

/** A delimiter, an input, and what it is cut into. */
const CUT: [delimiter: string, input: string, frames: string[]][] = [
  ["\r\n", "one\r\ntwo\r\nthr", ["one", "two"]],
  ["\r\n", "\r\n\r\n", ["", ""]],
  ["\r\n", "a\r\r\nb\nc\r\n", ["a\r", "b\nc"]],
  [";", "one;;two;", ["one", "", "two"]],
  ["aab", "aaab", ["a"]],
  ["abab", "abaababxabab", ["aba", "x"]],
  ["aa", "aaaxaa", ["", "ax"]],
  ["é", "caféë", ["caf"]],
  ["<end>", "<e<end<end><<end>", ["<e<end", "<"]],
];

test("delimited() cuts before the delimiter, or behind it with keep", () => {
  for (const [delimiter, input, expected] of CUT) {
    assertEquals(frames(framerOf({ terminator: delimited(delimiter) }, input)), expected);
    const kept = framerOf({ terminator: delimited(bytes(delimiter), { keep: true }) }, input);
    assertEquals(frames(kept), expected.map((frame) => frame + delimiter));
  }
});

test("delimited() gives the same frames when the bytes arrive one by one", () => {
  for (const [delimiter, input, expected] of CUT) {
    for (const keep of [false, true]) {
      const framer = framerOf({ terminator: delimited(delimiter, { keep }) });
      const found = [...bytes(input)].flatMap((byte) => {
        framer.push(Uint8Array.of(byte));
        return frames(framer);
      });
      assertEquals(found, keep ? expected.map((frame) => frame + delimiter) : expected);
    }
  }
});

test("delimited() takes bytes that are no text, and keeps them when the caller changes its own", () => {
  const delimiter = Uint8Array.of(0xff, 0);
  const terminator = delimited(delimiter);
  delimiter.fill(1);
  const framer = new Framer({ terminator });
  framer.push(Uint8Array.of(1, 0xff, 0, 0xff, 0xff, 0));
  assertEquals([...framer], [Uint8Array.of(1), Uint8Array.of(0xff)]);
});

test("delimited() cuts as the delimiter itself does, of which one may take over from the other", () => {
  const framer = framerOf({ terminator: "\n" }, "one\ntw");
  assertStrictEquals(text(framer.next()), "one");
  assertStrictEquals(framer.next(), undefined);
  framer.terminator = delimited("\n", { keep: true });
  framer.push(bytes("o\n"));
  assertStrictEquals(text(framer.next()), "two\n");
});

test("delimited() does not count the delimiter towards maxFrameLength, also where it is kept", () => {
  for (const keep of [false, true]) {
    const terminator = delimited("\r\n", { keep });
    const framer = framerOf({ terminator, maxFrameLength: 3 }, "one\r\nfour\r\n\r\n");
    assertStrictEquals(framer.next()!.length, keep ? 5 : 3);
    const error = assertThrows(() => framer.next(), FrameTooLongError, "maxFrameLength of 3");
    assertStrictEquals(error.seen, 4);
    assertStrictEquals(framer.next()!.length, keep ? 2 : 0);
  }
});

test("delimited() carries on at the next frame when one in many chunks is too long", () => {
  const terminator = delimited("<end>", { keep: true });
  const framer = framerOf({ terminator, maxFrameLength: 4 }, "12345");
  assertThrows(() => framer.next(), FrameTooLongError, "at least 5 bytes");
  for (let chunk = 0; chunk < 1_000; chunk++) {
    framer.push(bytes("more<en"));
    assertStrictEquals(framer.next(), undefined);
    assert(framer.buffered <= 4, `${framer.buffered} bytes are held`);
  }
  framer.push(bytes("d>next<end>"));
  assertStrictEquals(text(framer.next()), "next<end>");
});

test("delimited() throws, yields or drops an incomplete frame, with what there is of the delimiter", () => {
  const terminator = delimited("\r\n");
  const framer = framerOf({ terminator }, "one\r\ntwo\r");
  framer.end();
  assertStrictEquals(text(framer.next()), "one");
  const error = assertThrows(() => framer.next(), IncompleteFrameError, '"\\r\\n"');
  assertStrictEquals(text(error.bytes), "two\r");
  assertStrictEquals(framer.next(), undefined);

  for (const [incomplete, last] of [["yield", ["two\r"]], ["drop", []]] as const) {
    const framer = framerOf({ terminator, incomplete }, "one\r\ntwo\r");
    framer.end();
    assertEquals(frames(framer), ["one", ...last]);
  }
});

test("delimited() hands a frame out as it arrives, but not what may be its delimiter", () => {
  const framer = framerOf({ terminator: delimited("<end>") }, "ab<e");
  assertStrictEquals(pieceOf(framer), "ab");
  assertStrictEquals(pieceOf(framer), undefined);
  framer.push(bytes("x<"));
  let pieces = "";
  for (let piece = pieceOf(framer); piece; piece = pieceOf(framer)) pieces += piece;
  assertStrictEquals(pieces, "<ex");
  framer.push(bytes("end>next<end>"));
  assertStrictEquals(pieceOf(framer), null);
  assertStrictEquals(text(framer.next()), "next");
});

test("delimited() hands out a kept delimiter with the last piece", () => {
  const framer = framerOf({ terminator: delimited("\r\n", { keep: true }) }, "ab\r");
  assertStrictEquals(pieceOf(framer), "ab");
  framer.push(bytes("\n\r\n"));
  let pieces = "";
  for (let piece = pieceOf(framer); piece; piece = pieceOf(framer)) pieces += piece;
  assertStrictEquals(pieces, "\r\n");
  assertStrictEquals(text(framer.next()), "\r\n");
});

test("delimited() passes over the rest of a frame that is left half-way", () => {
  for (const keep of [false, true]) {
    const framer = framerOf({ terminator: delimited("\r\n", { keep }) }, "ab");
    assertStrictEquals(pieceOf(framer), "ab");
    framer.push(bytes("cd\r"));
    assertStrictEquals(framer.next(), undefined);
    framer.push(bytes("\nnext\r\n"));
    assertStrictEquals(text(framer.next()), keep ? "next\r\n" : "next");
  }
});

const letters = (minLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom("a", "b"), minLength, maxLength: 6 });

test("delimited().encode() adds the delimiter, or refuses a payload with which it is read otherwise", () => {
  fc.assert(
    fc.property(
      letters(1).filter((all) => all.length < 5),
      fc.array(letters(0)),
      (end, payloads) => {
        const codec = delimited(end);
        const isFrame = (payload: string): boolean =>
          (payload + end).indexOf(end) === payload.length;
        for (const wrong of payloads.filter((payload) => !isFrame(payload))) {
          assertThrows(() => codec.encode(wrong), FrameInjectionError, "forms a delimiter");
        }
        const accepted = payloads.filter(isFrame);
        const encoded = accepted.map((payload) => text(codec.encode(payload)));
        assertEquals(encoded, accepted.map((payload) => payload + end));
        assertEquals(frames(framerOf({ terminator: codec }, ...encoded)), accepted);
      },
    ),
    { numRuns: 200 },
  );
});

test("delimited().encode() is undone by decoding, for any bytes", () => {
  const codec = delimited(Uint8Array.of(0, 1));
  const payload = fc.uint8Array({ min: 1, max: 255, maxLength: 50 });
  fc.assert(
    fc.property(fc.array(payload), (payloads) => {
      const framer = new Framer({ terminator: codec });
      for (const payload of payloads) framer.push(codec.encode(payload));
      assertEquals([...framer], payloads);
    }),
    { numRuns: 200 },
  );
});

test("delimited({ keep }).encode() leaves a frame as it is, or refuses what is not just one", () => {
  fc.assert(
    fc.property(letters(1), letters(0), (end, payload) => {
      const codec = delimited(end, { keep: true });
      const at = payload.indexOf(end);
      if (at >= 0 && at + end.length === payload.length) {
        assertStrictEquals(text(codec.encode(payload)), payload);
        assertEquals(frames(framerOf({ terminator: codec }, payload, payload)), [payload, payload]);
      } else {
        const part = at < 0 ? "must end with its delimiter" : `delimiter at byte ${at}`;
        assertThrows(() => codec.encode(payload), FrameInjectionError, part);
      }
    }),
    { numRuns: 200 },
  );
});

/** A delimiter, a payload, and where it is that this would be cut. */
const REFUSED: [delimiter: string, payload: string, at: number][] = [
  ["\r\n", "one\r\ntwo", 3],
  ["\r\n", "\r\n", 0],
  ["aa", "a", 0],
  ["aa", "xa", 1],
  ["aba", "ab", 0],
  ["abab", "xab", 1],
];

test("delimited().encode() says where a payload would be cut", () => {
  for (const [delimiter, payload, at] of REFUSED) {
    const codec = delimited(delimiter);
    const error = assertThrows(() => codec.encode(payload), FrameInjectionError, `byte ${at}`);
    assertStrictEquals(error.code, "frame-injection");
  }
});

test("delimited().encode() takes a payload that only nearly forms a delimiter", () => {
  for (
    const [delimiter, payload] of [["\r\n", "a\rb\n"], ["aab", "a"], ["aba", "b"], ["ab", "ba"]]
  ) {
    assertStrictEquals(text(delimited(delimiter!).encode(payload!)), payload! + delimiter);
  }
});

test("delimited().encode() gives plain bytes of their own, also for a Buffer", () => {
  for (const keep of [false, true]) {
    for (const payload of [bytes("one\n"), Buffer.from("one\n")]) {
      const encoded = delimited(keep ? "\n" : ";", { keep }).encode(payload);
      payload.fill(0);
      assertStrictEquals(text(encoded), keep ? "one\n" : "one\n;");
      assertStrictEquals(encoded.constructor, Uint8Array);
    }
  }
});

test("delimited() refuses an empty delimiter, and what is none", () => {
  for (const empty of ["", new Uint8Array(0)]) {
    assertThrows(() => delimited(empty), TypeError, "empty");
  }
  for (const [wrong, name] of [[undefined, "undefined"], [5, "number"], [["\n"], "Array"]]) {
    assertThrows(() => delimited(wrong as string), TypeError, `not ${name}`);
  }
  assertThrows(() => delimited("\n", { keep: "no" as unknown as true }), TypeError, '"no"');
});
