/**
 * The memory that a frame takes against its length, and against the size of the chunks that it comes in. It must be linear in the
 * length, with little to do with the chunks; and nothing of both for `stream()`. Below some mebibytes a frame is lost
 * in what a runtime takes for itself: so what is measured is what more bytes of a frame take.
 */
import { CURRENT, Program } from "../../../tests/support/programs.ts";
import { commandOf } from "../commands.ts";
import type { Contest, Contestant } from "../contest.ts";
import type { Figure } from "../figures.ts";
import { isHere } from "../external.ts";
import { FRAME_KINDS, type FrameKind } from "./frames.ts";

const [KIB, MIB] = [1024, 1024 * 1024];
const ROUNDS = 3;

const SHORT = 16 * MIB;
const MIDDLE = 64 * MIB;
const LONG = 256 * MIB;

/** Chunk sizes, and how long a frame is that can be read in such chunks in some seconds. */
const CHUNK_SIZES: Readonly<Record<string, readonly [size: number, frameLength: number]>> = {
  "1 B": [1, 4 * MIB],
  "32 B": [32, SHORT],
  "1 KiB": [KIB, MIDDLE],
  "32 KiB": [32 * KIB, MIDDLE],
  "1 MiB": [MIB, MIDDLE],
};

/** How much of it must be left for a line to be straight: memory is taken in large pieces. */
const LINEAR = 0.5;
/** The most that `stream()` may take for each byte: next to nothing, beside what a runtime takes for itself meanwhile. */
const NOTHING = 0.25;
/** The most that may be held for each byte that has arrived: it is gathered in a buffer that is doubled. */
const DOUBLED = 2.5;

export function* memoryContests(): Generator<Contest> {
  const probe = "command -v socat && grep VmHWM /proc/self/status";
  if (isHere("the memory that long frames take", probe)) yield byFrameLength();
  yield byChunkSize();
}

async function memoryOf(kind: FrameKind, length: number, chunk?: number): Promise<number> {
  const size = chunk === undefined ? [] : [String(chunk)];
  const command = commandOf(
    CURRENT,
    "dev/bench/scale/frame_memory.ts",
    kind,
    String(length),
    ...size,
  );
  await using program = new Program(command);
  const [, bytes] = await program.line(/^took (-?\d+)$/);
  return Number(bytes);
}

const TALLY = { frames: 1, length: 0 };

function byFrameLength(): Contest {
  const between = (kind: FrameKind, from: number, to: number): Contestant => async () => {
    const grown = await memoryOf(kind, to) - await memoryOf(kind, from);
    return { ...TALLY, measured: grown / (to - from) };
  };
  const contestants: Record<string, Contestant> = {};
  const figures: Figure[] = [];
  for (const kind of FRAME_KINDS) {
    const [first, second] = [`${kind}, 16 to 64 MiB`, `${kind}, 64 to 256 MiB`];
    contestants[first] = between(kind, SHORT, MIDDLE);
    contestants[second] = between(kind, MIDDLE, LONG);
    if (kind === "stream()") {
      figures.push({ name: second, ours: second, against: [], as: "value", atMost: NOTHING });
    } else {
      const name = `${second}, against 16 to 64 MiB`;
      figures.push({ name, ours: second, against: [first], atLeast: LINEAR });
    }
  }
  return {
    name: "memory of long frames over TCP, the most that is resident",
    tally: TALLY,
    unit: "bytes a byte",
    rounds: ROUNDS,
    warmUp: false,
    contestants,
    figures,
  };
}

function byChunkSize(): Contest {
  const contestants: Record<string, Contestant> = {};
  const figures: Figure[] = [];
  for (const kind of FRAME_KINDS) {
    for (const [size, [chunk, length]] of Object.entries(CHUNK_SIZES)) {
      const ours = `${kind}, chunks of ${size}`;
      contestants[ours] = async () => {
        return { ...TALLY, measured: await memoryOf(kind, length, chunk) / length };
      };
      const atMost = kind === "stream()" ? NOTHING : DOUBLED;
      figures.push({ name: ours, ours, against: [], as: "value", atMost });
    }
  }
  return {
    name: "memory of what has arrived of a frame before its end has",
    tally: TALLY,
    unit: "bytes a byte",
    rounds: 1,
    warmUp: false,
    contestants,
    figures,
  };
}
