/**
 * Each kind of terminator, and beside it what it must do, by the simplest means there are and with all bytes at once: a model
 * that finds a frame, and one that makes one. Nothing of the library is used for the models.
 */
import fc from "fast-check";
import {
  anyOf,
  codec,
  delimited,
  type Framing,
  headed,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  type Portion,
  type Terminator,
  varintPrefixed,
} from "../../mod.ts";
import { bytes as utf8, concat } from "./bytes.ts";

/** What a model says of bytes that begin with a frame. */
export interface Verdict {
  /** The frame; nothing if it is not here as a whole, or malformed. */
  readonly frame?: Uint8Array | undefined;
  /** How many bytes count towards the limit: all that are known to belong to the frame. */
  readonly counted: number;
  /** How many bytes before the frame are no part of it. */
  readonly skip: number;
  /** Where the next frame begins, if that is known. */
  readonly next: number;
  /** Whether it can be no frame, and the next one begins behind what tells so. */
  readonly isMalformed?: boolean;
  /** Whether it is a frame by its place, but wrong. */
  readonly isWrong?: boolean | undefined;
  /** Whether it must be here as a whole before any of it is handed out. */
  readonly isWhole?: boolean;
  /** How many bytes were read to make it, where it was made. */
  readonly read?: number;
}

/** What a payload must become: its frame, `null` if it is refused; `undefined` where either is right. */
export type Encoded = Uint8Array | null | undefined;

export interface Kind {
  readonly name: string;
  readonly terminator: Terminator;
  /** Whether more bytes may tell that a frame which is here ends otherwise. */
  readonly waits?: boolean;
  /** Whether what lies after the frame is looked at before anything is said of it. */
  readonly looksAhead?: boolean;
  /** Whether a delimiter ends it, and so may the end of the stream. */
  readonly isDelimited?: boolean;
  /** What `next()` makes of a frame. */
  readonly toMessage?: (frame: Uint8Array) => Uint8Array;
  /** How many bytes at the beginning are no frame, and are dropped. */
  readonly dropped?: (bytes: Uint8Array) => number;
  /** Bytes that are a frame, or nearly. */
  readonly frame: (payload: Uint8Array) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Verdict;
  /** What the terminator makes of a payload, if it makes frames. */
  readonly encode?: (payload: Uint8Array) => Encoded;
}

type Bytes = Uint8Array;

const shown = (bytes: Bytes): string => new TextDecoder().decode(bytes);
const found = (frame: Bytes, counted: number, next: number): Verdict => ({
  frame,
  counted,
  next,
  skip: 0,
});
const unplaced = (skip = 0): Verdict => ({ counted: 0, skip, next: Infinity });
const malformed = (next: number): Verdict => ({ counted: 0, skip: 0, next, isMalformed: true });

/** A frame whose place is known. */
function frameAt(bytes: Bytes, skip: number, length: number, after = 0): Verdict {
  const next = skip + length + after;
  const frame = next > bytes.length ? undefined : bytes.slice(skip, skip + length);
  return { frame, counted: length, next, skip };
}

/** The first delimiter, and of several there the longest. */
function cutAt(all: readonly Bytes[], keep: boolean, bytes: Bytes): Verdict {
  const isAt = (delimiter: Bytes, at: number): boolean =>
    delimiter.every((byte, i) => byte === bytes[at + i]);
  for (let at = 0; at < bytes.length; at++) {
    const here = all.filter((delimiter) => isAt(delimiter, at)).map(({ length }) => length);
    const next = at + Math.max(...here);
    if (here.length > 0) return found(bytes.slice(0, keep ? next : at), at, next);
  }
  const mayBeginAt = (at: number): boolean =>
    all.some((delimiter) =>
      bytes.length - at < delimiter.length &&
      bytes.subarray(at).every((byte, i) => byte === delimiter[i])
    );
  let counted = 0;
  while (counted < bytes.length && !mayBeginAt(counted)) counted++;
  return { counted, skip: 0, next: Infinity };
}

