/**
 * Lines over TCP, on the loopback interface. The sender is socat, in a process of its own, which sends a file: so the sender is the
 * same for all, and no JavaScript. A contestant is one connection that takes the whole file, from the start of socat to the
 * end of the stream.
 *
 * The limit is the runtime's own socket where nothing is done with the bytes: what is lost to it is what framing costs. It cannot
 * count lines, so its frames are those that so many bytes are. Beside it is what one writes by hand on that socket: a search for
 * the newline in each chunk, and a view a line. Python's two ways to read lines, the one that the library is named after among
 * them, are slower by far, and have a contest of their own with fewer lines.
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Chat, listen } from "../../mod.ts";
import { Program } from "../../tests/support/programs.ts";
import type { Contest, Contestant, Tally } from "../contest.ts";
import { isHere, run } from "../external.ts";
import { type BareServer, listenBare } from "../peers/bare_socket.ts";
import { LineScanner } from "../peers/by_hand.ts";
import { countBatches, countEach } from "../tally.ts";

const LINE = 64;
const LINES = 2 ** 21;
const LINES_FOR_PYTHON = 2 ** 18;
const LINES_AT_A_TIME = 2 ** 14;
const ROUNDS = 7;
const ROUNDS_WITH_PYTHON = 5;

/** A file, and what it holds. */
interface Lines {
  readonly path: string;
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
  using bytes = await OnSocket.listen(() => new ByteCounter());
  using scanned = await OnSocket.listen(() => new LineScanner());
  const programs: Program[] = [];
  const chatOf = (count: (chat: Chat) => Promise<Tally>, lines: Lines): Contestant => async () => {
    const sending = send(lines, listener.address.port);
    const chat = (await listener.accept())!;
    const tally = await count(chat);
    await Promise.all([sending, chat.closeWhenDone()]);
    return tally;
  };
  try {
    const lines = writeLines(join(folder, "lines"), LINES);
    yield {
      name: "lines of 64 bytes over TCP",
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
          atLeast: 0.85,
        },
        {
          name: "for await, against the runtime's socket",
          ours: "Chat, for await",
          against: ["limit: socket"],
          atLeast: 0.6,
        },
        {
          name: "batches(), against the socket and a loop by hand",
          ours: "Chat, batches()",
          against: ["socket, and a loop by hand"],
        },
      ],
    };

    const fewer = writeLines(join(folder, "fewer lines"), LINES_FOR_PYTHON);
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
      name: "lines of 64 bytes over TCP, in JavaScript and in Python",
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

function writeLines(path: string, count: number): Lines {
  const piece = `${"0123456789abcdef".repeat(LINE / 16)}\n`.repeat(LINES_AT_A_TIME);
  for (let written = 0; written < count; written += LINES_AT_A_TIME) appendFileSync(path, piece);
  return { path, tally: { frames: count, length: count * LINE } };
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
  #bytes = 0;

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
  }

  get frames(): number {
    return this.#bytes / (LINE + 1);
  }

  get length(): number {
    return this.frames * LINE;
  }
}

/** A server on the runtime's own socket, for one connection at a time. */
class OnSocket implements Disposable {
  readonly #newSink: () => Sink;
  #sink: Sink;
  #server: BareServer | undefined;
  #onEnd: (() => void) | undefined;

  private constructor(newSink: () => Sink) {
    this.#newSink = newSink;
    this.#sink = newSink();
  }

  static async listen(newSink: () => Sink): Promise<OnSocket> {
    const onSocket = new OnSocket(newSink);
    onSocket.#server = await listenBare({
      data: (chunk) => onSocket.#sink.push(chunk),
      end: () => onSocket.#onEnd?.(),
    });
    return onSocket;
  }

  /** Takes the lines on one connection. */
  async take(lines: Lines): Promise<Tally> {
    this.#sink = this.#newSink();
    const ended = new Promise<void>((resolve) => this.#onEnd = resolve);
    await Promise.all([send(lines, this.#server!.port), ended]);
    return this.#sink;
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
