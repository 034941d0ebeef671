/**
 * The property that holds the framer to its promises: any bytes, any terminators applied one after the other, and any
 * chunking give the frames that a simple model finds, which has all bytes at once and searches from the beginning.
 */
import fc from "fast-check";
import { FrameTooLongError, IncompleteFrameError } from "../../src/errors.ts";
import type { Framing } from "../../src/framing.ts";
import { Framer } from "../../src/framer.ts";
import type { Terminator } from "../../src/terminator.ts";
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";

/** What one `next()` came to. */
type Outcome = Uint8Array | Error | undefined;

interface Step {
  readonly terminator: Exclude<Terminator, Framing>;
  /** Given to `next()` for this one frame, instead of being set. */
  readonly once: boolean;
  /** How many chunks are pushed ahead, before the frame is asked for. */
  readonly ahead: number;
  /** How many chunks the frame is waited for, before the next step takes its place. */
  readonly patience: number;
}

interface Run {
  readonly bytes: Uint8Array;
  readonly cuts: readonly number[];
  readonly steps: readonly Step[];
  readonly maxFrameLength: number;
  readonly incomplete: "throw" | "yield" | "drop";
}

/** What the model expects of one `next()`: a frame, an error, or the end; and where the next frame begins. */
interface Expected {
  readonly outcome: Uint8Array | typeof FrameTooLongError | typeof IncompleteFrameError | undefined;
  readonly next: number;
}

// Three letters: delimiters match, nearly match, and overlap all the time.
const letter = fc.integer({ min: 97, max: 99 });
const delimiter = fc.array(letter, { minLength: 1, maxLength: 6 }).map((all) =>
  Uint8Array.from(all)
);

const terminator: fc.Arbitrary<Exclude<Terminator, Framing>> = fc.oneof(
  { weight: 4, arbitrary: delimiter },
  { weight: 2, arbitrary: delimiter.map((bytes) => new TextDecoder().decode(bytes)) },
  { weight: 3, arbitrary: fc.nat({ max: 12 }) },
  { weight: 1, arbitrary: fc.nat({ max: 3_000 }) },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** Short ones for the borders of chunks, long ones for those of the receive buffer's blocks. */
const input = fc.tuple(
  fc.array(letter, { maxLength: 200, size: "max" }),
  fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) }),
).map(([some, times]) => Uint8Array.from(Array.from({ length: times }, () => some).flat()));

const step: fc.Arbitrary<Step> = fc.record({
  terminator,
  once: fc.boolean(),
  ahead: fc.nat({ max: 3 }),
  patience: fc.oneof(fc.constant(Infinity), fc.nat({ max: 3 })),
});

const run: fc.Arbitrary<Run> = fc.record({
  bytes: input,
  cuts: fc.array(fc.nat({ max: 10_000 }), { maxLength: 100, size: "max" }),
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  maxFrameLength: fc.oneof(fc.constant(Infinity), fc.nat({ max: 15 })),
  incomplete: fc.constantFrom("throw", "yield", "drop"),
});

/** Checks the property on random runs. `seed` repeats a failure that was reported. */
export function checkFramer(numRuns: number, seed?: number): void {
  fc.assert(fc.property(run, checkRun), { numRuns, ...seed === undefined ? {} : { seed } });
}

function checkRun({ bytes, cuts, steps, maxFrameLength, incomplete }: Run): void {
  const sticky: Terminator = "sticky";
  const framer = new Framer({ terminator: sticky, maxFrameLength, incomplete });
  const chunks = split(bytes, cuts);
  const pushNext = (): boolean => {
    const chunk = chunks.shift();
    if (chunk !== undefined) framer.push(chunk);
    return chunk !== undefined;
  };

  let at = 0;
  const kept: { frame: Uint8Array; copy: Uint8Array }[] = [];
  for (const { terminator, once, ahead, patience } of steps) {
    for (let i = 0; i < ahead && chunks.length > 0; i++) pushNext();
    framer.terminator = once ? sticky : terminator;

    const ask = (): Outcome => attempt(framer, once ? terminator : undefined);
    let outcome = ask();
    for (let waited = 0; outcome === undefined && waited < patience; waited++) {
      if (!pushNext()) break;
      outcome = ask();
    }
    if (outcome === undefined) {
      if (chunks.length > 0) continue;
      framer.end();
      outcome = ask();
    }

    const expected = terminator === null
      ? expectPiece(bytes, at, outcome, maxFrameLength)
      : expectFrame(bytes, at, terminator, maxFrameLength, incomplete);
    if (typeof expected.outcome === "function") assertInstanceOf(outcome, expected.outcome);
    else assertEquals(outcome, expected.outcome);
    if (outcome instanceof Uint8Array) kept.push({ frame: outcome, copy: outcome.slice() });
    at = expected.next;
    assertStrictEquals(framer.terminator, once ? sticky : terminator);
  }
  for (const { frame, copy } of kept) assertEquals(frame, copy, "a frame was written into");
}

function attempt(framer: Framer, once: Terminator | undefined): Outcome {
  try {
    return framer.next(once);
  } catch (error) {
    return error as Error;
  }
}

function expectFrame(
  bytes: Uint8Array,
  at: number,
  terminator: string | Uint8Array | number,
  limit: number,
  incomplete: Run["incomplete"],
): Expected {
  const rest = bytes.length - at;
  const last: Expected = rest === 0 || incomplete === "drop"
    ? { outcome: undefined, next: bytes.length }
    : {
      outcome: incomplete === "yield" ? bytes.slice(at) : IncompleteFrameError,
      next: bytes.length,
    };

  if (typeof terminator === "number") {
    const next = Math.min(at + terminator, bytes.length);
    if (terminator > limit) return { outcome: FrameTooLongError, next };
    return terminator > rest ? last : { outcome: bytes.slice(at, next), next };
  }
  const sought = typeof terminator === "string" ? new TextEncoder().encode(terminator) : terminator;
  const end = indexOf(bytes, sought, at);
  const length = end < 0 ? rest - matchedAtEnd(bytes.subarray(at), sought) : end - at;
  const next = end < 0 ? bytes.length : end + sought.length;
  if (length > limit) return { outcome: FrameTooLongError, next };
  return end < 0 ? last : { outcome: bytes.slice(at, end), next };
}

/** Without a terminator any piece will do, so long as it is the next bytes. */
function expectPiece(
  bytes: Uint8Array,
  at: number,
  outcome: unknown,
  limit: number,
): Expected {
  if (at === bytes.length) return { outcome: undefined, next: at };
  assertInstanceOf(outcome, Uint8Array);
  const { length } = outcome;
  assertEquals(length > 0 && length <= Math.max(1, limit), true);
  return { outcome: bytes.slice(at, at + length), next: at + length };
}

function indexOf(bytes: Uint8Array, sought: Uint8Array, from: number): number {
  for (let at = from; at + sought.length <= bytes.length; at++) {
    if (sought.every((byte, i) => byte === bytes[at + i])) return at;
  }
  return -1;
}

/** How many bytes at the end may be the beginning of the delimiter. */
function matchedAtEnd(bytes: Uint8Array, sought: Uint8Array): number {
  for (let count = Math.min(sought.length - 1, bytes.length); count > 0; count--) {
    if (bytes.subarray(-count).every((byte, i) => byte === sought[i])) return count;
  }
  return 0;
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  return ends.map((end) => bytes.slice(start, start = end));
}
