/**
 * Each kind of terminator, three times over: the terminator itself, a way to make frames of it, and a model that finds a
 * frame in bytes that are all here, by the simplest means there are. Nothing of the library is used for the models.
 */
import fc from "fast-check";
import {
  anyOf,
  delimited,
  type Framing,
  headed,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  type Terminator,
  varintPrefixed,
} from "../../mod.ts";
import { concat } from "./bytes.ts";

/** What a model says of the bytes that begin with a frame. */
export type Verdict =
  /** A frame, of which `counted` bytes count towards the limit; the next one begins at `next`. */
  | {
    readonly frame: Uint8Array;
    readonly counted: number;
    readonly next: number;
    /** How many bytes before it are no part of it. */
    readonly skip: number;
    /** Whether it must be here as a whole before any of it is handed out. */
    readonly whole?: boolean;
    /** How many bytes were read to make it, where it was made. */
    readonly raw?: number;
    /** Whether it is a frame by its place, but wrong. */
    readonly wrong?: boolean;
  }
  /** What can be no frame. */
  | { readonly malformed: true; readonly next: number }
  /** A frame that more bytes are needed for, of which at least so many are known to belong to it. */
  | {
    readonly needed: number;
    readonly next: number;
    readonly skip: number;
    readonly whole?: boolean;
    readonly raw?: number;
  };

export interface Kind {
  readonly name: string;
  readonly terminator: Terminator;
  /** Bytes that are a frame, or nearly. */
  readonly encode: (payload: Uint8Array) => Uint8Array;
  readonly model: (bytes: Uint8Array) => Verdict;
}

// Three letters: delimiters match, nearly match, and overlap all the time.
const letter = fc.integer({ min: 97, max: 99 });
const letters = fc.array(letter, { minLength: 1, maxLength: 6 }).map((all) => Uint8Array.from(all));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const utf8 = (chars: string): Uint8Array => new TextEncoder().encode(chars);

function frameAt(bytes: Uint8Array, skip: number, length: number, after = 0): Verdict {
  const next = skip + length + after;
  if (next > bytes.length) return { needed: length, skip, next };
  return { frame: bytes.slice(skip, skip + length), counted: length, next, skip };
}

function delimitedModel(patterns: readonly Uint8Array[], keep: boolean) {
  const matchesAt = (bytes: Uint8Array, pattern: Uint8Array, at: number): boolean =>
    pattern.every((byte, i) => byte === bytes[at + i]);
  return (bytes: Uint8Array): Verdict => {
    for (let at = 0; at < bytes.length; at++) {
      const longest = patterns.filter((pattern) => matchesAt(bytes, pattern, at))
        .reduce((most, { length }) => Math.max(most, length), 0);
      if (longest === 0) continue;
      const frame = bytes.slice(0, keep ? at + longest : at);
      return { frame, counted: at, next: at + longest, skip: 0 };
    }
    const isBeginning = (at: number): boolean =>
      patterns.some((pattern) =>
        bytes.length - at < pattern.length &&
        bytes.subarray(at).every((byte, i) => byte === pattern[i])
      );
    let needed = 0;
    while (needed < bytes.length && !isBeginning(needed)) needed++;
    return { needed, skip: 0, next: Infinity };
  };
}

const delimiterKind = fc.record({ bytes: letters, form: fc.nat({ max: 2 }) })
  .map(({ bytes, form }): Kind => ({
    name: `delimiter ${text(bytes)}`,
    terminator: [bytes, text(bytes), delimited(bytes, { keep: true })][form]!,
    encode: (payload) => concat([payload, bytes]),
    model: delimitedModel([bytes], form === 2),
  }));

const anyOfKind = fc.record({
  all: fc.array(letters, { minLength: 1, maxLength: 4 }),
  keep: fc.boolean(),
})
  .map(({ all, keep }): Kind => ({
    name: `any of ${all.map(text)}, keep ${keep}`,
    terminator: anyOf(...all, { keep }),
    encode: (payload) => concat([payload, all.at(-1)!]),
    model: delimitedModel(all, keep),
  }));

