/**
 * The soak: conversations of chats with each other, hundreds at once, over memory and over sockets, round after round. What
 * each of them must keep, `conversation/play.ts` says; here it is whether anything stays behind.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import { inspect } from "node:util";
import fc from "fast-check";
import { memoryPair } from "../../mod.ts";
import type { MakePair } from "../../src/testing/mod.ts";
import { LENGTHS, scriptsWith } from "./conversation_property.ts";
import { play } from "./conversation/play.ts";
import type { Script } from "./conversation/script.ts";
import { inTurns, type Problems, withoutUnhandled } from "./conversation/surroundings.ts";
import { openSockets } from "./open_sockets.ts";
import { tcpPair } from "./tcp_pair.ts";

export interface SoakOptions {
  /** The seed of the first conversation; those that follow have the next ones. */
  readonly seed: number;
  /** How many conversations there are. */
  readonly count: number;
  /** For how long rounds are begun, in milliseconds. */
  readonly duration?: number | undefined;
  /** How many conversations are played at once. */
  readonly atOnce: number;
}

export interface SoakReport {
  readonly played: number;
  /** What went wrong, with the seed where it was one conversation. */
  readonly failures: readonly { readonly seed: number | undefined; readonly what: string }[];
  /** The memory in use after half of the time, and at the end, in bytes. */
  readonly memory: readonly [number, number];
}

type Failure = SoakReport["failures"][number];

/** Some of it is more than the systems take while the other end does not read. */
const scripts = scriptsWith([...Array(20).fill(LENGTHS).flat(), 1_000_000, 10_000_000]);

/** Plays conversations, and checks that nothing stays behind. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seed, count, duration = Infinity, atOnce } = options;
  const started = performance.now();
  const failures: Failure[] = [];
  const memory: [number, number] = [0, 0];
  let played = 0;
  while (played < count && failures.length === 0) {
    const passed = performance.now() - started;
    if (passed >= duration) break;
    if (passed < duration / 2) memory[0] = process.memoryUsage().rss;
    const next = Math.min(atOnce, count - played);
    failures.push(...await playRound(Array.from({ length: next }, (_, i) => seed + played + i)));
    played += next;
  }
  memory[1] = process.memoryUsage().rss;
  return { played, failures, memory };
}

/** The script of a seed. */
export function scriptOf(seed: number): Script {
  return fc.sample(scripts, { seed, numRuns: 1 })[0]!;
}

/** Odd seeds are played over sockets, the others over memory. */
async function playRound(seeds: readonly number[]): Promise<Failure[]> {
  const even = seeds.filter((seed) => seed % 2 === 0);
  const odd = seeds.filter((seed) => seed % 2 !== 0);
  return [
    ...await inTurns((problems) => playAll(memoryPair, even, problems)),
    ...await withoutUnhandled((problems) => playAll(tcpPair, odd, problems)),
  ];
}

async function playAll(
  makePair: MakePair,
  seeds: readonly number[],
  problems: Problems,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  const sockets = countSockets();
  await Promise.all(seeds.map(async (seed) => {
    try {
      await play(makePair, scriptOf(seed));
    } catch (error) {
      failures.push({ seed, what: inspect(error) });
    }
  }));
  const left = countSockets() - sockets;
  const others = left > 0 ? [`${left} sockets are left`, ...problems()] : problems();
  const where = `(in conversations with the seeds ${seeds[0]} to ${seeds.at(-1)})`;
  return [...failures, ...others.map((what) => ({ seed: undefined, what: `${what} ${where}` }))];
}

/** None where that cannot be known. */
function countSockets(): number {
  return existsSync("/proc/self/fd") ? openSockets() : 0;
}