/** Whether no delimiter can begin in the payload, nor go on from the delimiter before it, whatever follows. */
function isSafe(all: readonly Bytes[], payload: Bytes): boolean {
  const end = all[0]!;
  const stream = concat([end, payload, end]);
  const mayBeAt = (delimiter: Bytes, at: number): boolean =>
    stream.subarray(at, at + delimiter.length).every((byte, i) => byte === delimiter[i]);
  return all.every((delimiter) =>
    !payload.some((_, at) => mayBeAt(delimiter, end.length + at)) &&
    (delimiter.length <= end.length || !mayBeAt(delimiter, 0))
  );
}

function delimitedKind(
  name: string,
  terminator: Terminator,
  all: readonly Bytes[],
  keep: boolean,
  end: Bytes = all[0]!,
): Kind {
  return {
    name: `${name} ${all.map(shown)}${keep ? ", kept" : ""}`,
    terminator,
    waits: all.length > 1,
    isDelimited: true,
    frame: (payload) => concat([payload, end]),
    decode: (bytes) => cutAt(all, keep, bytes),
    encode(payload) {
      const framed = keep ? payload : concat([payload, all[0]!]);
      const { frame, next } = cutAt(all, keep, framed);
      if (frame?.length !== payload.length || next !== framed.length) return null;
      return all.length === 1 || (!keep && isSafe(all, payload)) ? framed : undefined;
    },
  };
}

// Three letters: delimiters match, nearly match, and overlap all the time.
const lettersUpTo = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength });
const letters = lettersUpTo(6);

const oneDelimiter = fc.record({ text: letters, form: fc.nat({ max: 2 }) }).map(
  ({ text, form }) => {
    const delimiter = utf8(text);
    const terminator = [delimiter, text, delimited(text, { keep: true })][form]!;
    return delimitedKind("delimiter", terminator, [delimiter], form === 2);
  },
);

const anyDelimiter = fc.record({
  // Short ones, of which one is often the beginning or the end of another.
  all: fc.array(fc.oneof(letters, lettersUpTo(2)), { minLength: 1, maxLength: 4 }),
  keep: fc.boolean(),
}).map(({ all, keep }) =>
  delimitedKind("any of", anyOf(...all, { keep }), all.map(utf8), keep, utf8(all.at(-1)!))
);

const line = fc.record({ keep: fc.boolean(), end: fc.constantFrom("\n", "\r\n", "\r\r\n") })
  .map(({ keep, end }) =>
    delimitedKind("lines", lines({ keep }), [utf8("\n"), utf8("\r\n")], keep, utf8(end))
  );

const countOf = (count: number): Kind => ({
  name: `count ${count}`,
  terminator: count,
  frame: (payload) => concat([payload, new Uint8Array(count)]).slice(0, count),
  decode: (bytes) => frameAt(bytes, 0, count),
  encode: (payload) => payload.length === count ? payload : null,
});

const count = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 12 }) }, {
  weight: 1,
  arbitrary: fc.nat({ max: 3_000 }),
}).map(countOf);

