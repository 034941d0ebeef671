/**
 * The properties that hold the framer to its promises. Reading: any bytes, any terminators applied one after the other, any
 * chunking, limit and way to take a frame give what the models find, which have all bytes at once, and no more is held than
 * the limit allows. Sending: what is made of payloads is what the models make, and they read the same payloads from it.
 */
import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  type Encoding,
  type Frame,
  FrameInjectionError,
  Framer,
  FrameTooLongError,
  IncompleteFrameError,
  MalformedFrameError,
} from "../../mod.ts";
import { bytes, concat } from "./bytes.ts";
import { anyKind, type Kind, smallCount, type Verdict } from "./framing_models.ts";

type Bytes = Uint8Array;
type Way = "next" | "bytes" | "text" | "loop" | "pieces" | "skip";

interface Step {
  /** What ends the frame; `null` for anything. */
  readonly kind: Kind | null;
  /** How the frame is taken. */
  readonly way: Way;
  /** Whether the terminator is given for this one frame, instead of being set. */
  readonly once: boolean;
  /** Whether the framer is asked if it is ready, before the step and before the frame is taken. */
  readonly asks: boolean;
  /** The limit from this step on, if it is another. */
  readonly limit: number | undefined;
  /** How many chunks are pushed ahead, before the frame is asked for. */
  readonly ahead: number;
  /** How many chunks the frame is waited for, before the next step takes its place. */
  readonly patience: number;
  /** What is added to the input for this step. */
  readonly input: Bytes;
}

interface Run {
  readonly steps: readonly Step[];
  /** The longest chunk, and where in the table of random numbers the lengths are. */
  readonly cut: { readonly longest: number; readonly from: number };
  readonly limit: number;
  readonly incomplete: "throw" | "yield" | "drop";
  readonly encoding: Encoding | undefined;
  readonly fatal: boolean;
}

/** What one step came to. */
interface Outcome {
  /** The frame, the error, `null` if it is skipped, or nothing: more bytes are needed, or there are none. */
  readonly result: Frame | Error | null | undefined;
  /** What was handed out of the frame before that, piece by piece. */
  readonly pieces: readonly Bytes[];
}

/** What is held besides the frame: a header, or delimiters that have not been told apart. */
const SURROUNDINGS = 32;

/** A terminator that no step has. */
const STICKY = "sticky";

/** Random numbers, always the same: a slice of them costs less than an array of its own, and shrinks as well. */
const RANDOM: readonly number[] = (() => {
  let state = 1;
  return Array.from({ length: 8_192 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 16;
  });
})();

const poolOf = (alphabet: readonly string[]): Bytes =>
  bytes(RANDOM.map((number) => alphabet[number % alphabet.length]).join(""));

// Letters that delimiters are made of; digits, commas and small numbers; characters of one byte to four; and any bytes.
const POOLS: readonly Bytes[] = [
  poolOf(["a", "b", "c"]),
  poolOf([..."\0\x01\x02\x03\t\n\r,015:ab"]),
  poolOf([..."añ€😀\ufeff\n\r"]),
  Uint8Array.from(RANDOM, (number) => number % 4 === 0 ? 128 + number % 61 : (number >> 6) % 256),
];

const noise = fc.record({
  pool: fc.constantFrom(...POOLS),
  from: fc.nat({ max: 4_000 }),
  // Short for the borders of chunks and delimiters, long for those of the buffer's blocks.
  length: fc.oneof(
    { weight: 7, arbitrary: fc.nat({ max: 4 }) },
    { weight: 12, arbitrary: fc.nat({ max: 40 }) },
    { weight: 1, arbitrary: fc.nat({ max: 3_000 }) },
  ),
}).map(({ pool, from, length }) => pool.slice(from, from + length));

const limit = fc.oneof(fc.constant(Infinity), fc.nat({ max: 15 }));

