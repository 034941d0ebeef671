/**
 * What must grow in a straight line: time and memory with the length of frames, time with the number of chunks, time with the number
 * of connections. A mistake here is no matter of percents, but of squares: a frame that is searched from its beginning with each
 * chunk takes a thousand times as long. What does not fit the processor's caches takes two to three times as long.
 */
import { runExchange } from "../../../tests/support/exchange_processes.ts";
import { CURRENT } from "../../../tests/support/programs.ts";
import { anyOf, Chat, Framer, fromIterable, netstring, type Terminator } from "../../../mod.ts";
import type { Contest, Contestant, Figure } from "../contest.ts";
import { chunksOf, FRAME_KINDS, type FrameKind, inBytes, KIB, MIB, takeFrames } from "../frames.ts";
import { start } from "../programs.ts";

/** How much of the speed must be left where things are 16 to 256 times as long. */
const STRAIGHT = 0.25;
const LONGER = 16;

const FRAME_LENGTHS = [KIB, 32 * KIB, MIB, 32 * MIB, 256 * MIB];
const ALL = 256 * MIB;

/** Sizes of chunks, and the length of the short frames that are made of them: a round takes some tenths of a second. */
const CHUNKS = [
  [1, 16 * KIB],
  [32, 512 * KIB],
  [KIB, 2 * MIB],
  [32 * KIB, 4 * MIB],
  [MIB, 4 * MIB],
] as const;

/** The most that a byte of a frame may hold that has arrived: it is gathered in an array that is doubled. */
const DOUBLED = 2.5;
/** The most that `stream()` may hold for a byte. */
const NOTHING = 0.25;
/** Sizes of chunks, and how long a frame is that can be read in such chunks in some seconds. */
const HELD = [[1, 4 * MIB], [KIB, 64 * MIB], [MIB, 64 * MIB]] as const;

export function* contests(): Generator<Contest> {
  for (const kind of FRAME_KINDS) yield byFrameLength(kind);
  for (const kind of FRAME_KINDS) yield byChunkSize(kind);
  yield hardToFind();
  yield heldMemory();
  yield talking();
}

/** A contest of one thing in several sizes: what a unit of work takes in the last, against the first of each pair. */
function straight(
  name: string,
  unit: string,
  contestants: Record<string, Contestant>,
  pairs: readonly (readonly [name: string, long: string, short: string])[],
): Contest {
  const figures = pairs.map(([what, ours, short]): Figure => ({
    ...{ name: `${name}, ${what}`, ours, against: [short], atLeast: STRAIGHT },
  }));
  return { name, unit, rounds: 3, contestants, figures };
}

/** Takes frames. Returns the nanoseconds for each unit of work. */
function taking(
  kind: FrameKind,
  count: number,
  frameLength: number,
  size: number,
  units: number,
): Contestant {
  return async () => {
    const chat = new Chat(fromIterable(chunksOf(count, frameLength, size)), { terminator: "\n" });
    const start = performance.now();
    await takeFrames(chat, kind, count, frameLength);
    return (performance.now() - start) * 1e6 / units;
  };
}

function byFrameLength(kind: FrameKind): Contest {
  const contestants = FRAME_LENGTHS.map((length) => [
    inBytes(length),
    taking(kind, ALL / length, length, 64 * KIB, ALL),
  ]);
  return straight(`length of frames (${kind})`, "ns a byte", Object.fromEntries(contestants), [
    ["256 MiB against 1 MiB", inBytes(256 * MIB), inBytes(MIB)],
  ]);
}

function byChunkSize(kind: FrameKind): Contest {
  const contestants: Record<string, Contestant> = {};
  const pairs = CHUNKS.map(([size, length]) => {
    const of = (length: number): string => `${inBytes(size)}, frames of ${inBytes(length)}`;
    const chunks = LONGER * length / size;
    contestants[of(length)] = taking(kind, LONGER, length, size, chunks);
    contestants[of(LONGER * length)] = taking(kind, 1, LONGER * length, size, chunks);
    return [`chunks of ${inBytes(size)}`, of(LONGER * length), of(length)] as const;
  });
  return straight(`size of chunks (${kind})`, "ns a chunk", contestants, pairs);
}

