/**
 * How fast the library is, side by side with its peers and with the limit, on each runtime: a table of figures, `dev/bench/results.json`
 * (which git ignores), and, where all of it is measured, `dev/bench/chart.svg`.
 *
 *     npm run bench                                 all workloads, on each runtime
 *     npm run bench -- lines tcp                    some of them
 *     npm run bench -- --runtime bun                on one runtime
 *     npm run bench -- --rounds 1                   a trial: keeps no results
 *     npm run bench -- --show                       measures nothing: which goals were met, the last time
 *     npm run bench -- --check                      keeps no results, and fails where one is below its floor (dev/bench/floors.json)
 *     npm run bench -- --set-floors                 measures nothing: makes the floors from the results
 *
 * All contestants of a contest do the same work in one process, in turn, several rounds; a figure is the median of the rounds'
 * figures. So a ratio holds on a machine that does other work as well, where times do not. What was not measured this time
 * stays in the results as it was.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { loadavg } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ENV, type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";
import { bundle } from "./bundle.ts";
import { saveChart } from "./chart.ts";
import { BUNDLE, commandOf } from "./commands.ts";
import type { ContestResult } from "./contest.ts";
import { belowFloor, setFloors } from "./floors.ts";
import { inWords, thisMachine, versionOf, versionsOfPeers } from "./machine.ts";
import { ANYWHERE, loadResults, type Results, saveResults } from "./results.ts";
import { contestTable, goalsTable } from "./table.ts";

/** What has nothing to do with a runtime: it is measured once, on the one that this program runs on. */
const OF_NO_RUNTIME = ["size"];

const WORKLOADS = readdirSync("dev/bench/workloads").map((file) => file.replace(/\.ts$/, ""));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    rounds: { type: "string" },
    show: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    "set-floors": { type: "boolean", default: false },
  },
});
for (const name of positionals) {
  if (!WORKLOADS.includes(name)) throw new TypeError(unknown("a workload", WORKLOADS, name));
}
for (const name of values.runtime) {
  if (!(RUNTIMES as readonly string[]).includes(name)) {
    throw new TypeError(unknown("--runtime", RUNTIMES, name));
  }
}
if (values.rounds !== undefined && !/^[1-9]\d*$/.test(values.rounds)) {
  throw new TypeError(`--rounds must be a whole number from 1 on, not ${values.rounds}`);
}
/** Whether what is measured replaces what was. */
const isKept = !values.check && values.rounds === undefined;
/** Whether all of the chart is measured: what git has of the results. */
const isWhole = isKept && positionals.length === 0 && values.runtime.length === RUNTIMES.length;

function unknown(what: string, known: readonly string[], met: string): string {
  return `${what} must be one of ${known.join(", ")}, not ${JSON.stringify(met)}`;
}

/** Holds a workload's contests on a runtime, in a process of its own; gives each result as it comes. */
async function* measure(workload: string, runtime: RuntimeName): AsyncGenerator<ContestResult> {
  const [program, ...args] = commandOf(
    runtime,
    "dev/bench/contest_process.ts",
    workload,
    ...values.rounds === undefined ? [] : [values.rounds],
  );
  const child = spawn(program!, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...ENV, [BUNDLE]: process.env[BUNDLE] },
    detached: true,
  });
  const closed = once(child, "close");
  // What it has started is of its process group, and ends with it, however it ends.
  const endAll = (): void => endGroup(child.pid!);
  process.once("exit", endAll);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) yield JSON.parse(line);
    else console.log(line);
  }
  const [code] = await closed;
  process.off("exit", endAll);
  endAll();
  if (code !== 0) throw new Error(`${workload} on ${runtime} has ended with ${code}`);
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Where workloads are measured: the runtime, and what the results call it. */
function* places(): Generator<{ runtime: RuntimeName; place: string; workloads: string[] }> {
  const wanted = positionals.length > 0 ? positionals : WORKLOADS;
  const isOfNone = (name: string): boolean => OF_NO_RUNTIME.includes(name);
  yield { runtime: "node", place: ANYWHERE, workloads: wanted.filter(isOfNone) };
  for (const runtime of values.runtime as RuntimeName[]) {
    yield { runtime, place: runtime, workloads: wanted.filter((name) => !isOfNone(name)) };
  }
}

/** Measures what is wanted, and saves each part when it is there. Returns what has failed, in words. */
async function measureAll(results: Results): Promise<string[]> {
  const failures: string[] = [];
  const machine = thisMachine();
  const [load] = loadavg() as [number, number, number];
  console.log(`${inWords(machine)}; load ${load.toFixed(2)}`);
  results.peers = { ...results.peers, ...versionsOfPeers() };
  process.env[BUNDLE] = await bundle();
  for (const { runtime, place, workloads } of places()) {
    const version = versionOf(runtime, "--version") ?? "unknown";
    for (const workload of workloads) {
      console.log(`\n${place === runtime ? `${runtime} ${version}` : place}: ${workload}`);
      const contests: ContestResult[] = [];
      const start = performance.now();
      try {
        for await (const contest of measure(workload, runtime)) {
          console.log(contestTable(contest));
          contests.push(contest);
        }
      } catch (error) {
        failures.push((error as Error).message);
        continue;
      }
      console.log(`\n  (${((performance.now() - start) / 1000).toFixed(0)} s)`);
      const date = new Date().toISOString().slice(0, 10);
      (results.workloads[workload] ??= {})[place] = { date, version, machine, load, contests };
      if (isKept) saveResults(results);
    }
  }
  if (isWhole && failures.length === 0) saveChart(results);
  return failures;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
if (values["set-floors"]) setFloors(loadResults());
else if (values.show) console.log(goalsTable(loadResults()));
else {
  const results: Results = isKept ? loadResults() : { peers: {}, workloads: {} };
  const problems = await measureAll(results);
  console.log(`\n${goalsTable(results)}`);
  if (values.check) {
    const measured = Object.keys(results.workloads);
    problems.push(...belowFloor(results, measured, [ANYWHERE, ...values.runtime]));
  }
  for (const problem of problems) console.log(`FAILED  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