const step = fc.record({
  which: fc.nat({ max: 12 }),
  way: fc.constantFrom<Way[]>("next", "bytes", "text", "loop", "pieces", "skip"),
  once: fc.boolean(),
  asks: fc.boolean(),
  limit: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, limit),
  ahead: fc.nat({ max: 3 }),
  patience: fc.constantFrom(Infinity, Infinity, 0, 1, 3),
  payload: noise,
  form: fc.constantFrom("frame", "frame", "frame", "damaged", "noise"),
  damage: fc.nat({ max: 65_535 }),
});

/** Few kinds, one of them a small count, which come again and again: what was sought in vain is sought again after something else. */
const steps = fc.tuple(
  fc.tuple(smallCount, anyKind, anyKind, anyKind),
  fc.array(step, { minLength: 1, maxLength: 20, size: "max" }),
).map(([kinds, steps]) =>
  steps.map(({ which, payload, form, damage, ...step }): Step => {
    const kind = which === 0 ? null : kinds[which % 4]!;
    const input = form === "noise" || kind === null ? payload : kind.frame(payload);
    if (form === "damaged" && input.length > 0) input[(damage >> 8) % input.length] = damage % 256;
    return { ...step, kind, input };
  })
);

const run: fc.Arbitrary<Run> = fc.record({
  steps,
  cut: fc.record({
    longest: fc.oneof(fc.constantFrom(1, 600, 10_000), fc.integer({ min: 2, max: 40 })),
    from: fc.nat({ max: RANDOM.length }),
  }),
  limit,
  incomplete: fc.constantFrom("throw", "yield", "drop"),
  encoding: fc.constantFrom(
    ...[undefined, "utf-8", "latin1"] as const,
  ),
  fatal: fc.boolean(),
});

/** What repeats a failure that was reported. */
interface Repeat {
  readonly seed?: number;
  readonly path?: string;
}

/** Checks reading on random runs. */
export function checkReading(numRuns: number, repeat: Repeat = {}): void {
  fc.assert(fc.property(run, checkRun), { numRuns, ...repeat });
}

/** Checks sending on random payloads. */
export function checkSending(numRuns: number, repeat: Repeat = {}): void {
  const payloads = fc.array(noise, { maxLength: 8 });
  fc.assert(fc.property(anyKind, payloads, checkPayloads), { numRuns, ...repeat });
}

function checkPayloads(kind: Kind, payloads: readonly Bytes[]): void {
  const { terminator, encode } = kind;
  if (encode === undefined) return;
  const framer = new Framer({ terminator });
  const sent: Bytes[] = [];
  const frames: Bytes[] = [];
  // Frames with a header are not to be had by chance.
  const framed = payloads.map((payload) => kind.decode(kind.frame(payload)).frame);
  for (const payload of [...payloads, ...framed]) {
    if (payload === undefined) continue;
    const expected = encode(payload);
    const encoded = tryEncode(framer, payload);
    if (expected !== undefined) assertEquals(encoded, expected);
    if (encoded === null) continue;
    frames.push(payload);
    sent.push(encoded);
  }
  let stream = concat(sent);
  for (const expected of frames) {
    const { frame, next } = kind.decode(stream);
    assertEquals(frame && (kind.toMessage?.(frame) ?? frame), expected);
    stream = stream.subarray(next);
  }
}

function tryEncode(framer: Framer, payload: Bytes): Bytes | null {
  try {
    return framer.encode(payload);
  } catch (error) {
    assertInstanceOf(error, FrameInjectionError);
    return null;
  }
}

