/**
 * What no input may do to a framer, whatever it is: hang it, make it throw anything but a `ChatError`, or make it hold
 * more than its limit. The input is random, or frames with a few bytes changed; it comes in any chunks.
 */
import fc from "fast-check";
import { assert, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  anyOf,
  ChatError,
  type Codec,
  delimited,
  Framer,
  headed,
  lengthPrefixed,
  lines,
  netstring,
  varintPrefixed,
} from "../../mod.ts";
import { concat } from "./bytes.ts";

const CODECS: readonly (readonly [string, Codec])[] = [
  ["lines", lines()],
  ["delimited", delimited("\r\n", { keep: true })],
  ["any of", anyOf("\r\n", "\n", "\r", ";;", ";", "end")],
  ["1 byte", lengthPrefixed({ bytes: 1 })],
  ["2 bytes", lengthPrefixed({ bytes: 2, littleEndian: true })],
  ["3 bytes, header kept", lengthPrefixed({ bytes: 3, offset: 1, adjust: -4, strip: 0 })],
  ["4 bytes, signed", lengthPrefixed({ signed: true })],
  ["8 bytes", lengthPrefixed({ bytes: 8, adjust: 2, strip: 9 })],
  ["varint", varintPrefixed()],
  ["netstring", netstring()],
  ["headed", headed(2, ([high, low]) => 256 * high! + low!, { strip: true, header: uint16 })],
];

const LIMIT = 64;
/** What a framing may hold beyond its limit: the header, and the other half of what it unescapes. */
const HELD = 2 * LIMIT + 1024;

interface Attack {
  readonly codec: readonly [string, Codec];
  readonly input: Uint8Array;
  readonly chunk: number;
  readonly way: "frames" | "text" | "pieces";
  readonly incomplete: "throw" | "yield" | "drop";
}

/** Checks random attacks, of inputs up to `longest` bytes. `seed` repeats a failure that was reported. */
export function checkHostileInput(numRuns: number, longest: number, seed?: number): void {
  fc.assert(fc.property(attack(longest), checkAttack), {
    numRuns,
    ...seed === undefined ? {} : { seed },
  });
}

function attack(longest: number): fc.Arbitrary<Attack> {
  const random = fc.uint8Array({ maxLength: longest, size: "max" });
  const codec = fc.constantFrom(...CODECS);
  const mutated = codec.chain((codec) =>
    fc.record({
      codec: fc.constant(codec),
      payloads: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }),
      flips: fc.array(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { maxLength: 3 }),
    })
  ).map(({ codec, payloads, flips }) => {
    const input = concat(payloads.map((payload) => tryEncode(codec[1], payload)));
    for (const { at, byte } of flips) if (input.length > 0) input[at % input.length] = byte;
    return { codec, input };
  });
  return fc.record({
    attacked: fc.oneof(fc.record({ codec, input: random }), mutated),
    chunk: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 512 })),
    way: fc.constantFrom("frames", "text", "pieces"),
    incomplete: fc.constantFrom("throw", "yield", "drop"),
  }).map(({ attacked, ...rest }): Attack => ({ ...attacked, ...rest } as Attack));
}

function checkAttack({ codec: [, terminator], input, chunk, way, incomplete }: Attack): void {
  const framer = new Framer({ terminator, maxFrameLength: LIMIT, incomplete, fatal: true });
  let asked = 0;
  const drain = (): void => {
    for (;;) {
      // Each frame and each error takes a byte at least.
      assert(asked++ <= 3 * input.length + 3, "it goes on and on");
      try {
        const frame = way === "pieces"
          ? framer.nextPiece()
          : way === "text"
          ? framer.nextText()
          : framer.nextBytes();
        if (frame === undefined) return;
        if (frame !== null && way !== "pieces") assert(frame.length <= LIMIT + 2);
        if (frame === null && framer.buffered === 0) return;
      } catch (error) {
        assertInstanceOf(error, ChatError);
        if (framer.buffered === 0) return;
      }
    }
  };
  for (let at = 0; at < input.length; at += chunk) {
    framer.push(input.slice(at, at + chunk));
    drain();
    assert(framer.buffered <= HELD, `${framer.buffered} bytes are held`);
    asked = 0;
  }
  framer.end();
  drain();
  assertStrictEquals(framer.buffered, 0);
}

function tryEncode(codec: Codec, payload: Uint8Array): Uint8Array {
  try {
    return codec.encode(payload);
  } catch (error) {
    assertInstanceOf(error, ChatError);
    return payload;
  }
}

function uint16(length: number): Uint8Array {
  return Uint8Array.of(length >> 8, length % 256);
}
