// checkConnection(): the guarantees of a connection, as checks.

import { areEqual, concat, describeBytes, toBytes } from "../common/bytes.ts";
import { checkFunction, describe, typeName } from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "../connection/connection.ts";
import { checkIsConnection } from "../connection/native.ts";
import { ChatError, ClosedError, ConnectionError } from "../errors.ts";

/** Makes two connections with each other, fresh ones at each call. */
export type MakePair = () => Promise<[Connection, Connection]> | [Connection, Connection];

/** One thing that every {@linkcode Connection} guarantees. */
export interface ConnectionCheck {
  /** What it does, as the end of a sentence that begins with the connection's name. */
  readonly name: string;
  /**
   * Checks it, and closes both connections.
   * @param makePair Makes the connections.
   * @throws {ConformanceError} If they do not do it. What they throw themselves is passed on.
   */
  readonly run: (makePair: MakePair) => Promise<void>;
}

/** A connection does not do what every connection must. */
export class ConformanceError extends ChatError {
  /**
   * Makes a `ConformanceError`.
   * @param message What it did, and what was expected.
   * @param options The `cause`: what it threw.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("conformance", message, options);
  }
}

/**
 * Holds an implementation of {@linkcode Connection} to what every one of them guarantees: order, nothing lost when it
 * is slow or closed, directions that are independent, half-close, errors. Each check gets a pair of its own.
 *
 * @param makePair Makes two connections with each other.
 * @returns Resolves when all checks have passed.
 * @throws {ConformanceError} At the first that has not, with its name; the `cause` says what went wrong.
 *
 * @example
 * ```ts
 * import { memoryPair } from "@asynchat/asynchat";
 * import { checkConnection } from "@asynchat/asynchat/testing";
 *
 * await checkConnection(() => memoryPair());
 * ```
 */
export async function checkConnection(makePair: MakePair): Promise<void> {
  checkFunction("makePair", makePair);
  for (const { name, run } of CONNECTION_CHECKS) {
    try {
      await inTime(run(makePair));
    } catch (cause) {
      throw new ConformanceError(`it must be so that it ${name}: ${describe(cause)}`, { cause });
    }
  }
}

/** What waits for what never comes would not end. Milliseconds. */
const LONGEST_CHECK = 60_000;

async function inTime(checking: Promise<void>): Promise<void> {
  const late = new Deferred<never>();
  const problem = `it has waited for ${LONGEST_CHECK} ms, and what it waits for has not come`;
  const timer = setTimeout(() => late.reject(new ConformanceError(problem)), LONGEST_CHECK);
  await Promise.race([checking, late.promise]).finally(() => clearTimeout(timer));
}

const MEGABYTE = 1024 * 1024;
/** More than a transport takes at once. */
const LONG_WRITE = 16 * MEGABYTE;
/** As much as each write of {@linkcode writeUntilOneWaits} has. */
const PIECE = 64 * 1024;
/** More than any transport takes of which nothing is read: the system's buffers are a tenth of it. */
const MOST_BUFFERED = 64 * MEGABYTE;
/** How many messages go the other way while a write is watched that seems to wait. */
const ROUND_TRIPS = 20;
const bytes = (text: string): Uint8Array => toBytes("text", text);

/** The checks one by one, to register each as a test of its own. */
export const CONNECTION_CHECKS: readonly ConnectionCheck[] = [
  check(
    "delivers bytes in order, each once, when they are written in all sizes",
    async (left, right) => {
      const data = countingBytes(4 * MEGABYTE + 3);
      const received = readAll(right);
      for (let at = 0, size = 0; at < data.length; at += size, size = size * 3 + 1) {
        await left.write(data.subarray(at, at + size));
      }
      await left.closeWrite();
      assertBytes(await received, data);
    },
  ),

  check("sends nothing when an empty array is written", async (left, right) => {
    await left.write(new Uint8Array(0));
    await left.write(bytes("x"));
    assertBytes(await right.read(), bytes("x"));
  }),

  check(
    "has taken all of a write that has resolved, so that the buffer can be reused",
    async (left, right) => {
      const buffer = new Uint8Array(MEGABYTE);
      const received = readExactly(right, 4 * MEGABYTE);
      for (const value of [1, 2, 3, 4]) await left.write(buffer.fill(value));
      buffer.fill(9);
      const all = await received;
      for (const value of [1, 2, 3, 4]) {
        const part = all.subarray((value - 1) * MEGABYTE, value * MEGABYTE);
        assert(areEqual(part, buffer.fill(value)), "the buffer was written into too early");
      }
    },
  ),

  check("hands out chunks that it never writes into again", async (left, right) => {
    const kept: { chunk: Uint8Array; copy: Uint8Array }[] = [];
    for (let i = 0; i < 200; i++) {
      await left.write(bytes(`message ${i}`));
      const chunk = (await right.read())!;
      kept.push({ chunk, copy: chunk.slice() });
    }
    for (const { chunk, copy } of kept) assertBytes(chunk, copy);
  }),

  check(
    "makes the writer wait while the reader does not ask, and reads on in the other direction",
    async (left, right) => {
      const { writing, length } = await writeUntilOneWaits(left, right);
      assertBytes(await readExactly(right, length), countingBytes(length));
      await writing;
    },
  ),

  check(
    "tells the end to the peer after closeWrite(), again and again, and reads on",
    async (left, right) => {
      await left.write(bytes("question"));
      await left.closeWrite();
      assertBytes(await readAll(right), bytes("question"));
      assertEnd(await right.read());
      assertEnd(await right.read());
      await right.write(bytes("answer"));
      await right.closeWrite();
      assertBytes(await readAll(left), bytes("answer"));
      assertEnd(await left.read());
    },
  ),

  check("is closed by itself when both directions have ended", async (left, right) => {
    await Promise.all([left.closeWrite(), right.closeWrite()]);
    assertEnd(await left.read());
    assertEnd(await right.read());
    await Promise.all([left.closed, right.closed]);
  }),

  check("is closed by itself when it ends its direction after the peer", async (left, right) => {
    await right.closeWrite();
    assertEnd(await left.read());
    await left.closeWrite();
    assertEnd(await right.read());
    await Promise.all([left.closed, right.closed]);
  }),

  check("gives a read what arrives after it was asked for", async (left, right) => {
    const reading = readExactly(right, 4);
    await left.write(bytes("late"));
    assertBytes(await reading, bytes("late"));
  }),

  check(
    "rejects a waiting read with ClosedError and the reason when it is closed",
    async (left) => {
      const reason = new Error("enough");
      const reading = left.read();
      left.close(reason);
      const error = await assertClosed(reading);
      assert(error.cause === reason, "the reason is not the cause of the ClosedError");
    },
  ),

  check("rejects a waiting write with ClosedError when it is closed", async (left) => {
    const writing = left.write(new Uint8Array(LONG_WRITE));
    left.close();
    await assertClosed(writing);
  }),

  check(
    "rejects everything with ClosedError after close(), which can be repeated",
    async (left) => {
      left.close();
      left.close(new Error("again"));
      await left.closed;
      left.close();
      await assertClosed(left.read());
      await assertClosed(left.write(bytes("x")));
      await assertClosed(left.closeWrite());
    },
  ),

  check(
    "hands out what the peer sent before it closed, and the end after it",
    async (left, right) => {
      await left.write(bytes("last words"));
      left.close();
      assertBytes(await readAll(right), bytes("last words"));
    },
  ),

  check("ends the peer's reading when it is closed while the peer waits", async (left, right) => {
    const reading = right.read();
    left.close();
    assertEnd(await reading);
  }),

  check(
    'rejects a waiting write with a ConnectionError, "reset", when the peer is closed',
    async (left, right) => {
      const writing = left.write(new Uint8Array(LONG_WRITE));
      right.close();
      await assertReset(writing);
    },
  ),

  check(
    'rejects writes with a ConnectionError, "reset", when the peer was closed',
    async (left, right) => {
      right.close();
      await right.closed;
      await assertReset(writeOn(left)); // the first may be on its way before the transport knows
    },
  ),

  check("goes on writing after the peer has ended its direction", async (left, right) => {
    await right.closeWrite();
    assertEnd(await left.read());
    const data = countingBytes(4 * MEGABYTE);
    const received = readAll(right);
    await left.write(data);
    await left.closeWrite();
    assertBytes(await received, data);
  }),
];

function check(
  name: string,
  body: (left: Connection, right: Connection) => Promise<void>,
): ConnectionCheck {
  return {
    name,
    async run(makePair) {
      const pair = await makePair();
      if (!Array.isArray(pair)) {
        throw new TypeError(
          `makePair must give an array of two connections, not ${typeName(pair)}`,
        );
      }
      for (const connection of [pair[0], pair[1]]) checkIsConnection(connection);
      const [left, right] = pair;
      try {
        await body(left, right);
      } finally {
        left.close();
        right.close();
        await Promise.all([left.closed, right.closed]);
      }
    },
  };
}

/** Reads to the end. */
async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return concat(...chunks);
}

