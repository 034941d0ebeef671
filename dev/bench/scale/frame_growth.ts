/**
 * The time that frames take against their length, and against the length of the chunks that they come in. It must be linear, which
 * is: a byte of a long frame, and a chunk of it, must take no longer than one of a short frame. A mistake here is no matter of
 * percents, but of squares: a frame that is searched from its beginning with each chunk takes a thousand times as long.
 */
import { anyOf, Chat, Framer, fromIterable, netstring, type Terminator } from "../../../mod.ts";
import { checkTally, type Contest, type Contestant } from "../contest.ts";
import { Counter } from "../tally.ts";
import { chunksOf, FRAME_KINDS, type FrameKind, takeFrames, tallyOf } from "./frames.ts";

const [KIB, MIB] = [1024, 1024 * 1024];
const ROUNDS = 3;
const GROWTH_ROUNDS = 5;
/**
 * How much of the speed must be left. What does not fit the processor's caches, and is written where nothing was before, takes two to
 * three times as long. Were it the square of the length that counts, a sixteenth would be left, or less.
 */
const LINEAR = 0.25;

/** Sizes in words. */
function inBytes(size: number): string {
  if (size < KIB) return `${size} B`;
  return size < MIB ? `${size / KIB} KiB` : `${size / MIB} MiB`;
}

const FRAME_LENGTHS = [KIB, 32 * KIB, MIB, 32 * MIB, 256 * MIB];
const LONGEST_FRAME = 256 * MIB;
const ALL_FRAMES = 256 * MIB;
const CHUNK = 64 * KIB;

/** How much longer the long frames are than the short ones. Were it their square that counts, a byte took as many times as long. */
const LONGER = 16;
/** Chunk sizes, and the length of the short frames that are made of them: so that a round takes some tenths of a second. */
const CHUNK_SIZES: readonly (readonly [size: number, frameLength: number])[] = [
  [1, 16 * KIB],
  [32, 512 * KIB],
  [KIB, 2 * MIB],
  [32 * KIB, 4 * MIB],
  [MIB, 4 * MIB],
];

/** Times so many frames of that length in chunks of that size, in nanoseconds for each unit of work. */
function timed(
  kind: FrameKind,
  count: number,
  frameLength: number,
  size: number,
  units: number,
): Contestant {
  return async () => {
    const chat = new Chat(fromIterable(chunksOf(count, frameLength, size)), { terminator: "\n" });
    const start = performance.now();
    const tally = await takeFrames(chat, kind, count, frameLength);
    const measured = (performance.now() - start) * 1e6 / units;
    const expected = tallyOf(kind, count, frameLength);
    checkTally(`${kind}, frames of ${frameLength}, chunks of ${size}`, tally, expected);
    return { frames: 0, length: 0, measured };
  };
}

/** Each contestant checks its own count: they do not cut as many frames. */
const CHECKED = { frames: 0, length: 0 };

export function* growthContests(): Generator<Contest> {
  for (const kind of FRAME_KINDS) yield byFrameLength(kind);
  for (const kind of FRAME_KINDS) yield byChunkSize(kind);
  yield hardToFind();
}

function byFrameLength(kind: FrameKind): Contest {
  const contestants = FRAME_LENGTHS.map((length) => [
    inBytes(length),
    timed(kind, ALL_FRAMES / length, length, CHUNK, ALL_FRAMES),
  ]);
  return {
    name: `time for each byte, by the length of frames: ${kind}`,
    tally: CHECKED,
    unit: "ns a byte",
    rounds: ROUNDS,
    contestants: Object.fromEntries(contestants),
    figures: [
      {
        name: "256 MiB, against 1 MiB",
        ours: inBytes(LONGEST_FRAME),
        against: [inBytes(MIB)],
        atLeast: LINEAR,
      },
    ],
  };
}

