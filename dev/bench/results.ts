/** What was measured, the last time that it was: `dev/bench/results.json`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ContestResult } from "./contest.ts";
import type { FigureResult } from "./figures.ts";
import type { Machine } from "./machine.ts";

const FILE = "dev/bench/results.json";

/** Where a workload was measured that has nothing to do with a runtime. */
export const ANYWHERE = "any runtime";

/** What one workload came to on one runtime. */
export interface Part {
  /** The day, as in `2026-11-25`. */
  readonly date: string;
  /** The version of the runtime. */
  readonly version: string;
  readonly machine: Machine;
  /** The load of the machine in the minute before the run began. */
  readonly load: number;
  readonly contests: readonly ContestResult[];
}

export interface Results {
  /** The versions of the peers and of the programs that make the load. */
  peers: Readonly<Record<string, string>>;
  /** By workload and runtime. */
  readonly workloads: Record<string, Record<string, Part>>;
}

export function loadResults(): Results {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : { peers: {}, workloads: {} };
}

export function saveResults(results: Results): void {
  writeFileSync(FILE, JSON.stringify(results, null, 2) + "\n");
}

/** A figure, and what it is one of. */
export interface Found {
  readonly workload: string;
  readonly place: string;
  readonly contest: ContestResult;
  readonly figure: FigureResult;
}

export function* figuresIn({ workloads }: Results): Generator<Found> {
  for (const [workload, parts] of Object.entries(workloads)) {
    for (const [place, { contests }] of Object.entries(parts)) {
      for (const contest of contests) {
        for (const figure of contest.figures) yield { workload, place, contest, figure };
      }
    }
  }
}

/** What a figure is called that has the same name in several contests. */
export function fullName({ contest, figure }: Found): string {
  return `${contest.name}: ${figure.name}`;
}
