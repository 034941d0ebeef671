/**
 * Runs the tests on Node, Deno and Bun, and the checks of the sources, on as many processors as there are. `--help` says how to
 * choose. Each file of tests runs in a process of its own. A failing test, a failing check, a runtime that cannot be started, and
 * a file of which no test ran, fail the command.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, rmSync, statSync } from "node:fs";
import process from "node:process";
import { LONGEST_JOB } from "../../tests/support/limits.ts";
import { ENV } from "../../tests/support/programs.ts";
import { slowness } from "./test/busy.ts";
import { checks } from "./test/checks.ts";
import { chosen } from "./test/command_line.ts";
import {
  count,
  failureOf,
  inWords,
  isFailure,
  lineOf,
  linesOf,
  missing,
  slowest,
} from "./test/report.ts";
import { type Conditions, endAll, type Job, type Result, run } from "./test/run.ts";
import { type RuntimeName, RUNTIMES } from "./test/runtimes.ts";

/** What is kept of the last run. */
const REPORT = "test-report.jsonl";

/** The jobs, those that take longest first as far as one knows: so that no lane has to wait for another at the end. */
function jobs(): Job[] {
  const size = (file: string): number => statSync(file).size;
  const here = needed.filter((lane) => versions.get(lane) !== undefined);
  const tests = files.toSorted((a, b) => size(b) - size(a)).flatMap((file) =>
    here.map((lane): Job => ({ lane, name: file, command: RUNTIMES[lane].test(file) }))
  );
  // A runtime that cannot be started fails once, and not with each file.
  const absent = needed.filter((lane) => !here.includes(lane)).map((lane): Job => ({
    lane,
    name: "its version",
    command: () => RUNTIMES[lane].version,
  }));
  return [...absent, ...withChecks ? checks() : [], ...tests];
}

function versionOf(runtime: RuntimeName): string | undefined {
  const [program, ...args] = RUNTIMES[runtime].version;
  const { status, stdout } = spawnSync(program!, args, {
    env: ENV,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

function repeat({ lane, name, command }: Job): string {
  return lane === "check"
    ? `npx ${command(conditions).join(" ")}`
    : `npm test -- ${name} --runtime ${lane}`;
}

function isRuntime(lane: string): lane is RuntimeName {
  return Object.hasOwn(RUNTIMES, lane);
}

const { files, runtimes, wanted, withChecks, lanes } = chosen();
const start = performance.now();
const results: Result[] = [];
const stretch = Math.max(slowness(), Number(process.env["TEST_SLOWNESS"] ?? 1));
const conditions: Conditions = { wanted, slowness: stretch, limit: LONGEST_JOB * stretch };
const needed = files.length > 0 ? runtimes : [];
const versions = new Map(needed.map((name) => [name, versionOf(name)]));
const waiting = jobs();

/** Takes jobs from the front until there are none. */
async function lane(): Promise<void> {
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    const result = await run(job, conditions);
    results.push(result);
    appendFileSync(REPORT, linesOf(result));
    if (wanted !== "" && result.tests.length === 0 && !isFailure(result)) continue;
    console.log(lineOf(result));
    if (isFailure(result)) console.log(failureOf(result, repeat(job)));
  }
}

/** Says what came of it, and whether all was well. */
function summary(): boolean {
  const rows = [...new Set(results.map(({ job }) => job.lane))].sort().map((lane) => {
    const own = results.filter(({ job }) => job.lane === lane);
    const version = isRuntime(lane) ? ` ${versions.get(lane) ?? "(could not be started)"}` : "s";
    const time = own.reduce((sum, result) => sum + result.time, 0);
    return `${lane}${version}  ${inWords(count(own))}  ${Math.round(time / 1000)} s`;
  });
  const failures = results.filter(isFailure);
  const total = count(results);
  if (total.passed + total.failed + total.skipped === 0) console.log(`no test matches ${wanted}`);
  else console.log(["", slowest(results), "", ...missing(results)].join("\n"));
  for (const { job } of failures) console.log(`FAILED  ${repeat(job)}`);
  if (left > 0) console.log(`NOT RUN  ${left} files and checks`);
  console.log([...rows, `in ${Math.round((performance.now() - start) / 1000)} s`].join("\n"));
  console.log(`total: ${inWords(total)}`);
  return total.failed === 0 && left === 0 && total.passed > 0;
}

/** How many jobs were not run, because the run was interrupted. */
let left = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    left += waiting.splice(0).length;
    endAll(); // what they have done until now is counted
  });
}
process.stdout.on("error", () => process.exit(1)); // `npm test | head` reads no further
rmSync(REPORT, { force: true });
if (stretch > 1.5) {
  console.log(`the machine is busy: limits are ${stretch.toFixed(1)} times as long`);
}
await Promise.all(Array.from({ length: lanes }, lane));
process.exitCode = summary() ? 0 : 1;
