/** What was measured: kept in `node_modules/.cache`, until it is measured again. And the floors, which are in git. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";
import { type FigureResult, isMet } from "./contest.ts";

const FOLDER = "node_modules/.cache/asynchat-bench";
const FLOORS = "dev/bench/floors.json";

/** By the name of a figure and the runtime. A size is the same on each, and is measured on Node. */
export type Results = Record<string, Partial<Record<RuntimeName, FigureResult>>>;

export function loadResults(): Results {
  const file = `${FOLDER}/results.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

export function saveResults(results: Results): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/results.json`, JSON.stringify(results, null, 2));
}

/** All figures that must reach something, and whether they do: a line for each, a column for each runtime. */
export function goalsTable(results: Results): string {
  const rows = [["goal", "wanted", ...RUNTIMES]];
  for (const [name, parts] of Object.entries(results)) {
    const [{ atLeast, atMost, unit } = { unit: "" }] = Object.values(parts);
    if (atLeast === undefined && atMost === undefined) continue;
    const wanted = atLeast === undefined ? `at most ${atMost} ${unit}` : `at least ${atLeast} x`;
    const cells = RUNTIMES.map((runtime) => {
      const result = parts[runtime];
      return result === undefined
        ? ""
        : inWords(result.value[0]) + (isMet(result) ? "" : " MISSED");
    });
    rows.push([name, wanted, ...cells]);
  }
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
    .join("\n");
}

type Floors = Record<string, Partial<Record<RuntimeName, number>>>;

/**
 * How far a figure may fall on a noisy machine before `--check` fails: a ratio to four tenths of what was measured, what should be
 * small to half as much again. A size has no noise.
 */
function floorOf({ atMost, unit, value: [value] }: FigureResult): number {
  if (unit === "KiB") return Number((value * 1.05).toPrecision(3));
  return Number(
    (atMost === undefined ? value * 0.4 : Math.max(value, atMost) * 1.5).toPrecision(2),
  );
}

/** Makes the floors from what was measured. */
export function setFloors(results: Results): void {
  const lines = Object.entries(results).map(([name, parts]) => {
    const floors = Object.entries(parts).map(([runtime, result]) => [runtime, floorOf(result)]);
    return `  ${JSON.stringify(name)}: ${JSON.stringify(Object.fromEntries(floors))}`;
  });
  writeFileSync(FLOORS, `{\n${lines.join(",\n")}\n}\n`);
}

/** What is worse than its floor, or has none, in words. */
export function belowFloor(results: Results): string[] {
  const floors: Floors = JSON.parse(readFileSync(FLOORS, "utf8"));
  return Object.entries(results).flatMap(([name, parts]) =>
    Object.entries(parts).flatMap(([runtime, { atMost, value: [value] }]) => {
      const floor = floors[name]?.[runtime as RuntimeName];
      if (floor === undefined) return [`${runtime}: ${name} has no floor in ${FLOORS}`];
      if (atMost === undefined ? value >= floor : value <= floor) return [];
      return [`${runtime}: ${name} is ${inWords(value)}, its floor is ${floor}`];
    })
  );
}

/** A number with as many digits as it is worth. */
export function inWords(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