function byChunkSize(kind: FrameKind): Contest {
  const contestants: Record<string, Contestant> = {};
  const figures: Contest["figures"][number][] = [];
  for (const [size, length] of CHUNK_SIZES) {
    const chunks = LONGER * length / size;
    const of = (frameLength: number): string =>
      `${inBytes(size)}, frames of ${inBytes(frameLength)}`;
    contestants[of(length)] = timed(kind, LONGER, length, size, chunks);
    contestants[of(LONGER * length)] = timed(kind, 1, LONGER * length, size, chunks);
    figures.push({
      name: `chunks of ${inBytes(size)}`,
      ours: of(LONGER * length),
      against: [of(length)],
      atLeast: LINEAR,
    });
  }
  return {
    name: `time for each chunk, by its size: ${kind}`,
    tally: CHECKED,
    unit: "ns a chunk",
    rounds: ROUNDS,
    contestants,
    figures,
  };
}

/** A frame whose end is not easily found. */
interface Hard {
  readonly name: string;
  readonly length: number;
  readonly chunk: number;
  readonly terminator: () => Terminator;
  readonly begin?: (length: number) => string;
  readonly end: string;
  readonly fill: string;
}

/** Words of six letters that all begin alike, so that each is nearly found all along. */
const WORDS = Array.from({ length: 200 }, (_, i) => "aaaa" + String.fromCharCode(176 + i) + "!");

const HARD: readonly Hard[] = [
  {
    name: "near-matches of 1000 bytes, 1 KiB chunks",
    length: MIB / 4,
    chunk: KIB,
    terminator: () => "a".repeat(1000) + "b",
    end: "a".repeat(1000) + "b",
    fill: "a".repeat(999) + "b",
  },
  {
    name: "200 delimiters, nearly found all along, 1 KiB chunks",
    length: MIB / 4,
    chunk: KIB,
    terminator: () => anyOf(...WORDS),
    end: WORDS[100]!,
    fill: "aaaaab",
  },
  {
    name: "a delimiter that is the beginning of another, 1-byte chunks",
    length: 32 * KIB,
    chunk: 1,
    terminator: () => anyOf("ab", "abc", "bcd"),
    end: "abc",
    fill: "acbc",
  },
  {
    name: "netstring, 1-byte chunks",
    length: 32 * KIB,
    chunk: 1,
    terminator: () => netstring(),
    begin: (length) => `${length}:`,
    end: ",",
    fill: "x",
  },
];

function hardToFind(): Contest {
  const contestants: Record<string, Contestant> = {};
  const figures: Contest["figures"][number][] = [];
  for (const hard of HARD) {
    const [short, long] = [hard.length, LONGER * hard.length];
    const of = (length: number): string => `${hard.name}, ${inBytes(length)}`;
    contestants[of(short)] = framed(hard, short);
    contestants[of(long)] = framed(hard, long);
    figures.push({ name: hard.name, ours: of(long), against: [of(short)], atLeast: LINEAR });
  }
  return {
    name: "time for each byte, of frames that are hard to find",
    tally: CHECKED,
    unit: "ns a byte",
    rounds: GROWTH_ROUNDS,
    contestants,
    figures,
  };
}

/** As many bytes of frames as one of the long ones has: the framer's own work, the chunks being there already. */
function framed(hard: Hard, length: number): Contestant {
  const body = hard.fill.repeat(Math.ceil(length / hard.fill.length)).slice(0, length);
  const data = new TextEncoder().encode((hard.begin?.(length) ?? "") + body + hard.end);
  const count = LONGER * hard.length / length;
  return () => {
    const framer = new Framer<Uint8Array>({
      terminator: hard.terminator(),
      maxFrameLength: Infinity,
    });
    const counter = new Counter();
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < data.length; at += hard.chunk) {
        framer.push(data.subarray(at, at + hard.chunk));
        const frame = framer.next();
        if (frame !== undefined) counter.add(frame);
      }
    }
    const measured = (performance.now() - start) * 1e6 / (count * length);
    checkTally(hard.name, counter, { frames: count, length: count * length });
    return { ...CHECKED, measured };
  };
}
