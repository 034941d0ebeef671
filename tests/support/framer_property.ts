/**
 * The property that holds the framer to its promises: any bytes, any terminators applied one after the other, any
 * chunking and any way to take a frame give what simple models find, which have all bytes at once.
 */
import fc from "fast-check";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  type Frame,
  Framer,
  FrameTooLongError,
  IncompleteFrameError,
  MalformedFrameError,
  type Terminator,
} from "../../mod.ts";
import { concat } from "./bytes.ts";
import { type Kind, kind, type Verdict } from "./framing_models.ts";

type Decoder = InstanceType<typeof TextDecoder>;
type Way = "next" | "bytes" | "text" | "pieces";

interface Step {
  /** What ends the frame; `null` for anything. */
  readonly kind: Kind | null;
  /** How the frame is taken. */
  readonly way: Way;
  /** Whether the terminator is given for this one frame, instead of being set. */
  readonly once: boolean;
  /** Whether the framer is asked first if it is ready. */
  readonly asks: boolean;
  /** How many chunks are pushed ahead, before the frame is asked for. */
  readonly ahead: number;
  /** How many chunks the frame is waited for, before the next step takes its place. */
  readonly patience: number;
  /** What is added to the input for this step: a frame of the kind, or other bytes. */
  readonly payload: Uint8Array;
  readonly isFrame: boolean;
}

interface Run {
  readonly steps: readonly Step[];
  readonly cuts: readonly number[];
  readonly maxFrameLength: number;
  readonly incomplete: "throw" | "yield" | "drop";
  readonly encoding: string | undefined;
  readonly fatal: boolean;
}

/** What one step came to. */
interface Outcome {
  /** The frame, the error, or nothing: more bytes are needed, or there are none. */
  readonly result: Frame | Error | undefined;
  /** What was handed out of the frame before that, piece by piece. */
  readonly pieces: Uint8Array;
}

// Letters that delimiters are made of, digits and commas, small numbers, and characters of two and four bytes.
const noise = fc.oneof(
  fc.array(fc.integer({ min: 97, max: 99 }), { maxLength: 40 }),
  fc.array(fc.constantFrom(0, 1, 2, 3, 9, 10, 13, 44, 48, 49, 53, 58, 97, 98, 128, 255), {
    maxLength: 40,
  }),
  fc.array(fc.constantFrom(..."añ€😀\n"), { maxLength: 20 })
    .map((chars) => [...new TextEncoder().encode(chars.join(""))]),
).map((bytes) => Uint8Array.from(bytes));

/** Short ones for the borders of chunks, long ones for those of the receive buffer's blocks. */
const payload = fc.tuple(
  noise,
  fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat({ max: 99 }) }),
).map(([some, times]) => concat(Array.from({ length: times }, () => some)));

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof({ weight: 9, arbitrary: kind }, { weight: 1, arbitrary: fc.constant(null) }),
  way: fc.constantFrom("next", "bytes", "text", "pieces"),
  once: fc.boolean(),
  asks: fc.boolean(),
  ahead: fc.nat({ max: 3 }),
  patience: fc.oneof(
    { weight: 2, arbitrary: fc.constant(Infinity) },
    { weight: 1, arbitrary: fc.nat({ max: 3 }) },
  ),
  payload,
  isFrame: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, {
    weight: 1,
    arbitrary: fc.constant(false),
  }),
});

const run: fc.Arbitrary<Run> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 20 }),
  cuts: fc.array(fc.nat({ max: 10_000 }), { maxLength: 100, size: "max" }),
  maxFrameLength: fc.oneof(fc.constant(Infinity), fc.nat({ max: 15 })),
  incomplete: fc.constantFrom("throw", "yield", "drop"),
  encoding: fc.constantFrom(undefined, "utf-8", "utf-16le", "utf-16be", "shift_jis", "gb18030"),
  fatal: fc.boolean(),
});

/** Checks the property on random runs. `seed` repeats a failure that was reported. */
export function checkFramer(numRuns: number, seed?: number): void {
  fc.assert(fc.property(run, checkRun), { numRuns, ...seed === undefined ? {} : { seed } });
}

