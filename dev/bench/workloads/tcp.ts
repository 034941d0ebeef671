/**
 * Lines over TCP: see over_tcp.ts.
 *
 * The limit is the runtime's own socket where nothing is done with the bytes: what is lost to it is what framing costs. It cannot
 * count lines, so its frames are those that so many bytes are. Beside it is what one writes by hand on that socket: a search for
 * the newline in each chunk, and a view a line. With short lines these are what takes the time, with long ones it is the
 * socket. Python's two ways to read lines, the one that the library is named after among
 * them, are slower by far, and have a contest of their own with fewer lines.
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../../../tests/support/programs.ts";
import type { Contest, Contestant, Tally, Work } from "../contest.ts";
import { isHere } from "../external.ts";
import { Receivers, sendFile, type Sink } from "../over_tcp.ts";
import { LineScanner } from "../peers/by_hand.ts";
import { countBatches, countEach } from "../tally.ts";

/** How many lines, and how long each is. */
interface LineSizes {
  readonly name: string;
  readonly count: number;
  readonly length: number;
}

const SHORT: LineSizes = { name: "lines of 64 bytes over TCP", count: 2 ** 21, length: 64 };
const LONG: LineSizes = { name: "lines of 1 KiB over TCP", count: 2 ** 17, length: 1024 };
const FOR_PYTHON: LineSizes = {
  name: "lines of 64 bytes over TCP, in JavaScript and in Python",
  count: 2 ** 18,
  length: 64,
};
const LINES_AT_A_TIME = 2 ** 10;
const ROUNDS_WITH_PYTHON = 3;

/** A file, and what it holds. */
interface Lines {
  readonly path: string;
  readonly tally: Tally;
  readonly work: Work;
}

/** The module that each uses. */
const PYTHON: Readonly<Record<string, string>> = {
  "Python's asyncio, readline()": "asyncio",
  "Python's asynchat": "asynchat",
};

export async function* contests(): AsyncGenerator<Contest> {
  if (!isHere("all of it", "command -v socat")) return;
  const folder = mkdtempSync(join(tmpdir(), "asynchat-bench-"));
  await using receivers = await Receivers.listen();
  const programs: Program[] = [];
  try {
    for (const sizes of [SHORT, LONG]) {
      const lines = writeLines(join(folder, `of ${sizes.length}`), sizes);
      yield {
        name: sizes.name,
        tally: lines.tally,
        isOfFrames: true,
        work: lines.work,
        contestants: {
          "Chat, for await": receivers.byChat(lines.path, countEach),
          "Chat, batches()": receivers.byChat(lines.path, (chat) => countBatches(chat.batches())),
          "socket, and a loop by hand": receivers.bySocket(lines.path, () => new LineScanner()),
          "limit: socket": receivers.bySocket(lines.path, () => new ByteCounter(sizes.length)),
        },
        figures: [
          {
            name: "batches(), against the runtime's socket",
            ours: "Chat, batches()",
            against: ["limit: socket"],
            atLeast: 0.85,
            inChart: true,
          },
          {
            name: "for await, against the runtime's socket",
            ours: "Chat, for await",
            against: ["limit: socket"],
            ...sizes === SHORT ? { atLeast: 0.6, inChart: true } : {},
          },
          {
            name: "batches(), against the socket and a loop by hand",
            ours: "Chat, batches()",
            against: ["socket, and a loop by hand"],
            inChart: true,
          },
        ],
      };
    }

    const fewer = writeLines(join(folder, "for Python"), FOR_PYTHON);
    const peers: Record<string, Contestant> = {};
    for (const [who, module] of Object.entries(PYTHON)) {
      if (!isHere(who, `python3 -W ignore -c 'import ${module}'`)) continue;
      const file = `dev/bench/peers/${module}_lines.py`;
      const program = new Program(["python3", "-W", "ignore", file]);
      programs.push(program);
      peers[who] = await inPython(program, fewer);
    }
    if (programs.length === 0) return;
    yield {
      name: FOR_PYTHON.name,
      tally: fewer.tally,
      isOfFrames: true,
      work: fewer.work,
      rounds: ROUNDS_WITH_PYTHON,
      contestants: { "Chat, for await": receivers.byChat(fewer.path, countEach), ...peers },
      figures: [
        {
          name: "for await, against the best of Python",
          ours: "Chat, for await",
          against: Object.keys(peers),
          inChart: true,
        },
      ],
    };
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }
}

function writeLines(path: string, sizes: LineSizes): Lines {
  const { count, length } = sizes;
  const piece = `${"0123456789abcdef".repeat(length / 16)}\n`.repeat(LINES_AT_A_TIME);
  for (let written = 0; written < count; written += LINES_AT_A_TIME) appendFileSync(path, piece);
  return {
    path,
    tally: { frames: count, length: count * length },
    work: { amount: count * (length + 1) / 1e6, unit: "MB" },
  };
}

/** Counts bytes, and does nothing else. */
class ByteCounter implements Sink {
  readonly #lineLength: number;
  #bytes = 0;

  constructor(lineLength: number) {
    this.#lineLength = lineLength;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
  }

  get frames(): number {
    return this.#bytes / (this.#lineLength + 1);
  }

  get length(): number {
    return this.frames * this.#lineLength;
  }
}

/** A program that prints how many lines each connection had, and how long these were in all. */
async function inPython(program: Program, lines: Lines): Promise<Contestant> {
  const port = await program.listening();
  let served = 0;
  return async () => {
    const counted = program.line(new RegExp(`^${++served}: (\\d+) (\\d+)$`));
    await sendFile(lines.path, port);
    const [, frames, length] = await counted;
    return { frames: Number(frames), length: Number(length) };
  };
}
