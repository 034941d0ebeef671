/** What frames cost: work in proportion to the bytes, each copied a bounded number of times, and memory in proportion to what is held. */
import { test } from "node:test";
import { assertLess } from "@std/assert";
import type { Frame, Framer as FramerOf, FramerOptions, Terminator } from "../../mod.ts";
import { bytes, concat } from "../support/bytes.ts";
import { beginToCount, type Work, workOf } from "../support/work.ts";

await beginToCount();
const asynchat = await import("../../mod.ts");
const { anyOf, delimited, Framer, lengthPrefixed, lines, netstring, varintPrefixed } = asynchat;

type AnyFramer = FramerOf<Frame>;

interface Scenario {
  readonly terminator: Terminator;
  /** What is repeated until it is long enough. */
  readonly repeated: string | Uint8Array;
  /** What comes at last. */
  readonly last?: string;
  readonly options?: Partial<FramerOptions>;
  /** What is done after each chunk. Default: all frames are taken. */
  readonly take?: (framer: AnyFramer) => void;
}

function takeAll(framer: AnyFramer): void {
  for (;;) {
    try {
      if (framer.next() === undefined) return;
    } catch {
      // It is too long.
    }
  }
}

function takePieces(framer: AnyFramer): void {
  while (framer.nextPiece() !== undefined);
}

function takeInTurns(framer: AnyFramer): void {
  for (let taken = true; taken;) {
    taken = framer.next("\n") !== undefined && framer.next(5) !== undefined;
  }
}

const NEVER = "never";

const SCENARIOS: Record<string, Scenario> = {
  "a long frame": { terminator: "\r\n", repeated: "x", last: "\r\n" },
  "a long frame that nearly ends all along": {
    terminator: "a".repeat(20) + "b",
    repeated: "a".repeat(19) + "b",
  },
  "a long frame that may end with any of several": {
    terminator: anyOf("abcabcd", "bca", "cabx\n"),
    repeated: "abcab",
  },
  "a long frame in pieces": { terminator: "\r\n", repeated: "x\r", take: takePieces },
  "a frame that is too long": {
    terminator: "\r\n",
    repeated: "x\r",
    options: { maxFrameLength: 10 },
  },
  "a long frame whose delimiter's last byte is everywhere": { terminator: "ba", repeated: "a" },
  "a long frame of 200 delimiters that begin alike": {
    terminator: anyOf(...Array.from({ length: 200 }, (_, i) => `aa${i}`)),
    repeated: "a",
  },
  "what comes to nothing": {
    terminator: {
      *decode() {
        const line = yield "\n";
        return line.length === 0 ? undefined : line;
      },
    },
    repeated: "\n",
  },
  "records that end where the next one begins": {
    terminator: {
      *decode() {
        const { length } = yield delimited("\n", { keep: true });
        yield 1;
        return { skip: 0, length };
      },
    },
    repeated: "record\n",
  },
  "delimiters of which one begins another": {
    terminator: anyOf("\r", "\r\n", "\n"),
    repeated: "a\r\nb\r",
  },
  "lines of latin1": { terminator: "\n", repeated: "line\n", options: { encoding: "latin1" } },
  "a count": { terminator: 100_000, repeated: "x" },
  "records": { terminator: 10, repeated: "x" },
  "whatever comes": { terminator: null, repeated: "x" },
  "lines": { terminator: lines(), repeated: "one\r\ntwo\n\n" },
  "lines, when the framer is ready": {
    terminator: "\n",
    repeated: "line\n",
    take: (framer) => {
      while (framer.ready) framer.next();
    },
  },
  "lines of text": { terminator: "\n", repeated: "línea\n", options: { encoding: "utf-8" } },
  "lines of which many are no text": {
    terminator: "\n",
    repeated: Uint8Array.of(120, 10, 255, 10),
    options: { encoding: "utf-8", fatal: true },
  },
  "text that comes without an end": {
    terminator: null,
    repeated: "ñ€",
    options: { encoding: "utf-8" },
  },
  "frames that end with any of several": {
    terminator: anyOf("a", "abab", "b"),
    repeated: "xabaxabab",
  },
  "netstrings": { terminator: netstring(), repeated: "12:hello world!," },
  "frames with a length": { terminator: lengthPrefixed(), repeated: "\0\0\0\x03abc" },
  "frames with a varint": { terminator: varintPrefixed(), repeated: "\x03abc" },
  "a long frame with a length": {
    terminator: lengthPrefixed(),
    repeated: concat([Uint8Array.of(0, 1, 0, 0), new Uint8Array(2 ** 16)]),
  },
  "lines and counts in turns": { terminator: NEVER, repeated: "5\nhello", take: takeInTurns },
  "a long frame that a framing makes": {
    terminator: {
      *decode() {
        return yield "\r\n";
      },
    },
    repeated: "x",
    last: "\r\n",
  },
  "a long frame that a framing reads byte by byte": {
    terminator: {
      *decode() {
        while ((yield 1)[0] !== 10);
        return { skip: 0, length: 1 << 20 };
      },
    },
    repeated: "x",
  },
};