function checkRun({ steps, cut: { longest, from }, limit, ...options }: Run): void {
  const framer = new Framer<Frame>({ ...options, terminator: STICKY, maxFrameLength: limit });
  const input = concat(steps.map(({ input }) => input));
  let chunks = 0;
  let pushed = 0;
  let isEnded = false;
  const push = (): boolean => {
    if (pushed === input.length) return false;
    const number = RANDOM[(from + chunks) % RANDOM.length]!;
    const length = number % 7 === 0 ? 0 : 1 + number % longest;
    // When there are many, they become longer.
    const end = Math.min(input.length, pushed + length * (1 + (chunks++ >> 5)));
    framer.push(input.slice(pushed, pushed = end));
    return true;
  };

  /** Where the next frame begins: known after every step, though the bytes up to there may not have been pushed. */
  let at = 0;
  /** Whether more bytes may tell that the frame before ended otherwise. */
  let waits = false;
  const kept: { readonly frame: Bytes; readonly copy: Bytes }[] = [];
  for (const step of steps) {
    const { kind, way, once, asks, ahead, patience } = step;
    for (let i = 0; i < ahead; i++) push();
    const terminator = kind === null ? null : kind.terminator;
    framer.terminator = once ? STICKY : terminator;
    if (asks) void framer.ready;
    if (step.limit !== undefined) framer.maxFrameLength = limit = step.limit;
    const wasEnded = isEnded;
    const isReady = asks && !once && framer.ready;
    let verdict = kind?.decode(input.subarray(at));
    const held = mostHeld(verdict, way, limit);

    const take = takerOf(framer, way, once ? terminator : undefined);
    let outcome = take();
    if (asks && !once && way === "next" && kind !== null) {
      assertStrictEquals(isReady, outcome.result !== undefined, "ready");
    }
    // A frame in pieces is begun, for certain, when a piece was given.
    const begins = (): boolean => way !== "pieces" || outcome.pieces.length > 0;
    for (let waited = 0; outcome.result === undefined; waited++) {
      if (!isEnded) assert(framer.buffered <= held, `${framer.buffered} bytes are held`);
      if ((waited >= patience && begins()) || !push()) break;
      outcome = take();
    }
    const isWaited = outcome.result === undefined && !isEnded && at < pushed;
    if (kind !== null && isWaited && !waits) {
      checkUndecided(kind.decode(input.subarray(at, pushed)), kind, way, limit);
    }
    // What a step has not got past, the next one waits for, too.
    waits = (kind?.waits ?? false) || (waits && outcome.result === undefined);
    if (outcome.result === undefined && pushed === input.length) {
      framer.end();
      isEnded = true;
      outcome = take();
    }
    assertStrictEquals(framer.terminator, once ? STICKY : terminator);
    if (way === "pieces" && outcome.result === undefined) assert(framer.skip(), "it was begun");
    if (outcome.result instanceof Uint8Array) {
      kept.push({ frame: outcome.result, copy: outcome.result.slice() });
    }

    const isMessage = kind?.toMessage !== undefined && (way === "next" || way === "loop");
    const isText = !isMessage &&
      (way === "text" || (way !== "bytes" && options.encoding !== undefined));
    const isFirst = at === 0 && !kind?.dropped?.(input);
    const expectation: Expectation = {
      ...options,
      way,
      limit,
      rest: input.subarray(at),
      isOver: pushed === input.length,
      toText: isText && way !== "pieces" ? textOf(options, isFirst) : null,
      toMessage: isMessage ? kind.toMessage : undefined,
      isDelimited: kind?.isDelimited ?? false,
      dropped: kind?.dropped?.(input.subarray(at, pushed)) ?? 0,
    };
    if (verdict === undefined) {
      at += checkAnything(expectation, outcome, pushed - framer.buffered - at);
      if (outcome.result === undefined && expectation.isOver) assertStrictEquals(at, input.length);
    } else {
      // When nothing is left, and that is known in time, there is nothing that could be too long.
      const isKnown = wasEnded || (isEnded && outcome.result === undefined);
      if (isKnown && at === input.length && !verdict.frame) verdict = { ...verdict, counted: 0 };
      at = Math.min(input.length, at + checkFrame(expectation, outcome, verdict));
    }
  }
  for (const { frame, copy } of kept) assertEquals(frame, copy, "a frame was written into");
  checkRest(framer, input.subarray(0, pushed), pushed - at, isEnded);
}

/** Checks that what is held at last is the end of what was pushed, and that it can be taken: the next frame begins behind it. */
function checkRest(framer: Framer<Frame>, pushed: Bytes, left: number, isEnded: boolean): void {
  const rest = framer.takeRest();
  assertEquals(rest, pushed.slice(pushed.length - rest.length));
  assert(rest.length >= left, "some of it was lost");
  assertStrictEquals(framer.buffered, 0);
  if (isEnded) return;
  framer.maxFrameLength = 4;
  framer.push(bytes("next"));
  assertEquals(framer.nextBytes(4), bytes("next"));
}