function checkRun(options: Run): void {
  const { steps, cuts, maxFrameLength, incomplete, encoding, fatal } = options;
  const sticky: Terminator = "sticky";
  const framer = new Framer<Frame>({
    terminator: sticky,
    maxFrameLength,
    incomplete,
    encoding,
    fatal,
  });
  const bytes = concat(
    steps.map(({ kind, payload, isFrame }) => isFrame && kind ? kind.encode(payload) : payload),
  );
  const chunks = split(bytes, cuts);
  let pushed = 0;
  let isEnded = false;
  const pushNext = (): boolean => {
    const chunk = chunks.shift();
    if (chunk === undefined) return false;
    framer.push(chunk);
    pushed += chunk.length;
    return true;
  };

  /** Where the next frame begins: known after every step, though the bytes up to there may not have been pushed. */
  let at = 0;
  const kept: { frame: Uint8Array; copy: Uint8Array }[] = [];
  for (const { kind, way, once, asks, ahead, patience } of steps) {
    for (let i = 0; i < ahead && chunks.length > 0; i++) pushNext();
    const terminator = kind === null ? null : kind.terminator;
    framer.terminator = once ? sticky : terminator;
    const wasEnded = isEnded;
    const isReady = asks && !once && framer.ready;

    const take = takerOf(framer, way, once ? terminator : undefined);
    let outcome = take();
    if (asks && !once && way === "next" && kind !== null) {
      assertStrictEquals(isReady, outcome.result !== undefined, "ready");
    }
    // A frame in pieces is begun, for certain, when a piece was given.
    const begins = (): boolean => way !== "pieces" || outcome.pieces.length > 0;
    for (let waited = 0; outcome.result === undefined; waited++) {
      if ((waited >= patience && begins()) || !pushNext()) break;
      outcome = take();
    }
    if (outcome.result === undefined && chunks.length === 0) {
      framer.end();
      isEnded = true;
      outcome = take();
    }
    assertStrictEquals(framer.terminator, once ? sticky : terminator);
    if (way === "pieces" && outcome.result === undefined) assert(framer.skip(), "it was begun");
    if (outcome.result instanceof Uint8Array) {
      kept.push({ frame: outcome.result, copy: outcome.result.slice() });
    }

    const isText = way === "text" || (way === "next" && encoding !== undefined);
    const toText = isText ? new TextDecoder(encoding ?? "utf-8", { fatal, ignoreBOM: true }) : null;
    if (kind === null) {
      if (outcome.result === undefined && chunks.length === 0) {
        assertStrictEquals(at, bytes.length, "something is left");
      }
      at = checkAnything(bytes, at, pushed - framer.buffered, outcome, way, toText, options);
    } else {
      let verdict = kind.model(bytes.subarray(at));
      // When nothing is left, and that is known in time, there is nothing that could be too long.
      const isKnown = wasEnded || (isEnded && outcome.result === undefined);
      if (isKnown && at === bytes.length && "needed" in verdict) {
        verdict = { ...verdict, needed: 0 };
      }
      const isOver = chunks.length === 0;
      at = checkFrame(bytes, at, verdict, outcome, way, toText, options, isOver);
    }
  }
  for (const { frame, copy } of kept) assertEquals(frame, copy, "a frame was written into");
}

/** Takes a frame as a whole, or what is here of it; what it throws is its result. */
function takerOf(framer: Framer<Frame>, way: Way, once: Terminator | undefined): () => Outcome {
  const pieces: Uint8Array[] = [];
  const takePieces = (): Frame | undefined => {
    for (;;) {
      const piece = framer.nextPiece(once);
      if (piece === null) return concat(pieces);
      if (piece === undefined) return undefined;
      assert(piece.length > 0, "an empty piece");
      pieces.push(piece);
    }
  };
  const takes: Record<Way, () => Frame | undefined> = {
    next: () => framer.next(once),
    bytes: () => framer.nextBytes(once),
    text: () => framer.nextText(once),
    pieces: takePieces,
  };
  return () => {
    let result: Frame | Error | undefined;
    try {
      result = takes[way]();
    } catch (error) {
      result = error as Error;
    }
    return { result, pieces: concat(pieces) };
  };
}

