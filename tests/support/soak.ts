/**
 * The soak: chats with each other on connections on which everything that may happen does, hundreds of them at any time.
 * What each of them must keep, `soak/judge.ts` and `soak/checks.ts` say; here it is whether anything stays behind.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { CountingSignal } from "./counting_signal.ts";
import { eventually } from "./soak/delay.ts";
import type { Transport } from "./soak/links.ts";
import { playScenario } from "./soak/scenario.ts";
import type { Ending } from "./soak/endings.ts";

export interface SoakOptions {
  /** The seeds of the scenarios, which are played one after the other until the time is up. */
  readonly seeds: Iterable<number>;
  /** For how long scenarios are begun, in milliseconds. */
  readonly duration?: number | undefined;
  /** How many are played at once. */
  readonly atOnce: number;
  /** Is told what happens. */
  readonly log?: ((line: string) => void) | undefined;
}

export interface SoakReport {
  readonly scenarios: number;
  readonly bytes: number;
  readonly frames: number;
  /** How often each of them was played. */
  readonly transports: ReadonlyMap<Transport, number>;
  readonly endings: ReadonlyMap<Ending, number>;
  /** What went wrong, with the seed where it was a scenario. */
  readonly failures: readonly { readonly seed: number | undefined; readonly what: string }[];
  /** The memory in use after half of the time, and at the end, in bytes. */
  readonly memory: readonly [number, number];
}

/** Further failures are most likely the same. */
const MOST_FAILURES = 10;

/** So many seeds, one after the other. */
export function* seedsFrom(first: number, count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield first + i;
}

/** Plays scenarios, and checks that nothing stays behind. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { seeds, duration = Infinity, atOnce, log } = options;
  const failures: { seed: number | undefined; what: string }[] = [];
  const transports = new Map<Transport, number>();
  const endings = new Map<Ending, number>();
  const sum = { scenarios: 0, bytes: 0, frames: 0 };
  const stopWatching = watchForErrors((what) => failures.push({ seed: undefined, what }));
  const sockets = openSockets();
  const timers = countTimers();
  const memory: [number, number] = [0, 0];
  try {
    const signal = new CountingSignal();
    const started = performance.now();
    const isOver = (): boolean =>
      performance.now() - started >= duration || failures.length >= MOST_FAILURES;
    const waiting = seeds[Symbol.iterator]();
    const playOn = async (): Promise<void> => {
      while (!isOver()) {
        const { done, value: seed } = waiting.next();
        if (done) return;
        const outcome = await playScenario(seed, signal, log);
        sum.scenarios++;
        sum.bytes += outcome.bytes;
        sum.frames += outcome.frames;
        count(outcome.transport, transports);
        for (const ending of outcome.endings) count(ending, endings);
        if (outcome.failure !== undefined) failures.push({ seed, what: outcome.failure });
        if (performance.now() - started < duration / 2) memory[0] = process.memoryUsage().rss;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, playOn));
    memory[1] = process.memoryUsage().rss;
    await eventually(() => timers.pending() === 0 && openSockets() <= sockets);
    const left = {
      "timers": timers.pending(),
      "sockets": openSockets() - sockets,
      "listeners on a signal": signal.listeners,
    };
    for (const [what, count] of Object.entries(left)) {
      if (count > 0) failures.push({ seed: undefined, what: `${count} ${what} are left` });
    }
  } finally {
    timers.stop();
    stopWatching();
  }
  return { ...sum, transports, endings, failures, memory };
}

function count<T>(key: T, times: Map<T, number>): void {
  times.set(key, (times.get(key) ?? 0) + 1);
}

/** Tells of rejections and exceptions that nobody catches. Returns how that ends. */
function watchForErrors(tell: (what: string) => void): () => void {
  const onRejection = (reason: unknown): void => tell(`unhandled rejection: ${stackOf(reason)}`);
  const onException = (error: unknown): void => tell(`uncaught exception: ${stackOf(error)}`);
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  return () => {
    process.off("unhandledRejection", onRejection);
    process.off("uncaughtException", onException);
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** Counts the timers that neither fired nor were cleared. */
function countTimers(): { pending(): number; stop(): void } {
  const { setTimeout, clearTimeout } = globalThis;
  const pending = new Set<unknown>();
  const set = (call: () => void, after?: number): unknown => {
    const timer = setTimeout(() => {
      pending.delete(timer);
      call();
    }, after);
    pending.add(timer);
    return timer;
  };
  const clear = (timer: ReturnType<typeof setTimeout> | undefined): void => {
    pending.delete(timer);
    clearTimeout(timer);
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  return {
    pending: () => pending.size,
    stop: () => void Object.assign(globalThis, { setTimeout, clearTimeout }),
  };
}

const FDS = "/proc/self/fd";
const UNIX_SOCKETS = "/proc/net/unix";

/** How many sockets are open, without those that a runtime has with itself; none where that cannot be known. */
function openSockets(): number {
  if (!existsSync(FDS)) return 0;
  const internal = new Set(readFileSync(UNIX_SOCKETS, "utf8").match(/(?<= )\d+(?=$| @?\/| @)/gm));
  return readdirSync(FDS).filter((fd) => {
    try {
      const inode = readlinkSync(`${FDS}/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1];
      return inode !== undefined && !internal.has(inode);
    } catch {
      return false; // the descriptor that read the folder
    }
  }).length;
}