const linesKind = fc.record({ keep: fc.boolean(), end: fc.constantFrom("\n", "\r\n", "\r\r\n") })
  .map(({ keep, end }): Kind => ({
    name: `lines, keep ${keep}`,
    terminator: lines({ keep }),
    encode: (payload) => concat([payload, utf8(end)]),
    model: delimitedModel([utf8("\n"), utf8("\r\n")], keep),
  }));

const countKind = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 12 }) }, {
  weight: 1,
  arbitrary: fc.nat({ max: 3_000 }),
}).map((count): Kind => ({
  name: `count ${count}`,
  terminator: count,
  encode: (payload) => concat([payload, new Uint8Array(count)]).slice(0, count),
  model: (bytes) => frameAt(bytes, 0, count),
}));

const lengthPrefixedKind = fc.record({
  bytes: fc.constantFrom(1, 2, 3, 4, 8),
  littleEndian: fc.boolean(),
  signed: fc.boolean(),
  offset: fc.nat({ max: 3 }),
  adjust: fc.integer({ min: -6, max: 3 }),
  strip: fc.option(fc.nat({ max: 14 }), { nil: undefined }),
}).map((options): Kind => {
  const { bytes: width, littleEndian, signed, offset, adjust, strip } = options;
  const header = offset + width;
  const skip = strip ?? header;
  return {
    name: `length-prefixed ${JSON.stringify(options)}`,
    terminator: lengthPrefixed({ ...options, bytes: width as 1 }),
    encode(payload) {
      const digits = BigInt.asUintN(8 * width, BigInt(payload.length - adjust))
        .toString(16).padStart(2 * width, "0");
      const field = Uint8Array.from(digits.match(/../g)!, (hex) => parseInt(hex, 16));
      return concat([new Uint8Array(offset), littleEndian ? field.reverse() : field, payload]);
    },
    model(bytes) {
      if (bytes.length < header) return { needed: 0, skip, next: Infinity };
      const field = bytes.slice(offset, header);
      if (littleEndian) field.reverse();
      const hex = [...field].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const unsigned = BigInt(`0x${hex}`);
      const length = signed ? BigInt.asIntN(8 * width, unsigned) : unsigned;
      const end = BigInt(header) + length + BigInt(adjust);
      const isPossible = length >= 0n && end >= BigInt(Math.max(header, skip)) &&
        end <= BigInt(Number.MAX_SAFE_INTEGER);
      if (!isPossible) return { malformed: true, next: header };
      return frameAt(bytes, skip, Number(end) - skip);
    },
  };
});

const varintKind = fc.constant<Kind>({
  name: "varint-prefixed",
  terminator: varintPrefixed(),
  encode: (payload) =>
    concat([
      payload.length < 128
        ? Uint8Array.of(payload.length)
        : Uint8Array.of(128 + payload.length % 128, payload.length >> 7),
      payload,
    ]),
  model(bytes) {
    const last = bytes.slice(0, 10).findIndex((byte) => byte < 128);
    if (last < 0) {
      if (bytes.length < 10) return { needed: 0, skip: bytes.length, next: Infinity };
      return { malformed: true, next: 10 };
    }
    const length = bytes.slice(0, last + 1)
      .reduceRight((sum, byte) => sum * 128n + BigInt(byte % 128), 0n);
    if ((last > 0 && bytes[last] === 0) || length > BigInt(Number.MAX_SAFE_INTEGER)) {
      return { malformed: true, next: last + 1 };
    }
    return frameAt(bytes, last + 1, Number(length));
  },
});