async function readExactly(connection: Connection, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let missing = length; missing > 0;) {
    const chunk = await connection.read();
    assert(chunk !== null, `the stream ended ${missing} bytes early`);
    missing -= chunk.length;
    chunks.push(chunk);
  }
  return concat(...chunks);
}

/**
 * Bytes in which no two stretches are alike, so that what is lost, doubled or out of order is seen.
 * @param start Where they begin, of all such bytes: a multiple of 4.
 */
function countingBytes(length: number, start: number = 0): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = start / 4 + i;
  return new Uint8Array(words.buffer, 0, length);
}

/** A write that has not resolved. */
interface Waiting {
  readonly writing: Promise<void>;
  /** How many bytes were written, with it. */
  readonly length: number;
}

/**
 * Writes {@linkcode countingBytes}, of which nothing is read, until the transport takes no more: the buffers on the way are
 * full. A write counts as waiting when it has not resolved while many messages went through in the other direction, and the
 * event loop made as many turns; one that resolves late, on a slow machine, is followed by the next. A transport that takes
 * {@linkcode MOST_BUFFERED} in this way has no limit.
 */
async function writeUntilOneWaits(left: Connection, right: Connection): Promise<Waiting> {
  for (let start = 0; start < MOST_BUFFERED; start += PIECE) {
    let isWaiting = true;
    const settle = (): boolean => isWaiting = false;
    const writing = left.write(countingBytes(PIECE, start));
    writing.then(settle, settle);
    for (let i = 0; i < ROUND_TRIPS && isWaiting; i++) {
      const message = bytes(`message ${i}`);
      await right.write(message);
      assertBytes(await readExactly(left, message.length), message);
      if (isWaiting) await turn();
    }
    if (isWaiting) return { writing, length: start + PIECE };
    await writing;
  }
  throw new ConformanceError(`${MOST_BUFFERED} bytes were taken, though nobody read`);
}

