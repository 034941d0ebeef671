/** Frames with their length before them, in memory: the end of a frame is not sought but computed. */
import { Chat, type Codec, fromIterable, lengthPrefixed, varintPrefixed } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { type Chunks, makeChunks, readable } from "../material.ts";
import { prefixed, uint32, varint } from "../peers/by_hand.ts";
import { itPrefixed, lengthPrefixedStream, UINT32 } from "../peers/libraries.ts";
import { batchesOf, chunksTo, eachOf, eventsOf } from "../styles.ts";

/** How many frames, of how many bytes. */
const SIZES = {
  "8 B": [1_000_000, 8],
  "64 B": [500_000, 64],
  "1 KiB": [60_000, 1024],
  "4 KiB": [16_000, 4096],
  "64 KiB": [1_000, 65_536],
} as const;

/** How a length is written. */
interface Prefix {
  readonly name: string;
  readonly framing: Codec;
  /** Writes the length, and returns where it ends. */
  write(stream: Uint8Array, at: number, length: number): number;
  readonly newPrefix: typeof uint32;
  peers(chunks: Chunks): Readonly<Record<string, Contestant>>;
}

const PREFIXES: readonly Prefix[] = [
  {
    name: "a varint",
    framing: varintPrefixed(),
    write(stream, at, length) {
      let rest = length;
      for (; rest >= 128; rest >>>= 7) stream[at++] = rest % 128 + 128;
      stream[at] = rest;
      return at + 1;
    },
    newPrefix: varint,
    peers: (chunks) => ({
      "it-length-prefixed": itPrefixed(chunks),
      "length-prefixed-stream": eventsOf(
        "data",
        () => readable(chunks).pipe(lengthPrefixedStream.decode()),
      ),
    }),
  },
  {
    name: "a uint32",
    framing: lengthPrefixed(),
    write(stream, at, length) {
      new DataView(stream.buffer).setUint32(at, length);
      return at + 4;
    },
    newPrefix: uint32,
    peers: (chunks) => ({ "it-length-prefixed": itPrefixed(chunks, { lengthDecoder: UINT32 }) }),
  },
];

export function* contests(): Generator<Contest> {
  for (const prefix of PREFIXES) {
    for (const [size, [count, length]] of Object.entries(SIZES)) {
      yield contestOf(prefix, size, count, length);
    }
  }
}

function contestOf(prefix: Prefix, size: string, count: number, length: number): Contest {
  const chunks = makeChunks(
    count,
    [length, length],
    (stream, at, length) => prefix.write(stream, at, length) + length,
  );
  const chat = (): Chat => new Chat(fromIterable(chunks), { terminator: prefix.framing });
  const name = `${prefix.name} before each frame of ${size}`;
  const atLeast = length < 1024 ? 3 : 1.5;
  const isInChart = size === "64 B" && prefix.newPrefix === uint32;
  return {
    name,
    frames: count,
    rounds: 3,
    contestants: {
      "Chat, for await": eachOf(chat),
      "Chat, batches()": batchesOf(() => chat().batches()),
      "by hand": chunksTo((add) => prefixed(add, prefix.newPrefix), chunks),
      ...prefix.peers(chunks),
    },
    figures: [
      {
        name: `${name}, for await, against it-length-prefixed`,
        ours: "Chat, for await",
        against: ["it-length-prefixed"],
        atLeast,
      },
      {
        name: `${name}, batches(), against it-length-prefixed`,
        ours: "Chat, batches()",
        against: ["it-length-prefixed"],
        atLeast,
        ...isInChart
          ? { chart: { row: "a length before each frame: it-length-prefixed", limit: "by hand" } }
          : {},
      },
    ],
  };
}