const netstringKind = fc.constant<Kind>({
  name: "netstring",
  terminator: netstring(),
  encode: (payload) => concat([utf8(`${payload.length}:`), payload, utf8(",")]),
  model(bytes) {
    const header = String.fromCharCode(...bytes.subarray(0, 18));
    const length = /^(0|[1-9][0-9]{0,15}):/.exec(header)?.[1];
    if (length === undefined) {
      for (let count = 1; count <= header.length; count++) {
        if (!/^(0|[1-9][0-9]{0,15})$/.test(header.slice(0, count))) {
          return { malformed: true, next: count };
        }
      }
      return { needed: 0, skip: 0, next: Infinity };
    }
    if (Number(length) >= Number.MAX_SAFE_INTEGER) {
      return { malformed: true, next: length.length + 1 };
    }
    const verdict = frameAt(bytes, length.length + 1, Number(length), 1);
    return "frame" in verdict ? { ...verdict, wrong: bytes[verdict.next - 1] !== 0x2c } : verdict;
  },
});

/** A first byte says how many bytes the header has (0 is wrong), and its last byte how many follow it. */
const headedKind = fc.boolean().map((strip): Kind => ({
  name: `headed, strip ${strip}`,
  terminator: headed(
    (header) => header.length === 0 ? 1 : Math.max(1, header[0]! % 4),
    (header) => header[0]! % 4 === 0 ? NaN : header.at(-1)! % 16,
    { strip },
  ),
  encode: (payload) => {
    const length = payload.length % 16;
    return concat([Uint8Array.of(2, length), payload.slice(0, length)]);
  },
  model(bytes) {
    if (bytes.length === 0) return { needed: 0, skip: 0, next: Infinity };
    const header = bytes[0]! % 4;
    if (header === 0) return { malformed: true, next: 1 };
    if (bytes.length < header) return { needed: 0, skip: strip ? header : 0, next: Infinity };
    const length = bytes[header - 1]! % 16;
    return strip ? frameAt(bytes, header, length) : frameAt(bytes, 0, header + length);
  },
}));

const checkedFraming: Framing = {
  *decode() {
    const header = yield 1;
    return {
      length: header[0]! % 16,
      trailer: 1,
      check(frame, trailer) {
        if (frame.reduce((total, byte) => total + byte, 0) % 256 === trailer[0]) return;
        throw new MalformedFrameError("wrong sum");
      },
    };
  },
};

const checkedKind = fc.constant<Kind>({
  name: "checked",
  terminator: checkedFraming,
  encode: (payload) => {
    const frame = payload.slice(0, payload.length % 16);
    return concat([
      Uint8Array.of(frame.length),
      frame,
      Uint8Array.of(frame.reduce((a, b) => a + b, 0)),
    ]);
  },
  model(bytes) {
    if (bytes.length === 0) return { needed: 0, skip: 1, next: Infinity };
    const verdict = { ...frameAt(bytes, 1, bytes[0]! % 16, 1), whole: true };
    if (!("frame" in verdict)) return verdict;
    const sum = verdict.frame.reduce((total, byte) => total + byte, 0) % 256;
    return { ...verdict, wrong: sum !== bytes[verdict.next - 1] };
  },
});

/** Ends with "b"; each "a" in it is dropped: the frame is not what lies in the stream. */
const madeKind = fc.constant<Kind>({
  name: "made",
  terminator: {
    *decode() {
      return (yield "b").filter((byte) => byte !== 97);
    },
  } satisfies Framing,
  encode: (payload) => concat([payload, utf8("b")]),
  model(bytes) {
    const end = bytes.indexOf(98);
    if (end < 0) {
      return { needed: 0, skip: 0, next: Infinity, whole: true, raw: bytes.length };
    }
    const frame = bytes.slice(0, end).filter((byte) => byte !== 97);
    return { frame, counted: frame.length, next: end + 1, skip: end + 1, whole: true, raw: end };
  },
});

/** Any kind of terminator but `null`. */
export const kind: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 5, arbitrary: delimiterKind },
  { weight: 3, arbitrary: countKind },
  { weight: 3, arbitrary: anyOfKind },
  { weight: 3, arbitrary: lengthPrefixedKind },
  linesKind,
  varintKind,
  netstringKind,
  headedKind,
  checkedKind,
  madeKind,
).map((each) => ({ ...each, [fc.toStringMethod]: () => each.name }));