/** A frame whose end is not easily found. */
interface Hard {
  readonly length: number;
  readonly chunk: number;
  readonly terminator: () => Terminator;
  readonly begin?: (length: number) => string;
  readonly end: string;
  readonly fill: string;
}

/** Words that all begin alike, so that each is nearly found all along. */
const WORDS = Array.from({ length: 200 }, (_, i) => `aaaa${String.fromCharCode(176 + i)}!`);

const HARD: Readonly<Record<string, Hard>> = {
  "near-matches of 1000 bytes": {
    length: MIB / 4,
    chunk: KIB,
    terminator: () => "a".repeat(1000) + "b",
    end: "a".repeat(1000) + "b",
    fill: "a".repeat(999) + "b",
  },
  "200 delimiters, nearly found all along": {
    length: MIB / 4,
    chunk: KIB,
    terminator: () => anyOf(...WORDS),
    end: WORDS[100]!,
    fill: "aaaaab",
  },
  "a delimiter that begins another, byte by byte": {
    length: 32 * KIB,
    chunk: 1,
    terminator: () => anyOf("ab", "abc", "bcd"),
    end: "ab",
    fill: "acbc",
  },
  "netstring, byte by byte": {
    length: 32 * KIB,
    chunk: 1,
    terminator: () => netstring(),
    begin: (length) => `${length}:`,
    end: ",",
    fill: "x",
  },
};

function hardToFind(): Contest {
  const contestants: Record<string, Contestant> = {};
  const pairs = Object.entries(HARD).map(([name, hard]) => {
    const of = (length: number): string => `${name}, ${inBytes(length)}`;
    contestants[of(hard.length)] = cutting(hard, hard.length);
    contestants[of(LONGER * hard.length)] = cutting(hard, LONGER * hard.length);
    return [name, of(LONGER * hard.length), of(hard.length)] as const;
  });
  return straight("frames that are hard to find", "ns a byte", contestants, pairs);
}

/** Cuts as many bytes of frames as one of the long ones has. */
function cutting({ length, chunk, terminator, begin, end, fill }: Hard, body: number): Contestant {
  const text = fill.repeat(Math.ceil(body / fill.length)).slice(0, body);
  const data = new TextEncoder().encode((begin?.(body) ?? "") + text + end);
  const count = LONGER * length / body;
  return () => {
    const framer = new Framer<Uint8Array>({ terminator: terminator(), maxFrameLength: Infinity });
    let cut = 0;
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < data.length; at += chunk) {
        framer.push(data.subarray(at, at + chunk));
        const frame = framer.next();
        if (frame !== undefined) cut += frame.length;
      }
    }
    if (cut !== count * body) throw new Error(`${cut} bytes of frames, not ${count * body}`);
    return (performance.now() - start) * 1e6 / (count * body);
  };
}

function heldMemory(): Contest {
  const contestants: Record<string, Contestant> = {};
  const figures: Figure[] = [];
  for (const kind of FRAME_KINDS) {
    for (const [size, length] of HELD) {
      const ours = `${kind}, chunks of ${inBytes(size)}`;
      contestants[ours] = async () => {
        const args = [kind, String(length), String(size)];
        await using program = start("dev/bench/programs/frame_memory.ts", ...args);
        const [, held] = await program.line(/^held (-?\d+)$/);
        return Number(held) / length;
      };
      const atMost = kind === "stream()" ? NOTHING : DOUBLED;
      figures.push({ name: `held of a frame that has not ended, ${ours}`, ours, atMost });
    }
  }
  const name = "held of a frame that has not ended";
  return { name, unit: "bytes a byte", rounds: 1, warmUp: false, contestants, figures };
}

/** Connections that are all open at once and exchange ten messages each, of random framing: none may be lost or mixed up. */
function talking(): Contest {
  const talk = (connections: number): Contestant => async () => {
    const start = performance.now();
    const problems = await runExchange(CURRENT, { connections, seed: 1, longest: 300_000 });
    if (problems.length > 0) throw new Error(problems.join("; "));
    return (performance.now() - start) * 1e3 / connections;
  };
  const contestants = { "1,000": talk(1_000), "10,000": talk(10_000) };
  const contest = straight("connections that talk", "µs a connection", contestants, [
    ["10,000 against 1,000", "10,000", "1,000"],
  ]);
  return { ...contest, rounds: 1, warmUp: false };
}