const lengthPrefix = fc.record({
  bytes: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 8 as const),
  littleEndian: fc.boolean(),
  signed: fc.boolean(),
  offset: fc.nat({ max: 3 }),
  adjust: fc.integer({ min: -11, max: 3 }),
  strip: fc.option(fc.nat({ max: 14 }), { nil: undefined }),
}).map((options): Kind => {
  const { bytes: width, littleEndian, signed, offset, adjust } = options;
  const header = offset + width;
  const { strip = header } = options;
  const write = (length: number): Bytes => {
    const digits = BigInt.asUintN(8 * width, BigInt(length)).toString(16).padStart(2 * width, "0");
    const field = Uint8Array.from(digits.match(/../g)!, (hex) => parseInt(hex, 16));
    return littleEndian ? field.reverse() : field;
  };
  return {
    name: `length-prefixed ${JSON.stringify(options)}`,
    terminator: lengthPrefixed(options),
    frame: (payload) => concat([new Uint8Array(offset), write(payload.length - adjust), payload]),
    decode(bytes) {
      if (bytes.length < header) return unplaced(strip);
      const field = bytes.slice(offset, header);
      if (littleEndian) field.reverse();
      const hex = Array.from(field, (byte) => byte.toString(16).padStart(2, "0")).join("");
      const unsigned = BigInt(`0x${hex}`);
      const length = signed ? BigInt.asIntN(8 * width, unsigned) : unsigned;
      const end = BigInt(header) + length + BigInt(adjust);
      const isPossible = length >= 0n && end >= BigInt(Math.max(header, strip)) &&
        end <= BigInt(Number.MAX_SAFE_INTEGER);
      return isPossible ? frameAt(bytes, strip, Number(end) - strip) : malformed(header);
    },
    encode(payload) {
      const kept = header - strip;
      const length = payload.length - kept - adjust;
      const most = 2 ** (8 * width - (signed ? 1 : 0)) - 1;
      if (payload.length < kept || length < 0 || length > most) return null;
      // What is stripped is sent as zeros; what is kept of the length must be right.
      const frame = concat([new Uint8Array(strip), payload]);
      frame.set(write(length), offset);
      return shownBytes(frame.subarray(strip)) === shownBytes(payload) ? frame : null;
    },
  };
});

const shownBytes = (bytes: Bytes): string => bytes.join();

const varint = fc.constant<Kind>({
  name: "varint-prefixed",
  terminator: varintPrefixed(),
  frame: (payload) => withVarint(payload),
  decode(bytes) {
    const last = bytes.slice(0, 10).findIndex((byte) => byte < 128);
    if (last < 0) return bytes.length < 10 ? unplaced(bytes.length) : malformed(10);
    const length = bytes.slice(0, last + 1)
      .reduceRight((sum, byte) => sum * 128n + BigInt(byte % 128), 0n);
    const isWrong = BigInt(last + 1) + length > BigInt(Number.MAX_SAFE_INTEGER);
    return isWrong ? malformed(last + 1) : frameAt(bytes, last + 1, Number(length));
  },
  encode: (payload) => withVarint(payload),
});

function withVarint(payload: Bytes): Bytes {
  const { length } = payload;
  return concat([
    Uint8Array.of(...length < 128 ? [length] : [128 + length % 128, length >> 7]),
    payload,
  ]);
}

const netstrings = fc.constant<Kind>({
  name: "netstring",
  terminator: netstring(),
  frame: (payload) => asNetstring(payload),
  decode(bytes) {
    const header = String.fromCharCode(...bytes.subarray(0, 18));
    const digits = /^(0|[1-9][0-9]{0,15}):/.exec(header)?.[1];
    if (digits === undefined) {
      const good = /^(0|[1-9][0-9]{0,15}|)/.exec(header)![0].length;
      return good < header.length ? malformed(good + 1) : unplaced();
    }
    if (digits.length + 1 + Number(digits) >= Number.MAX_SAFE_INTEGER) {
      return malformed(digits.length + 1);
    }
    const verdict = frameAt(bytes, digits.length + 1, Number(digits), 1);
    return { ...verdict, isWrong: verdict.frame && bytes[verdict.next - 1] !== 0x2c };
  },
  encode: (payload) => asNetstring(payload),
});

function asNetstring(payload: Bytes): Bytes {
  return concat([utf8(`${payload.length}:`), payload, utf8(",")]);
}

/** A first byte says how many bytes the header has (0 is wrong), and its last byte how many follow it. */
const headedFrame = fc.boolean().map((strip): Kind => {
  const decode = (bytes: Bytes): Verdict => {
    if (bytes.length === 0) return unplaced();
    const header = bytes[0]! % 4;
    if (header === 0) return malformed(1);
    if (bytes.length < header) return unplaced(strip ? header : 0);
    const length = bytes[header - 1]! % 16;
    return strip ? frameAt(bytes, header, length) : frameAt(bytes, 0, header + length);
  };
  return {
    name: `headed, strip ${strip}`,
    terminator: headed(
      (header) => header.length === 0 ? 1 : Math.max(1, header[0]! % 4),
      (header) => header[0]! % 4 === 0 ? NaN : header.at(-1)! % 16,
      { strip, header: (length) => Uint8Array.of(2, length) },
    ),
    frame: (payload) => concat([Uint8Array.of(2, payload.length % 16), payload]),
    decode,
    encode(payload) {
      if (strip) {
        return payload.length < 16 ? concat([Uint8Array.of(2, payload.length), payload]) : null;
      }
      const { frame, next } = decode(payload);
      return frame && next === payload.length ? payload : null;
    },
  };
});

