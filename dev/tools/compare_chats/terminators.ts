// Terminators of all kinds, and bytes that suit them.

import { Buffer } from "node:buffer";
import type { Framing, Terminator } from "../../../mod.ts";
import type { Library } from "./library.ts";
import type { Random } from "./random.ts";
import { toBytes } from "./script.ts";

interface Kind {
  /** How often it is chosen. */
  readonly weight: number;
  readonly make: (library: Library) => Terminator;
  /** A frame, as it comes over the wire. */
  readonly frame: (payload: string) => string;
}

const latin1 = (...codes: readonly number[]): string => String.fromCharCode(...codes);
const uint16 = (value: number): string => latin1(value >> 8, value & 0xff);
const ended = (by: string) => (payload: string): string => payload + by;
const asItIs = (payload: string): string => payload;

const TERMINATORS: Readonly<Record<string, Kind>> = {
  '"\\n"': { weight: 6, make: () => "\n", frame: ended("\n") },
  '"\\r\\n"': { weight: 2, make: () => "\r\n", frame: ended("\r\n") },
  '"abab"': { weight: 1, make: () => "abab", frame: ended("aabab") },
  "bytes 0 1": { weight: 1, make: () => Uint8Array.of(0, 1), frame: ended("\0\0\x01") },
  "0": { weight: 1, make: () => 0, frame: asItIs },
  "1": { weight: 1, make: () => 1, frame: asItIs },
  "5": { weight: 2, make: () => 5, frame: asItIs },
  "700": { weight: 1, make: () => 700, frame: (payload) => payload.padEnd(700, "7") },
  null: { weight: 2, make: () => null, frame: asItIs },
  'anyOf("a", "abab", "b\\r")': {
    weight: 1,
    make: ({ anyOf }) => anyOf("a", "abab", "b\r"),
    frame: ended("b\r"),
  },
  'anyOf("\\r", "\\r\\n", "\\n")': {
    weight: 1,
    make: ({ anyOf }) => anyOf("\r", "\r\n", "\n"),
    frame: ended("\r\n"),
  },
  "lines()": { weight: 1, make: ({ lines }) => lines(), frame: ended("\r\n") },
  "lines({ keep })": { weight: 1, make: ({ lines }) => lines({ keep: true }), frame: ended("\n") },
  "delimited({ keep })": {
    weight: 1,
    make: ({ delimited }) => delimited("\r\n", { keep: true }),
    frame: ended("\r\n"),
  },
  "lengthPrefixed(1)": {
    weight: 1,
    make: ({ lengthPrefixed }) => lengthPrefixed({ bytes: 1 }),
    frame: (payload) => latin1(payload.length % 256) + payload.slice(0, payload.length % 256),
  },
  "lengthPrefixed(2, adjust, strip)": {
    weight: 1,
    make: ({ lengthPrefixed }) => lengthPrefixed({ bytes: 2, adjust: -2, strip: 0 }),
    frame: (payload) => uint16(payload.length + 2) + payload,
  },
  "varintPrefixed()": {
    weight: 1,
    make: ({ varintPrefixed }) => varintPrefixed(),
    frame: (payload) => latin1(0x80 | (payload.length & 0x7f), payload.length >> 7) + payload,
  },
  "netstring()": {
    weight: 1,
    make: ({ netstring }) => netstring(),
    frame: (payload) => `${payload.length}:${payload},`,
  },
  "headed(2)": {
    weight: 1,
    make: ({ headed }) => headed(2, (header) => header[0]! % 16, { strip: true }),
    frame: (payload) => latin1(payload.length % 16, 0) + payload.slice(0, payload.length % 16),
  },
  "SLIP": { weight: 1, make: () => slip, frame: ended("\xdb\xdc\xc0") },
  "a checksum": { weight: 1, make: (library) => summed(library), frame: sum },
  "a framing that throws": { weight: 0.5, make: () => throwing, frame: ended("\n") },
  "a framing that is wrong": { weight: 0.5, make: () => nonsense, frame: asItIs },
};

export function makeTerminator(library: Library, name: string): Terminator {
  return TERMINATORS[name]!.make(library);
}

export function pickTerminator(random: Random, isThere: (name: string) => boolean): string {
  const names = Object.keys(TERMINATORS).filter(isThere);
  return random.pickWeighted(names.map((name) => ({ name, weight: TERMINATORS[name]!.weight })))
    .name;
}

/** Bytes that are a frame by that terminator, most of the time. */
export function makeFrame(random: Random, name: string): string {
  const length = random.pick([0, 1, 2, 5, 5, 14, 40, 40, 300, 1500]);
  const payload = random.text(length, random.pick(["abcdefgh", "ab\r\n", "0123456789:,", WILD]));
  return random.chance(0.9) ? TERMINATORS[name]!.frame(payload) : payload;
}

/** Bytes that something is made of for some framing or other, and UTF-8, whole and broken. */
const WILD = "abc\r\n\0\x01\x02\x03\x05012:,\x80\xc0\xdb\xff" + "\xc3\xa9".repeat(3);

/** A framing that makes its frames. */
const slip: Framing = {
  *decode() {
    const escaped = yield Uint8Array.of(0xc0);
    const frame: number[] = [];
    for (let at = 0; at < escaped.length; at++) {
      frame.push(escaped[at] === 0xdb ? 0xc0 : escaped[at]!);
    }
    return Uint8Array.from(frame);
  },
};

/** A framing with a trailer that is checked. */
function summed({ MalformedFrameError }: Library): Framing {
  return {
    *decode() {
      const header = yield 1;
      return {
        length: header[0]!,
        trailer: 1,
        check(payload, trailer) {
          const isRight = payload.reduce((total, byte) => (total + byte) % 256, 0) === trailer[0];
          if (!isRight) throw new MalformedFrameError("the sum is wrong");
        },
      };
    },
  };
}

function sum(payload: string): string {
  const short = payload.slice(0, 255);
  return latin1(short.length) + short + latin1(toBytes(short).reduce((a, b) => (a + b) % 256, 0));
}

const throwing: Framing = {
  *decode() {
    const line = yield "\n";
    if (line.length % 2 === 1) throw new Error("this framing does not like odd lines");
    return Uint8Array.from(Buffer.from(`${line.length}`));
  },
};

const nonsense: Framing = {
  *decode() {
    yield 1;
    return { length: -5 };
  },
};
