/**
 * Lines over TCP, on the loopback interface. The sender is socat, in a process of its own, which sends a file: so the sender is the
 * same for all, and no JavaScript. A contestant is one connection that takes the whole file, from the start of socat to the
 * end of the stream.
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
import { type Chat, listen } from "../../mod.ts";
import { Program } from "../../tests/support/programs.ts";
import type { Contest, Contestant, Tally } from "../contest.ts";
import { isHere, run, unlessFails } from "../external.ts";
import { type BareServer, listenBare } from "../peers/bare_socket.ts";
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
const ROUNDS = 7;
const ROUNDS_WITH_PYTHON = 5;

/** A file, and what it holds. */
interface Lines {
  readonly path: string;
  readonly sizes: LineSizes;
  readonly tally: Tally;
}

/** The module that each uses. */
const PYTHON: Readonly<Record<string, string>> = {
  "Python's asyncio, readline()": "asyncio",
  "Python's asynchat": "asynchat",
};

export async function* contests(): AsyncGenerator<Contest> {
  if (!isHere("all of it", "command -v socat")) return;
  const folder = mkdtempSync(join(tmpdir(), "asynchat-bench-"));
  await using listener = await listen({ port: 0, terminator: "\n" });
  using bytes = await OnSocket.listen(({ length }) => new ByteCounter(length));
  using scanned = await OnSocket.listen(() => new LineScanner());
  const programs: Program[] = [];
  const chatOf = (count: (chat: Chat) => Promise<Tally>, lines: Lines): Contestant => async () => {
    const sending = send(lines, listener.address.port);
    const chat = (await unlessFails(listener.accept(), sending))!;
    const tally = await count(chat);
    await Promise.all([sending, chat.closeWhenDone()]);
    return tally;
  };
  try {
    for (const sizes of [SHORT, LONG]) {
      const lines = writeLines(join(folder, `of ${sizes.length}`), sizes);
      const target = (ratio: number) => sizes === SHORT ? { atLeast: ratio } : {};
      yield {
        name: sizes.name,
        tally: lines.tally,
        rounds: ROUNDS,
        contestants: {
          "Chat, for await": chatOf(countEach, lines),
          "Chat, batches()": chatOf((chat) => countBatches(chat.batches()), lines),
          "socket, and a loop by hand": () => scanned.take(lines),
          "limit: socket": () => bytes.take(lines),
        },
        figures: [
          {
            name: "batches(), against the runtime's socket",
            ours: "Chat, batches()",
            against: ["limit: socket"],
            ...target(0.85),
          },
          {
            name: "for await, against the runtime's socket",
            ours: "Chat, for await",
            against: ["limit: socket"],
            ...target(0.6),
          },
          {
            name: "batches(), against the socket and a loop by hand",
            ours: "Chat, batches()",
            against: ["socket, and a loop by hand"],
          },
        ],
      };
    }

    const fewer = writeLines(join(folder, "for Python"), FOR_PYTHON);
    const peers: Record<string, Contestant> = {};
    for (const [who, module] of Object.entries(PYTHON)) {
      if (!isHere(who, `python3 -W ignore -c 'import ${module}'`)) continue;
      const file = `bench/peers/${module}_lines.py`;
      const program = new Program(["python3", "-W", "ignore", file]);
      programs.push(program);
      peers[who] = await inPython(program, fewer);
    }
    if (programs.length === 0) return;
    yield {
      name: FOR_PYTHON.name,
      tally: fewer.tally,
      rounds: ROUNDS_WITH_PYTHON,
      contestants: { "Chat, for await": chatOf(countEach, fewer), ...peers },
      figures: [
        {
          name: "for await, against the best of Python",
          ours: "Chat, for await",
          against: Object.keys(peers),
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
  return { path, sizes, tally: { frames: count, length: count * length } };
}

async function send({ path }: Lines, port: number): Promise<void> {
  await run("socat", "-u", "-b", "262144", `FILE:${path}`, `TCP:127.0.0.1:${port}`);
}

/** What chunks are given to, and what it has counted. */
interface Sink extends Tally {
  push(chunk: Uint8Array): void;
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

/** A server on the runtime's own socket, for one connection at a time. */
class OnSocket implements Disposable {
  readonly #newSink: (sizes: LineSizes) => Sink;
  #sink: Sink | undefined;
  #server: BareServer | undefined;
  #onEnd: (() => void) | undefined;

  private constructor(newSink: (sizes: LineSizes) => Sink) {
    this.#newSink = newSink;
  }

  static async listen(newSink: (sizes: LineSizes) => Sink): Promise<OnSocket> {
    const onSocket = new OnSocket(newSink);
    onSocket.#server = await listenBare({
      data: (chunk) => onSocket.#sink?.push(chunk),
      end: () => onSocket.#onEnd?.(),
    });
    return onSocket;
  }

  /** Takes the lines on one connection. */
  async take(lines: Lines): Promise<Tally> {
    const sink = this.#sink = this.#newSink(lines.sizes);
    const ended = new Promise<void>((resolve) => this.#onEnd = resolve);
    await Promise.all([send(lines, this.#server!.port), ended]);
    return sink;
  }

  [Symbol.dispose](): void {
    this.#server!.close();
  }
}

/** A program that prints how many lines each connection had, and how long these were in all. */
async function inPython(program: Program, lines: Lines): Promise<Contestant> {
  const port = await program.listening();
  let served = 0;
  return async () => {
    const counted = program.line(new RegExp(`^${++served}: (\\d+) (\\d+)$`));
    await send(lines, port);
    const [, frames, length] = await counted;
    return { frames: Number(frames), length: Number(length) };
  };
}