const sum = (bytes: Bytes): number => bytes.reduce((total, byte) => total + byte, 0) % 256;

/** A framing of your own that checks the whole frame. */
const checked = fc.constant<Kind>({
  name: "checked",
  terminator: {
    *decode() {
      const header = yield 1;
      return {
        length: header[0]! % 16,
        trailer: 1,
        check(frame, trailer) {
          if (sum(frame) !== trailer[0]) throw new MalformedFrameError("wrong sum");
        },
      };
    },
  } satisfies Framing,
  frame(payload) {
    const frame = payload.slice(0, payload.length % 16);
    return concat([Uint8Array.of(frame.length), frame, Uint8Array.of(sum(frame))]);
  },
  decode(bytes) {
    if (bytes.length === 0) return { ...unplaced(1), isWhole: true };
    const verdict = { ...frameAt(bytes, 1, bytes[0]! % 16, 1), isWhole: true };
    return { ...verdict, isWrong: verdict.frame && sum(verdict.frame) !== bytes[verdict.next - 1] };
  },
});

/** A framing of your own that reads a part of the frame, of 0 to 3 bytes, which tells how long the rest is. */
const peeked = fc.constant<Kind>({
  name: "peeked",
  terminator: {
    *decode() {
      const part = yield (yield 1)[0]! % 4;
      return { skip: 1, length: part.length + sum(part) % 16, trailer: "ab" };
    },
  } satisfies Framing,
  frame: (payload) =>
    concat([Uint8Array.of(1, payload.length), payload.slice(0, payload.length % 16), utf8("ab")]),
  decode(bytes) {
    const part = bytes.subarray(1, 1 + (bytes[0] ?? 1) % 4);
    if (bytes.length === 0 || part.length < bytes[0]! % 4) return unplaced();
    const verdict = frameAt(bytes, 1, part.length + sum(part) % 16, 2);
    const trailer = bytes.slice(verdict.next - 2, verdict.next);
    return { ...verdict, isWrong: verdict.frame && shown(trailer) !== "ab" };
  },
});

/** A framing of your own that makes its frames: of what comes before any delimiter, without the "a"s in it. */
const made = fc.oneof(oneDelimiter, anyDelimiter, line).map((portion): Kind => ({
  name: `made of ${portion.name}`,
  terminator: {
    *decode() {
      return (yield portion.terminator as Portion).filter((byte) => byte !== 97);
    },
  } satisfies Framing,
  waits: portion.waits ?? false,
  frame: portion.frame,
  decode(bytes) {
    const verdict = portion.decode(bytes);
    const frame = verdict.frame?.filter((byte) => byte !== 97);
    return { ...verdict, frame, counted: frame?.length ?? 0, isWhole: true, read: verdict.counted };
  },
}));

/** A framing of your own that reads one byte more than the frame, or to the end, and gives it back. */
const lookedAhead = fc.constant<Kind>({
  name: "looked ahead",
  looksAhead: true,
  waits: true,
  terminator: {
    *decode() {
      const length = (yield 1)[0]! % 8;
      yield length;
      try {
        yield 1;
      } catch {
        // The stream ends after the frame.
      }
      return { skip: 1, length };
    },
  } satisfies Framing,
  frame: (payload) =>
    concat([Uint8Array.of(payload.length % 8), payload.slice(0, payload.length % 8)]),
  decode(bytes) {
    const verdict = bytes.length === 0 ? unplaced() : frameAt(bytes, 1, bytes[0]! % 8);
    return verdict.frame === undefined ? unplaced() : verdict;
  },
});

