/**
 * How fast the library is, side by side with its peers and with the limit, on each runtime: a table of ratios, `bench/results.json`
 * and `bench/chart.svg`.
 *
 *     npm run bench                                 all workloads, on each runtime
 *     npm run bench -- lines tcp                    some of them
 *     npm run bench -- --runtime bun                on one runtime
 *     npm run bench -- --check                      fails where a ratio is below its floor (bench/floors.json)
 *
 * All contestants of a contest do the same work in one process, in turn, several rounds; a ratio is the median of the rounds'
 * ratios. So it holds on a machine that does other work as well, where times do not. What was not measured this time stays in
 * the results as it was.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem, type } from "node:os";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { type RuntimeName, RUNTIMES } from "../tests/support/programs.ts";
import { ENV } from "../tests/support/spawn.ts";
import { drawChart } from "./chart.ts";
import type { ContestResult, FigureResult, Spread } from "./contest.ts";
import { belowFloor, type Floors } from "./floors.ts";
import type { Results } from "./results.ts";

const RESULTS = "bench/results.json";
const CHART = "bench/chart.svg";
const FLOORS = "bench/floors.json";

const COMMANDS: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: ["node", "--import", "tsx"],
  deno: ["deno", "run", "--quiet", "--allow-all", "--no-check"],
  bun: ["bun", "run"],
};

const WORKLOADS = readdirSync("bench/workloads")
  .filter((file) => readFileSync(`bench/workloads/${file}`, "utf8").includes("function* contests"))
  .map((file) => file.replace(/\.ts$/, ""));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    check: { type: "boolean", default: false },
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

function unknown(what: string, known: readonly string[], met: string): string {
  return `${what} must be one of ${known.join(", ")}, not ${JSON.stringify(met)}`;
}

/** Holds a workload's contests on a runtime, in a process of its own; shows and gives each result as it comes. */
async function* measure(workload: string, runtime: RuntimeName): AsyncGenerator<ContestResult> {
  const [program, ...args] = COMMANDS[runtime];
  const child = spawn(program!, [...args, "bench/contest_process.ts", workload], {
    stdio: ["ignore", "pipe", "inherit"],
    env: ENV,
  });
  const closed = once(child, "close");
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) yield JSON.parse(line);
    else console.log(line);
  }
  const [code] = await closed;
  if (code !== 0) throw new Error(`${workload} on ${runtime} has ended with ${code}`);
}

async function versionOf(runtime: RuntimeName): Promise<string> {
  const child = spawn(runtime, ["--version"], { stdio: ["ignore", "pipe", "inherit"], env: ENV });
  let output = "";
  child.stdout.on("data", (data) => output += data);
  await once(child, "close");
  return output.match(/\d+\.\d+\.\d+/)?.[0] ?? output.trim();
}

function show({ name, times, figures }: ContestResult): void {
  console.log(`\n  ${name}`);
  const width = Math.max(...Object.keys(times).map((who) => who.length));
  for (const [who, { median, least, most }] of Object.entries(times)) {
    const milliseconds = `${median.toFixed(0)} ms`.padStart(9);
    console.log(`    ${who.padEnd(width)} ${milliseconds}   ${range(least, most, 0)}`);
  }
  for (const figure of figures) console.log(`    ${inWords(figure)}`);
}

function inWords({ name, best, ratio, atLeast }: FigureResult): string {
  const goal = atLeast === undefined ? "" : `, at least ${atLeast} wanted`;
  return `= ${times(ratio)} ${name} (${best})${goal}`;
}

const times = ({ median, least, most }: Spread): string =>
  `${median.toFixed(2)} x [${range(least, most, 2)}]`;
const range = (least: number, most: number, digits: number): string =>
  `${least.toFixed(digits)} to ${most.toFixed(digits)}`;

function save(): void {
  writeFileSync(RESULTS, JSON.stringify(results, null, 2) + "\n");
  writeFileSync(CHART, drawChart(results));
}

const results: Results = existsSync(RESULTS)
  ? JSON.parse(readFileSync(RESULTS, "utf8"))
  : { machine: "", versions: {}, workloads: {} };
results.machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, ${
  Math.round(totalmem() / 2 ** 30)
} GiB, ${type()}`;
console.log(results.machine);
for (const runtime of values.runtime as RuntimeName[]) {
  results.versions[runtime] = await versionOf(runtime);
  for (const workload of positionals.length > 0 ? positionals : WORKLOADS) {
    console.log(`\n${runtime} ${results.versions[runtime]}: ${workload}`);
    const measured: ContestResult[] = [];
    for await (const result of measure(workload, runtime)) {
      show(result);
      measured.push(result);
    }
    (results.workloads[workload] ??= {})[runtime] = measured;
    if (!values.check) save();
  }
}

if (values.check) {
  const floors: Floors = JSON.parse(readFileSync(FLOORS, "utf8"));
  const problems = belowFloor(results, floors, values.runtime);
  for (const problem of problems) console.log(`BELOW ITS FLOOR  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
