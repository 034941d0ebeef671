/**
 * Lines over TCP. The sender is socat, in a process of its own. A contestant takes a whole file over one connection, from the start of
 * socat to the end of the stream.
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../../../tests/support/programs.ts";
import { type Chat, listen } from "../../../mod.ts";
import type { Add, Contest, Contestant } from "../contest.ts";
import { areHere, run, unlessFails } from "../programs.ts";
import { listenBare } from "../peers/bare_socket.ts";
import { lines } from "../peers/by_hand.ts";
import { batchesOf, eachOf } from "../styles.ts";

const SIZES = [["64 B", 64, 2 ** 21], ["1 KiB", 1024, 2 ** 17]] as const;
/** Python's asyncio and asynchat are slower by far, and get fewer lines. */
const FOR_PYTHON = 2 ** 18;
const LINES_AT_A_TIME = 2 ** 10;

export async function* contests(): AsyncGenerator<Contest> {
  if (!areHere("lines over TCP", "socat")) return;
  const folder = mkdtempSync(join(tmpdir(), "asynchat-bench-"));
  await using listener = await listen({ port: 0, terminator: "\n" });
  let push: ((chunk: Uint8Array) => void) | undefined;
  let onEnd: (() => void) | undefined;
  const bare = await listenBare({ data: (chunk) => push?.(chunk), end: () => onEnd?.() });

  const byChat = (path: string, read: (chat: () => Chat) => Contestant): Contestant => {
    return async (add) => {
      const sent = sendFile(path, listener.address.port);
      const chat = (await unlessFails(listener.accept(), sent))!;
      await read(() => chat)(add);
      await Promise.all([sent, chat.closeWhenDone()]);
    };
  };
  const byHand = (path: string): Contestant => async (add) => {
    push = lines(add);
    const ended = new Promise<void>((resolve) => onEnd = resolve);
    await Promise.all([sendFile(path, bare.port), ended]);
  };
  try {
    for (const [size, length, count] of SIZES) {
      const path = writeLines(join(folder, size), length, count);
      yield {
        name: `lines of ${size} over TCP`,
        frames: count,
        contestants: {
          "Chat, for await": byChat(path, eachOf),
          "Chat, batches()": byChat(path, (chat) => batchesOf(() => chat().batches())),
          "the socket, and a loop by hand": byHand(path),
        },
        figures: [
          {
            name: `lines of ${size} over TCP, batches(), against the socket and a loop by hand`,
            ours: "Chat, batches()",
            against: ["the socket, and a loop by hand"],
            atLeast: 0.9,
          },
        ],
      };
    }
    const path = writeLines(join(folder, "for Python"), 64, FOR_PYTHON);
    yield* besidePython(path, {
      "Chat, for await": byChat(path, eachOf),
      "the socket, and a loop by hand": byHand(path),
    });
  } finally {
    bare.close();
    rmSync(folder, { recursive: true });
  }
}

async function* besidePython(
  path: string,
  contestants: Readonly<Record<string, Contestant>>,
): AsyncGenerator<Contest> {
  if (!areHere("Python", "python3")) return;
  const programs: Program[] = [];
  const peers: Record<string, Contestant> = {};
  try {
    for (const module of ["asyncio", "asynchat"]) {
      const hasModule = await run("python3", "-W", "ignore", "-c", `import ${module}`)
        .then(() => true, () => false);
      if (!hasModule) {
        console.error(`left out: Python's ${module}, because this Python has none`);
        continue;
      }
      const program = new Program([
        "python3",
        "-W",
        "ignore",
        `dev/bench/peers/${module}_lines.py`,
      ]);
      programs.push(program);
      peers[`Python's ${module}`] = await inPython(program, path);
    }
    yield {
      name: "lines of 64 B over TCP, in JavaScript and in Python",
      rounds: 3,
      contestants: { ...contestants, ...peers },
      figures: [
        {
          name: "lines of 64 B over TCP, for await, against the best of Python",
          ours: "Chat, for await",
          against: Object.keys(peers),
          chart: {
            row: "lines over TCP: Python's asyncio, asynchat",
            limit: "the socket, and a loop by hand",
          },
        },
      ],
    };
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]();
  }
}

/** A program that prints how many lines each connection had, and how long these were in all. */
async function inPython(program: Program, path: string): Promise<Contestant> {
  const port = await program.listening();
  let served = 0;
  return async (_add: Add) => {
    const counted = program.line(new RegExp(`^${++served}: ${FOR_PYTHON} ${64 * FOR_PYTHON}$`));
    await sendFile(path, port);
    await counted;
  };
}

/** Sends a file, and ends the connection. */
async function sendFile(path: string, port: number): Promise<void> {
  await run("socat", "-u", "-b", "262144", `FILE:${path}`, `TCP:127.0.0.1:${port}`);
}

function writeLines(path: string, length: number, count: number): string {
  const piece = `${"0123456789abcdef".repeat(length / 16)}\n`.repeat(LINES_AT_A_TIME);
  for (let written = 0; written < count; written += LINES_AT_A_TIME) appendFileSync(path, piece);
  return path;
}
