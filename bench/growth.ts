/**
 * The growth of the framer's work with the length of a frame: it must be linear, so twice the length may take little
 * more than twice the time, whatever the chunking and however the delimiter nearly matches.
 *
 *     npm run bench:growth
 *
 * The sizes alternate in one run; the ratio is the median of those of the rounds, so that a machine whose speed drifts
 * does not decide it.
 */
import process from "node:process";
import { anyOf, Framer, netstring, type Terminator } from "../mod.ts";

const MEGABYTE = 1024 * 1024;
const ROUNDS = 15;
/** The most that twice the length may take. */
const LIMIT = 2.5;

interface Workload {
  readonly name: string;
  readonly length: number;
  readonly chunk: number;
  readonly terminator: (length: number) => Terminator;
  readonly begin?: (length: number) => string;
  readonly end: string;
  readonly fill: string;
}

/** Words of six letters that all begin alike, so that each is nearly found all along. */
const WORDS = Array.from({ length: 200 }, (_, i) => "aaaa" + String.fromCharCode(176 + i) + "!");

const WORKLOADS: readonly Workload[] = [
  {
    name: "delimiter, 1 KiB chunks",
    length: 8 * MEGABYTE,
    chunk: 1024,
    terminator: () => "\r\n",
    end: "\r\n",
    fill: "x",
  },
  {
    name: "count, 1 KiB chunks",
    length: 8 * MEGABYTE,
    chunk: 1024,
    terminator: (length) => length,
    end: "",
    fill: "x",
  },
  {
    name: "near-matches of 1000 bytes, 1 KiB chunks",
    length: 8 * MEGABYTE,
    chunk: 1024,
    terminator: () => "a".repeat(1000) + "b",
    end: "a".repeat(1000) + "b",
    fill: "a".repeat(999) + "b",
  },
  {
    name: "200 delimiters, nearly found all along, 1 KiB chunks",
    length: 4 * MEGABYTE,
    chunk: 1024,
    terminator: () => anyOf(...WORDS),
    end: WORDS[100]!,
    fill: "aaaaab",
  },
  {
    name: "a delimiter that is the beginning of another, 1-byte chunks",
    length: MEGABYTE / 4,
    chunk: 1,
    terminator: () => anyOf("ab", "abc", "bcd"),
    end: "abcd",
    fill: "acbc",
  },
  {
    name: "netstring, 1-byte chunks",
    length: MEGABYTE / 4,
    chunk: 1,
    terminator: () => netstring(),
    begin: (length) => `${length}:`,
    end: ",",
    fill: "x",
  },
  {
    name: "delimiter, 1-byte chunks",
    length: MEGABYTE / 4,
    chunk: 1,
    terminator: () => "\n",
    end: "\n",
    fill: "x",
  },
];

/** Milliseconds to cut one frame of this length: the framer's own work, the chunks being there already. */
function time(workload: Workload, length: number): number {
  const body = workload.fill.repeat(Math.ceil(length / workload.fill.length)).slice(0, length);
  const data = new TextEncoder().encode((workload.begin?.(length) ?? "") + body + workload.end);
  const chunks = Array.from(
    { length: Math.ceil(data.length / workload.chunk) },
    (_, i) => data.subarray(i * workload.chunk, (i + 1) * workload.chunk),
  );
  const framer = new Framer({ terminator: workload.terminator(length), maxFrameLength: Infinity });
  const start = performance.now();
  let frame: Uint8Array | undefined;
  for (const chunk of chunks) {
    framer.push(chunk);
    frame ??= framer.next();
  }
  const taken = performance.now() - start;
  if (frame?.length !== length) throw new Error(`expected ${length} bytes, not ${frame?.length}`);
  return taken;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

for (const workload of WORKLOADS) {
  const { name, length } = workload;
  for (let i = 0; i < 3; i++) time(workload, 2 * length); // warms up
  const rounds = Array.from({ length: ROUNDS }, () => {
    const once = time(workload, length);
    const twice = time(workload, 2 * length);
    return { once, twice, ratio: twice / once };
  });
  const once = median(rounds.map((round) => round.once)).toFixed(1);
  const twice = median(rounds.map((round) => round.twice)).toFixed(1);
  const ratio = median(rounds.map((round) => round.ratio));
  const [short, long] = [length, 2 * length].map((bytes) => `${bytes / MEGABYTE} MiB`);
  console.log(
    `${name}: ${short} ${once} ms, ${long} ${twice} ms, ratio ${
      ratio.toFixed(2)
    } (at most ${LIMIT})`,
  );
  if (ratio > LIMIT) process.exitCode = 1;
}
