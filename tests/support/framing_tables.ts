/** What the tables of the framings' tests say, checked: what bytes are cut into, however they arrive, and how they end. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  ChatError,
  Framer,
  type FramerOptions,
  FrameTooLongError,
  FramingError,
  IncompleteFrameError,
  MalformedFrameError,
  type Terminator,
} from "../../mod.ts";
import { bytes, concat, isEqual } from "./bytes.ts";

// deno-lint-ignore no-explicit-any -- a class with any constructor
type ErrorType = new (...args: any[]) => Error;

/** Bytes, or text that is sent as UTF-8. */
export type Data = Uint8Array | string;

/** An error in the place of a frame. */
export interface Fault {
  readonly type: ErrorType;
  /** What its message says. */
  readonly says: string;
  /** What else it must have: `bytes`, `seen` and the like. */
  readonly with: Readonly<Record<string, unknown>>;
}

type Found = Uint8Array | Error;

/** What is read: frames, and errors in the place of some. */
export type Read = Data | Fault;

export type Options = Omit<FramerOptions, "terminator" | "encoding" | "incomplete">;

/** What can be no frame: what is said of it, and the bytes that tell so. */
export function malformed(says: string, bytes?: Data): Fault {
  return {
    type: MalformedFrameError,
    says,
    with: bytes === undefined ? {} : { bytes: toBytes(bytes) },
  };
}

/** A frame that is longer than the limit, and how long it is known to be, if that does not depend on the chunks. */
export function tooLong(limit: number, seen?: number): Fault {
  const also = seen === undefined ? {} : { seen };
  return { type: FrameTooLongError, says: `maxFrameLength of ${limit}`, with: { limit, ...also } };
}

/** What is refused for one reason or another, but not for what the program did. */
export function peersFault(says: string): Fault {
  return { type: ChatError, says, with: {} };
}

/** What a framing must not do. */
export function misused(says: string): Fault {
  return { type: FramingError, says, with: {} };
}

/**
 * Checks that the input is read as it should be: in one chunk, byte by byte, cut in two anywhere, asked for after each chunk and
 * at last, as a whole, in pieces, and when `ready` says so.
 *
 * @param rest What is left at the end: it is thrown, given or dropped, as the option `incomplete` says.
 */
export function checkCuts(
  terminator: Terminator,
  input: Data,
  expected: readonly Read[],
  { rest = "", ...options }: Options & { rest?: Data } = {},
): void {
  const all = toBytes(input);
  const left = toBytes(rest);
  const isLimited = options.maxFrameLength !== undefined;
  const end = left.length > 0 ? [incomplete(left)] : [];
  const ways = [readFrames, ...isLimited ? [] : [readPieces]];
  for (const chunks of cutsOf(all)) {
    for (const read of chunks.length === 2 ? ways : [...ways, readAtLast, readReady]) {
      const framer = new Framer({ ...options, terminator });
      const found: Found[] = [];
      const begun: Uint8Array[] = [];
      for (const chunk of chunks) {
        framer.push(chunk);
        found.push(...read(framer, begun, false));
      }
      framer.end();
      found.push(...read(framer, begun, true));
      // A reader of pieces always expects a frame, and what it was given is none of the error.
      const last = read === readPieces ? [{ ...incomplete(left), says: "", with: {} }] : end;
      assertMany(found, [...expected, ...last]);
      assertEquals([framer.next(), framer.ready, framer.buffered], [undefined, false, 0]);
    }
  }
  for (const incomplete of ["yield", "drop"] as const) {
    const framer = new Framer({ ...options, terminator, incomplete });
    framer.push(all);
    framer.end();
    // Only what a delimiter would have ended is given.
    const last = left.length === 0 || incomplete === "drop"
      ? []
      : isDelimited(terminator)
      ? [left]
      : end;
    assertMany([...readReady(framer)], [...expected, ...last]);
  }
}

function isDelimited(terminator: Terminator): boolean {
  return typeof terminator === "string" || terminator instanceof Uint8Array ||
    (typeof terminator === "object" && terminator !== null && "keep" in terminator);
}

/** Checks what is refused, and in what words: the last of each row. */
export function checkRefusals<A extends readonly unknown[]>(
  type: ErrorType,
  call: (...args: A) => unknown,
  rows: readonly (readonly [...args: A, says: string])[],
): void {
  for (const row of rows) {
    const args = row.slice(0, -1) as unknown as A;
    assertThrows(() => call(...args), type, row.at(-1) as string);
  }
}

function incomplete(rest: Uint8Array): Fault {
  return { type: IncompleteFrameError, says: `${rest.length} bytes into`, with: { bytes: rest } };
}

/** The input in one chunk, byte by byte, and cut in two at many places. */
export function* cutsOf(input: Uint8Array): Generator<Uint8Array[]> {
  const begin = input.subarray(0, 1_000);
  yield [input];
  yield [...Array.from(begin, (_, at) => input.slice(at, at + 1)), input.slice(begin.length)];
  const step = Math.ceil(input.length / (begin.length === input.length ? 40 : 6));
  for (let at = 1; at < input.length; at += step) yield [input.slice(0, at), input.slice(at)];
}

function* readFrames(framer: Framer): Generator<Found> {
  for (let asked = 0; asked < 10_000; asked++) {
    const frame = attempt(() => framer.next());
    if (frame === undefined) return;
    yield frame;
  }
  throw new Error("it goes on and on");
}

function readAtLast(framer: Framer, _: unknown, isLast: boolean): Iterable<Found> {
  return isLast ? readFrames(framer) : [];
}

function* readReady(framer: Framer): Generator<Found> {
  while (framer.ready) yield attempt(() => framer.next())!;
  assertStrictEquals(framer.next(), undefined);
}

/** Reads frames in pieces; those of one that is not here yet are gathered in `begun`. */
function* readPieces(framer: Framer, begun: Uint8Array[]): Generator<Found> {
  for (;;) {
    const piece = attempt(() => framer.nextPiece());
    if (piece === undefined) return;
    if (piece instanceof Uint8Array) begun.push(piece);
    else {
      yield piece ?? concat(begun.splice(0));
      if (piece instanceof IncompleteFrameError) return;
      if (piece !== null) begun.length = 0;
    }
  }
}

function attempt<T>(call: () => T): T | Error {
  try {
    return call();
  } catch (error) {
    return error as Error;
  }
}

function assertMany(found: readonly Found[], expected: readonly Read[]): void {
  for (const [i, each] of expected.entries()) {
    if (typeof each === "string" || each instanceof Uint8Array) {
      assertFrame(found[i], toBytes(each));
    } else assertFault(found[i], each);
  }
  assertEquals(found.length, expected.length);
}

function assertFrame(found: Found | undefined, expected: Uint8Array): void {
  if (found instanceof Uint8Array && isEqual(found, expected)) return;
  assertEquals(found, expected);
}

function assertFault(found: unknown, { type, says, with: also }: Fault): void {
  assertInstanceOf(found, type);
  assertStrictEquals(found instanceof FramingError, type === FramingError);
  assert(found.message.includes(says), `${found.message} lacks ${says}`);
  for (const [name, value] of Object.entries(also)) assertEquals(Reflect.get(found, name), value);
}

function toBytes(data: Data): Uint8Array {
  return typeof data === "string" ? bytes(data) : data;
}
