/** What a person reads of a run: a line a job as it ends, the output of a failure, and the sums at the end. */
import type { Result, TestResult } from "./run.ts";

const SLOWEST = 10;
/** How many lines of a failure's output are shown: the last ones. */
const LINES = 150;

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export function isFailure({ tests, problem }: Result): boolean {
  return problem !== undefined || tests.some(({ outcome }) => outcome === "failed");
}

/** Counts tests by their outcome. What is wrong with a whole job is a failure, and so is a check that fails. */
export function count(results: readonly Result[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { job, tests, problem } of results) {
    for (const { outcome } of tests) counts[outcome]++;
    if (problem !== undefined) counts.failed++;
    else if (job.lane === "check") counts.passed++;
  }
  return counts;
}

export function inWords({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function seconds(time: number): string {
  return `${(time / 1000).toFixed(1)} s`;
}

/** The line of a job that has ended. */
export function lineOf(result: Result): string {
  const { job, tests, time } = result;
  const { passed, failed, skipped } = count([result]);
  const what = [
    tests.length === 0 && !isFailure(result) ? "ok" : `${passed} passed`,
    failed > 0 && `${failed} FAILED`,
    skipped > 0 && `${skipped} skipped`,
  ];
  const where = `${job.lane.padEnd(5)}  ${job.name.padEnd(44)}`;
  return `${where}  ${seconds(time).padStart(7)}  ${what.filter(Boolean).join(", ")}`;
}

/** A failure: what failed, the end of what was printed, and the command that repeats it. */
export function failureOf(result: Result, repeat: string): string {
  const { job, tests, problem, output } = result;
  const failed = tests.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
  const lines = output.split("\n");
  const left = lines.length - LINES;
  return [
    `\n== ${job.lane}  ${job.name}`,
    ...failed.map((name) => `FAILED  ${name}`),
    ...problem === undefined ? [] : [`FAILED  ${problem}`],
    ...left > 0 ? [`... (${left} lines more)`] : [],
    ...lines.slice(-LINES),
    `repeat it: ${repeat}\n`,
  ].join("\n");
}

/** The tests that took longest. */
export function slowest(results: readonly Result[]): string {
  const all = results.flatMap(({ job, tests }) => tests.map((test) => ({ job, test })));
  const rows = all.sort((a, b) => b.test.time - a.test.time).slice(0, SLOWEST)
    .map(({ job, test }) =>
      `  ${seconds(test.time).padStart(7)}  ${job.lane.padEnd(5)} ${test.name}`
    );
  return ["the slowest tests", ...rows].join("\n");
}

/** The tests that were skipped because a program is missing, each with the runtimes. */
export function missing(results: readonly Result[]): string[] {
  const found = new Map<string, Set<string>>();
  const isMissing = ({ outcome, name }: TestResult): boolean =>
    outcome === "skipped" && name.endsWith(" is not installed)");
  for (const { job, tests } of results) {
    for (const { name } of tests.filter(isMissing)) {
      found.set(name, (found.get(name) ?? new Set()).add(job.lane));
    }
  }
  return [...found].map(([name, lanes]) => `skipped  ${name} [${[...lanes].join(", ")}]`);
}

/** A test or a check, as a line of JSON: what is kept of a run. */
export function linesOf({ job, tests, problem, time }: Result): string {
  const { lane, name } = job;
  const whole = { lane, file: name, problem, time: Math.round(time) };
  const each = tests.map((test) => ({ lane, file: name, ...test, time: Math.round(test.time) }));
  return [...each, whole].map((line) => `${JSON.stringify(line)}\n`).join("");
}