/** Checks that a frame which was not had could not be had: so much is known of it. */
function checkUndecided(known: Verdict, kind: Kind, way: Way, limit: number): void {
  assert(!known.isMalformed, "what is malformed was waited for");
  if (known.frame !== undefined) return assert(kind.waits, "a frame that is here was waited for");
  const isKnown = !kind.looksAhead && isTooLong(known, way, limit);
  assert(!isKnown, "a frame that is too long was waited for");
}

function isTooLong({ counted, read = 0, isWhole }: Verdict, way: Way, limit: number): boolean {
  const isPassed = (way === "pieces" || way === "skip") && !isWhole;
  return !isPassed && (counted > limit || read > 2 * limit + 1_024);
}

/** How many bytes may be held while a frame is waited for. */
function mostHeld(verdict: Verdict | undefined, way: Way, limit: number): number {
  if (verdict === undefined) return SURROUNDINGS;
  const isPassed = way === "pieces" || way === "skip";
  if (isPassed && !verdict.isWhole) return SURROUNDINGS;
  return SURROUNDINGS + (verdict.read === undefined ? limit : 2 * limit + 1_024);
}

/** Takes a frame as a whole, or what is here of it; what it throws is its result. */
function takerOf(
  framer: Framer<Frame>,
  way: Way,
  once: Kind["terminator"] | undefined,
): () => Outcome {
  const pieces: Bytes[] = [];
  const takes: Record<Way, () => Outcome["result"]> = {
    next: () => framer.next(once),
    bytes: () => framer.nextBytes(once),
    text: () => framer.nextText(once),
    loop() {
      if (once !== undefined) return framer.next(once);
      for (const frame of framer) return frame;
      return undefined;
    },
    skip: () => framer.skip(once) ? null : undefined,
    pieces() {
      for (;;) {
        const piece = framer.nextPiece(once);
        if (piece === null) return concat(pieces);
        if (piece === undefined) return undefined;
        assert(piece.length > 0, "an empty piece");
        pieces.push(piece);
      }
    },
  };
  return () => {
    let result: Outcome["result"];
    try {
      result = takes[way]();
    } catch (error) {
      result = error as Error;
    }
    return { result, pieces };
  };
}

type ToText = (bytes: Bytes) => string;

interface Expectation extends Pick<Run, "incomplete" | "encoding" | "limit"> {
  readonly way: Way;
  /** The bytes from the frame on. */
  readonly rest: Bytes;
  /** Whether all was pushed. */
  readonly isOver: boolean;
  /** Decodes the frame, if it is to be text; throws if it is none, and that is fatal. */
  readonly toText: ToText | null;
  /** Makes the message of a frame, if it is to be one. */
  readonly toMessage: Kind["toMessage"];
  /** Whether the end of the stream may end the frame. */
  readonly isDelimited: boolean;
  /** How many bytes at the beginning of the rest are no frame, and were dropped. */
  readonly dropped: number;
}

/** Checks what a step came to, and returns where the next frame begins. */
function checkFrame(expectation: Expectation, outcome: Outcome, verdict: Verdict): number {
  const { way, rest, limit, isOver, toText } = expectation;
  const { result } = outcome;
  const { frame, next, isWhole = false } = verdict;
  if (result === undefined && !isOver) {
    // It was given up before it was here: if it was begun in pieces, its rest is dropped.
    if (way !== "pieces" || outcome.pieces.length === 0) return expectation.dropped;
    assert(!verdict.isMalformed);
    const pieces = concat(outcome.pieces);
    assertEquals(pieces, rest.slice(verdict.skip, verdict.skip + pieces.length));
    return next;
  }
  if (verdict.isMalformed) {
    assertInstanceOf(result, MalformedFrameError);
    return next;
  }
  if (isTooLong(verdict, way, limit)) {
    assertInstanceOf(result, FrameTooLongError);
    assertStrictEquals(result.limit, limit);
    return next;
  }
  const isWrong = verdict.isWrong && (way !== "skip" || isWhole);
  if (isWrong) assertInstanceOf(result, MalformedFrameError);
  else if (way === "skip") assertStrictEquals(result, null);
  else if (frame !== undefined) {
    assertFrame(result, expectation.toMessage?.(frame) ?? frame, toText);
  } else {
    checkIncomplete(expectation, outcome, verdict);
    return rest.length;
  }
  return next;
}

