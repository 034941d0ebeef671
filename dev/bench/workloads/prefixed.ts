/**
 * Frames with their length before them, in memory: a varint, and a uint32.
 *
 * Here the end of a frame is not sought but computed, so that what is measured is what a frame costs beside the search for a
 * delimiter: reading the header, and giving a view away. What comes from memory leaves a socket out of it. The loop by hand is
 * what one would write for this one framing alone, without a limit for the length, and for text.
 */
import {
  Chat,
  type Codec,
  Framer,
  fromIterable,
  lengthPrefixed,
  varintPrefixed,
} from "../../../mod.ts";
import type { Contest, Contestant, Tally } from "../contest.ts";
import { buffers, makeMaterial, type Sizes } from "../material.ts";
import { itUint32s, itVarints, varintStream } from "../peers/prefixed.ts";
import { scanUint32s, scanVarints } from "../peers/prefixed_by_hand.ts";
import { countBatches, countData, countEach, countFramed } from "../tally.ts";

const SETS: readonly (Sizes & { readonly name: string })[] = [
  { name: "frames of 32 to 95 bytes", count: 1_000_000, least: 32, most: 95 },
  { name: "frames of 8 bytes", count: 1_000_000, least: 8, most: 8 },
  { name: "frames of 4 KiB", count: 16_384, least: 4096, most: 4096 },
];

/** How the length is written. */
interface Prefix {
  readonly name: string;
  readonly framing: Codec;
  /** Writes the length, and returns where it ends. */
  readonly write: (stream: Uint8Array, at: number, length: number) => number;
  readonly byHand: (chunks: readonly Uint8Array[]) => Tally;
  /** The libraries that read it. */
  readonly peers: (chunks: readonly Uint8Array[]) => Readonly<Record<string, Contestant>>;
}

const PREFIXES: readonly Prefix[] = [
  {
    name: "a varint before each",
    framing: varintPrefixed(),
    write(stream, at, length) {
      let rest = length;
      for (; rest >= 128; rest >>>= 7) stream[at++] = rest % 128 + 128;
      stream[at] = rest;
      return at + 1;
    },
    byHand: scanVarints,
    peers: (chunks) => ({
      "it-length-prefixed, for await": () => countEach(itVarints(fromMemory(chunks))),
      "length-prefixed-stream, on data": () => countData(buffers(chunks).pipe(varintStream())),
    }),
  },
  {
    name: "a uint32 before each",
    framing: lengthPrefixed(),
    write(stream, at, length) {
      new DataView(stream.buffer).setUint32(at, length);
      return at + 4;
    },
    byHand: scanUint32s,
    peers: (chunks) => ({
      "it-length-prefixed, for await": () => countEach(itUint32s(fromMemory(chunks))),
    }),
  },
];

async function* fromMemory(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

export function* contests(): Generator<Contest> {
  for (const prefix of PREFIXES) {
    for (const set of SETS) {
      const { chunks, tally } = makeMaterial(
        set,
        (stream, at, length) => prefix.write(stream, at, length) + length,
      );
      const name = `${set.name}, ${prefix.name}`;
      yield makeContest(name, prefix, chunks, tally, set === SETS[0]);
    }
  }
}

function makeContest(
  name: string,
  { framing, byHand, peers }: Prefix,
  chunks: readonly Uint8Array[],
  tally: Tally,
  isFirst: boolean,
): Contest {
  const options = { terminator: framing };
  const others = peers(chunks);
  return {
    name,
    tally,
    isOfFrames: true,
    work: { amount: tally.frames / 1e6, unit: "M frames" },
    contestants: {
      "Chat, for await": () => countEach(new Chat(fromIterable(chunks), options)),
      "Chat, batches()": () => countBatches(new Chat(fromIterable(chunks), options).batches()),
      "Framer": () => countFramed(new Framer(options), chunks),
      ...others,
      "limit: a state machine": () => byHand(chunks),
    },
    figures: [
      {
        name: "batches(), against it-length-prefixed",
        ours: "Chat, batches()",
        against: ["it-length-prefixed, for await"],
        atLeast: 3,
        inChart: isFirst,
      },
      {
        name: "for await, against the best library",
        ours: "Chat, for await",
        against: Object.keys(others),
      },
      {
        name: "batches(), against the limit",
        ours: "Chat, batches()",
        against: ["limit: a state machine"],
      },
    ],
  };
}
