/** How bad a figure may be before it is news: `dev/bench/floors.json`. Far from what was measured, for machines differ, and are busy. */
import { readFileSync, writeFileSync } from "node:fs";
import { figuresIn, type Found, fullName, type Results } from "./results.ts";

const FILE = "dev/bench/floors.json";

/** What is half as good as what was measured is news. */
const MARGIN = 2;
/** Of what is the same in each run, a tenth is. */
const EXACT_MARGIN = 1.1;
const DIGITS = 2;

/** By workload, contest and figure, and runtime: the least that a ratio may be, the most that a difference or a value may be. */
export type Floors = Record<string, Record<string, Record<string, number>>>;

/** Makes the floors from what was measured. */
export function setFloors(results: Results): void {
  const floors: Floors = {};
  for (const found of figuresIn(results)) {
    const byPlace = (floors[found.workload] ??= {})[fullName(found)] ??= {};
    byPlace[found.place] = Number(floorOf(found).toPrecision(DIGITS));
  }
  writeFileSync(FILE, JSON.stringify(floors, null, 2) + "\n");
}

function floorOf({ contest, figure }: Found): number {
  const { value: { median }, as = "ratio", best, isExact } = figure;
  const margin = isExact ? EXACT_MARGIN : MARGIN;
  if (as === "ratio") return median / margin;
  // A difference may be nothing, or less: then half of what the other takes is news.
  const least = best === undefined ? 0 : contest.measured[best]!.median / margin;
  return Math.max(median * margin, least);
}

/** What is worse than its floor among these workloads, on these runtimes, in words; what has a floor and was not measured is, too. */
export function belowFloor(
  results: Results,
  workloads: readonly string[],
  places: readonly string[],
): string[] {
  const floors: Floors = JSON.parse(readFileSync(FILE, "utf8"));
  const measured = new Map(
    [...figuresIn(results)].map((found) => [keyOf(found.place, fullName(found)), found.figure]),
  );
  const problems: string[] = [];
  for (const workload of workloads) {
    for (const [name, byPlace] of Object.entries(floors[workload] ?? {})) {
      for (const [place, floor] of Object.entries(byPlace)) {
        if (!places.includes(place)) continue;
        const figure = measured.get(keyOf(place, name));
        if (figure === undefined) problems.push(`${place}: ${name}: not measured`);
        else {
          const { value: { median }, as = "ratio" } = figure;
          if (as === "ratio" ? median >= floor : median <= floor) continue;
          problems.push(`${place}: ${name}: ${median} ${figure.unit}, and the floor is ${floor}`);
        }
      }
    }
  }
  return problems;
}

function keyOf(place: string, name: string): string {
  return `${place}: ${name}`;
}