/** Checks what a step came to, and returns where the next frame begins. */
function checkFrame(
  bytes: Uint8Array,
  at: number,
  verdict: Verdict,
  { result, pieces }: Outcome,
  way: Way,
  toText: Decoder | null,
  run: Run,
  isOver: boolean,
): number {
  const { maxFrameLength } = run;
  const rest = bytes.subarray(at);
  const next = Math.min(bytes.length, at + ("next" in verdict ? verdict.next : 0));
  if (result === undefined && !isOver) {
    // It was given up before it was here: if it was begun in pieces, its rest is dropped.
    if (way !== "pieces") return at;
    assert(!("malformed" in verdict));
    assertEquals(pieces, rest.slice(verdict.skip, verdict.skip + pieces.length));
    return next;
  }
  if ("malformed" in verdict) {
    assertInstanceOf(result, MalformedFrameError);
    return next;
  }
  const isLimited = way !== "pieces" || verdict.whole;
  const counted = "frame" in verdict ? verdict.counted : verdict.needed;
  if (isLimited && (counted > maxFrameLength || (verdict.raw ?? 0) > 2 * maxFrameLength + 1024)) {
    assertInstanceOf(result, FrameTooLongError);
    assertStrictEquals(result.limit, maxFrameLength);
    return next;
  }
  if (!("frame" in verdict)) {
    // What comes before the frame has been dropped if it was known where that lies.
    const isPlaced = verdict.next !== Infinity && !verdict.whole;
    const tail = isPlaced ? rest.slice(verdict.skip) : rest.slice();
    checkIncomplete(rest.slice(), tail, { result, pieces }, way, toText, run);
    return bytes.length;
  }
  if (verdict.wrong) assertInstanceOf(result, MalformedFrameError);
  else assertFrame(result, verdict.frame, toText);
  return next;
}

/** Checks what the end of the stream, in the middle of a frame, came to. */
function checkIncomplete(
  rest: Uint8Array,
  tail: Uint8Array,
  { result, pieces }: Outcome,
  way: Way,
  toText: Decoder | null,
  { incomplete, maxFrameLength: limit }: Run,
): void {
  if (way === "pieces") {
    if (incomplete === "yield") return assertFrame(result, tail, toText);
    // What was handed out cannot be dropped.
    assertInstanceOf(result, IncompleteFrameError);
    return assertEquals(concat([pieces, result.bytes]), tail);
  }
  if (rest.length === 0 || incomplete === "drop") return assertStrictEquals(result, undefined);
  if (incomplete === "yield" && rest.length > limit) {
    return assertInstanceOf(result, FrameTooLongError);
  }
  if (incomplete === "yield") return assertFrame(result, rest, toText);
  assertInstanceOf(result, IncompleteFrameError);
  assertEquals(result.bytes, rest);
}

/** Without a terminator any piece will do, so long as it is the next bytes, and cut between two characters. */
function checkAnything(
  bytes: Uint8Array,
  at: number,
  taken: number,
  { result, pieces }: Outcome,
  way: Way,
  toText: Decoder | null,
  { maxFrameLength }: Run,
): number {
  if (way === "pieces") {
    assertEquals(pieces, bytes.slice(at, at + pieces.length));
    if (result !== undefined) assertStrictEquals(at + pieces.length, bytes.length);
    return at + pieces.length;
  }
  if (result === undefined) return at;
  const [piece, rest] = [bytes.slice(at, taken), bytes.slice(taken)];
  assert(piece.length > 0 && piece.length <= Math.max(toText ? 4 : 1, maxFrameLength));
  assertFrame(result, piece, toText);
  if (toText !== null) {
    const whole = new TextDecoder(toText.encoding, { ignoreBOM: true });
    assertStrictEquals(
      whole.decode(piece) + whole.decode(rest),
      whole.decode(concat([piece, rest])),
    );
  }
  return taken;
}

/** Checks that a frame is these bytes, or their text; or that it was refused because they are none. */
function assertFrame(
  result: Outcome["result"],
  expected: Uint8Array,
  toText: Decoder | null,
): void {
  if (toText === null) return assertEquals(result, expected);
  let text: string | undefined;
  try {
    text = toText.decode(expected);
  } catch {
    assertInstanceOf(result, MalformedFrameError);
    return assertEquals(result.bytes, expected);
  }
  assertStrictEquals(result, text);
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  return ends.map((end) => bytes.slice(start, start = end));
}