/** A framing of your own that drops every frame whose first byte is odd. */
const filler = fc.constant<Kind>({
  name: "filler",
  terminator: {
    *decode() {
      const header = yield 1;
      const body = yield (header[0]! >> 1) % 8;
      return header[0]! % 2 === 1 ? undefined : body;
    },
  } satisfies Framing,
  frame: (payload) =>
    concat([
      Uint8Array.of(1, 5),
      payload.slice(0, 2),
      Uint8Array.of(2 * (payload.length % 8)),
      payload.slice(0, payload.length % 8),
    ]),
  decode(bytes) {
    const at = fillerIn(bytes);
    if (at === bytes.length) return { ...unplaced(), isWhole: true };
    const { frame, counted, next } = frameAt(bytes.subarray(at), 1, (bytes[at]! >> 1) % 8);
    return {
      frame,
      counted: frame === undefined ? 0 : counted,
      skip: at + 1,
      next: at + next,
      isWhole: true,
      read: 0,
    };
  },
  dropped: (bytes) => fillerIn(bytes),
});

function fillerIn(bytes: Bytes): number {
  for (let at = 0;;) {
    const next = at + 1 + ((bytes[at] ?? 0) >> 1) % 8;
    if (at === bytes.length || bytes[at]! % 2 === 0 || next > bytes.length) return at;
    at = next;
  }
}

/** A framing of your own that looks for the next beginning one byte after one that was wrong. */
const resynchronized = fc.constant<Kind>({
  name: "resynchronized",
  terminator: {
    *decode() {
      const [start] = yield* two();
      if (start! % 4 !== 1) throw new MalformedFrameError("no start", { skip: 1 });
      const body = yield start! >> 4;
      if (sum(body) % 2 === 1) throw new MalformedFrameError("a wrong sum", { skip: 1 });
      return body;
    },
  } satisfies Framing,
  frame: (payload) => {
    const body = payload.slice(0, payload.length % 16);
    return concat([Uint8Array.of(1 + 16 * body.length), utf8("!"), body]);
  },
  decode(bytes) {
    if (bytes.length < 2) return { ...unplaced(2), isWhole: true };
    if (bytes[0]! % 4 !== 1) return malformed(1);
    const verdict = frameAt(bytes, 2, bytes[0]! >> 4);
    if (verdict.frame === undefined) return { ...verdict, counted: 0, isWhole: true };
    return sum(verdict.frame) % 2 === 1 ? malformed(1) : { ...verdict, isWhole: true };
  },
});

function* two(): Generator<number, Bytes, Bytes> {
  return yield 2;
}

/** Messages: the frames of another kind, backwards. */
const typed = fc.oneof(oneDelimiter, anyDelimiter, line, lengthPrefix, netstrings, made).map(
  (of): Kind => {
    const backwards = (frame: Bytes): Bytes => frame.slice().reverse();
    const { terminator } = of;
    const framing = typeof terminator === "string" || terminator instanceof Uint8Array
      ? delimited(terminator)
      : terminator as Framing;
    return {
      ...of,
      name: `messages of ${of.name}`,
      terminator: codec(framing, { decode: backwards, encode: backwards }),
      toMessage: backwards,
      ...of.encode && { encode: (payload: Bytes) => of.encode!(backwards(payload)) },
    };
  },
);

const named = (kind: Kind): Kind => Object.assign(kind, { [fc.toStringMethod]: () => kind.name });

/** Any kind of terminator but `null`. */
export const anyKind: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 5, arbitrary: oneDelimiter },
  { weight: 3, arbitrary: count },
  { weight: 3, arbitrary: anyDelimiter },
  { weight: 3, arbitrary: lengthPrefix },
  line,
  varint,
  netstrings,
  headedFrame,
  checked,
  peeked,
  made,
  lookedAhead,
  filler,
  resynchronized,
  typed,
).map(named);

/** A count that takes a part of what is here. */
export const smallCount: fc.Arbitrary<Kind> = fc.nat({ max: 4 }).map(countOf).map(named);