/** A turn of the event loop: what a transport does later, it does then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function assert(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new ConformanceError(problem);
}

function assertBytes(found: Uint8Array | null, expected: Uint8Array): void {
  assert(found !== null, `the stream ended, where ${expected.length} bytes were to come`);
  assert(
    areEqual(found, expected),
    `${found.length} bytes came, ${describeBytes(found)}, and not ${expected.length}, ${
      describeBytes(expected)
    }`,
  );
}

function assertEnd(found: Uint8Array | null): void {
  assert(found === null, `${found?.length} bytes came, where the stream should have ended`);
}

/** Writes more than a transport takes of which nothing is read. */
async function writeOn(connection: Connection): Promise<void> {
  const piece = new Uint8Array(PIECE);
  for (let at = 0; at < MOST_BUFFERED; at += PIECE) await connection.write(piece);
}

async function assertReset(result: Promise<unknown>): Promise<void> {
  try {
    await result;
  } catch (error) {
    const isReset = error instanceof ConnectionError && error.code === "reset";
    return assert(isReset, `${describe(error)} was thrown, and no ConnectionError "reset"`);
  }
  throw new ConformanceError("the write was taken, though the peer is closed");
}

async function assertClosed(result: Promise<unknown>): Promise<ClosedError> {
  try {
    await result;
  } catch (error) {
    assert(error instanceof ClosedError, `${describe(error)} was thrown, and no ClosedError`);
    return error;
  }
  throw new ConformanceError("no ClosedError was thrown");
}
