/**
 * The growth of the framer's work with the length of a frame: it must be linear, so twice the length may take little
 * more than twice the time, whatever the chunking and however the delimiter nearly matches.
 *
 *     npm run bench
 *
 * The sizes alternate in one run; the medians of the rounds are compared.
 */
import process from "node:process";
import { Framer, type Terminator } from "../mod.ts";

const MEGABYTE = 1024 * 1024;
const ROUNDS = 9;
/** The most that twice the length may take. */
const LIMIT = 2.5;

interface Workload {
  readonly name: string;
  readonly length: number;
  readonly chunk: number;
  readonly terminator: (length: number) => Terminator;
  readonly end: string;
  readonly fill: string;
}

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
    name: "delimiter, 1-byte chunks",
    length: MEGABYTE,
    chunk: 1,
    terminator: () => "\n",
    end: "\n",
    fill: "x",
  },
];

/** Milliseconds to cut one frame of this length. */
function time(workload: Workload, length: number): number {
  const body = workload.fill.repeat(Math.ceil(length / workload.fill.length)).slice(0, length);
  const data = new TextEncoder().encode(body + workload.end);
  const framer = new Framer({ terminator: workload.terminator(length), maxFrameLength: Infinity });
  const start = performance.now();
  let frame: Uint8Array | undefined;
  for (let at = 0; at < data.length; at += workload.chunk) {
    framer.push(data.slice(at, at + workload.chunk));
    frame = framer.next();
  }
  const taken = performance.now() - start;
  if (frame?.length !== length) throw new Error(`expected ${length} bytes, not ${frame?.length}`);
  return taken;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

for (const workload of WORKLOADS) {
  const { name, length } = workload;
  const times: Record<"once" | "twice", number[]> = { once: [], twice: [] };
  time(workload, length); // warms up
  for (let round = 0; round < ROUNDS; round++) {
    times.once.push(time(workload, length));
    times.twice.push(time(workload, 2 * length));
  }
  const [once, twice] = [median(times.once), median(times.twice)];
  const ratio = twice / once;
  const sizes = `${length / MEGABYTE} MiB ${once.toFixed(1)} ms, ${2 * length / MEGABYTE} MiB ${
    twice.toFixed(1)
  } ms`;
  console.log(`${name}: ${sizes}, ratio ${ratio.toFixed(2)} (at most ${LIMIT})`);
  if (ratio > LIMIT) process.exitCode = 1;
}