/** What the scenario takes for so many bytes, in chunks of a length. */
function run(
  { terminator, repeated, last = "", options = {}, take = takeAll }: Scenario,
  length: number,
  chunk: number,
): Promise<Work> {
  const unit = typeof repeated === "string" ? bytes(repeated) : repeated;
  const input = concat(Array.from({ length: Math.ceil(length / unit.length) }, () => unit))
    .subarray(0, length);
  const chunks = Array.from(
    { length: Math.ceil(length / chunk) },
    (_, i) => new Uint8Array(input.subarray(i * chunk, (i + 1) * chunk)),
  );
  const framer = new Framer<Frame>({ terminator, maxFrameLength: Infinity, ...options });
  return workOf(() => {
    for (const chunk of [...chunks, bytes(last)]) {
      framer.push(chunk);
      take(framer);
    }
  });
}

test("work grows with the bytes and no faster, whatever the chunks; a byte is copied three times at most, and not where its frame lies in one", async () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    for (const chunk of [1, Infinity]) {
      const [some, more] = [6_000, 24_000];
      const less = await run(scenario, some, Math.min(some, chunk));
      const work = await run(scenario, more, Math.min(more, chunk));
      const of =
        `${name} in chunks of ${chunk}: ${work.done} is done, and ${less.done} for a quarter`;
      assertLess(work.done, 5 * less.done, of);
      assertLess(work.copied, (chunk === Infinity ? 0 : 3 * more) + 10, `${of}, copied`);
    }
  }
});

test("no byte is looked at again, however often a frame is asked for, by an equal delimiter, and in vain", async () => {
  const length = 32_000;
  const framer = new Framer({ terminator: "\r\n" });
  const asks = 100;
  const { done } = await workOf(() => {
    for (let i = 0; i < asks; i++) {
      if (i % 50 === 0) framer.push(new Uint8Array(length));
      framer.next(i % 2 === 0 ? bytes("\r\n") : "\r\n");
    }
  });
  assertLess(done, 2 * length * 1.1 + 200 * asks);
});

test("a delimiter is made ready once, however often it is set", async () => {
  const set = (): void => void new Framer({ terminator: "x".repeat(60) });
  const first = await workOf(set);
  const second = await workOf(set);
  assertLess(4 * second.done, first.done);
});

/** The arrays that what is held lies in, which is taken. */
function arraysOf(framer: AnyFramer): Set<ArrayBufferLike> {
  const arrays: Set<ArrayBufferLike> = new Set();
  for (let piece; (piece = framer.nextPiece());) arrays.add(piece.buffer);
  return arrays;
}

test("small chunks are held together, in few arrays, that are no larger than they must be", () => {
  const length = 70_000; // no block is full at the end
  const framer = new Framer({ terminator: length });
  for (let i = 0; i < length; i++) framer.push(new Uint8Array(1));
  const arrays = [...arraysOf(framer)];
  assertLess(arrays.length, 10);
  assertLess(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0), 4 * length);
  // And those of a large backlog are not kept when it is gone.
  framer.terminator = 2;
  for (let i = 0; i < 2; i++) framer.push(new Uint8Array(1));
  for (const { byteLength } of arraysOf(framer)) assertLess(byteLength, 8 * 1024);
});