/** Checks what the end of the stream, in the middle of a frame, came to. */
function checkIncomplete(
  { way, rest: all, incomplete, limit, toText, toMessage, isDelimited, dropped }: Expectation,
  { result, pieces }: Outcome,
  { next, isWhole, skip }: Verdict,
): void {
  const rest = all.subarray(dropped);
  if (way === "pieces") {
    // What comes before the frame has been dropped if it was known where that lies.
    const tail = next !== Infinity && !isWhole ? rest.slice(skip) : rest.slice();
    if (incomplete === "yield" && isDelimited) return assertEquals(result, tail);
    // What was handed out cannot be dropped.
    assertInstanceOf(result, IncompleteFrameError);
    return assertEquals(concat([...pieces, result.bytes]), tail);
  }
  if (rest.length === 0 || incomplete === "drop") return assertStrictEquals(result, undefined);
  if (incomplete === "yield" && isDelimited) {
    if (rest.length > limit) return assertInstanceOf(result, FrameTooLongError);
    return assertFrame(result, toMessage?.(rest) ?? rest.slice(), toText);
  }
  assertInstanceOf(result, IncompleteFrameError);
  assertEquals(result.bytes, rest.slice());
}

/** Without a terminator any piece will do, so long as it is the next bytes, and cut between two characters. */
function checkAnything(
  { way, rest, limit, toText, encoding }: Expectation,
  outcome: Outcome,
  taken: number,
): number {
  const { result } = outcome;
  if (way === "pieces") {
    const pieces = concat(outcome.pieces);
    assertEquals(pieces, rest.slice(0, pieces.length));
    if (result !== undefined) assertStrictEquals(pieces.length, rest.length);
    return pieces.length;
  }
  // There is no frame to skip.
  if (way === "skip" && result === null) return 0;
  // A byte order mark that the stream begins with is no text.
  if (result === undefined) return Math.max(0, taken);
  const [piece, others] = [rest.slice(0, taken), rest.slice(taken)];
  // A byte order mark may come before it.
  assert(piece.length > 0 && piece.length <= Math.max(toText ? 4 : 1, limit) + (toText ? 3 : 0));
  assertFrame(result, piece, toText);
  const decode = textOf({ encoding, fatal: false }, false);
  if (toText) assertStrictEquals(decode(piece) + decode(others), decode(rest));
  return taken;
}

/** Checks that a frame is these bytes, or their text; or that it was refused because they are none. */
function assertFrame(result: Outcome["result"], expected: Bytes, toText: ToText | null): void {
  if (toText === null) return assertEquals(result, expected);
  let text: string | undefined;
  try {
    text = toText(expected);
  } catch {
    assertInstanceOf(result, MalformedFrameError);
    // A byte order mark may have gone before, when no more was here.
    const isMarked = text256(expected.subarray(0, 3)) === "ï»¿";
    const from = isMarked ? expected.length - result.bytes.length : 0;
    return assertEquals(result.bytes, expected.slice(from));
  }
  assertStrictEquals(result, text);
}

const text256 = (bytes: Bytes): string => String.fromCharCode(...bytes);

/** @param isFirst Whether the stream begins with the frame. */
function textOf(
  { encoding = "utf-8", fatal }: Pick<Run, "encoding" | "fatal">,
  isFirst: boolean,
): ToText {
  if (encoding === "latin1") {
    return (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
  const decoder = new TextDecoder(encoding, { fatal, ignoreBOM: !isFirst });
  return (bytes) => decoder.decode(bytes);
}
