/**
 * How fast the library is beside what one would use instead, on each runtime.
 *
 *     npm run bench                             every workload, on each runtime
 *     npm run bench -- lines tcp                some of them
 *     npm run bench -- --runtime bun            on one runtime
 *     npm run bench -- --rounds 1               with fewer rounds
 *     npm run bench -- --check                  fails where a figure is below its floor (dev/bench/floors.json)
 *     npm run bench -- --show                   measures nothing: the goals, and which of them the last figures reach
 *     npm run bench -- --set-floors             measures nothing: makes the floors from the last figures
 *     npm run bench -- --publish                measures nothing: the chart and the table of docs/performance.md
 *
 * What was not measured this time stays as it was.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ENV, type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";
import type { ContestResult } from "./contest.ts";
import { machineInWords, runtimeInWords } from "./machine.ts";
import { bundle, commandOf } from "./programs.ts";
import { publish } from "./publish.ts";
import {
  belowFloor,
  goalsTable,
  inWords,
  loadResults,
  type Results,
  saveResults,
  setFloors,
} from "./results.ts";

const WORKLOADS = readdirSync("dev/bench/workloads").map((file) => file.replace(/\.ts$/, ""));
/** What is the same on every runtime. */
const ON_NODE_ALONE = ["size"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    rounds: { type: "string", default: "5" },
    check: { type: "boolean", default: false },
    show: { type: "boolean", default: false },
    "set-floors": { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
  },
});
for (const name of positionals) oneOf("a workload", WORKLOADS, name);
for (const name of values.runtime) oneOf("--runtime", RUNTIMES, name);
if (!/^[1-9]\d*$/.test(values.rounds)) {
  throw new TypeError(`--rounds must be a whole number from 1 on, not ${values.rounds}`);
}

function oneOf(what: string, known: readonly string[], met: string): void {
  if (known.includes(met)) return;
  throw new TypeError(`${what} must be one of ${known.join(", ")}, not ${JSON.stringify(met)}`);
}

/** Holds the contests of a workload in a process of its own; gives each result as it comes. */
async function* measure(workload: string, runtime: RuntimeName): AsyncGenerator<ContestResult> {
  const [program, ...args] = commandOf(runtime, "dev/bench/hold.ts", workload, values.rounds);
  const stdio = ["ignore", "pipe", "inherit"] as const;
  const child = spawn(program!, args, { stdio: [...stdio], env: ENV, detached: true });
  const closed = once(child, "close");
  // What it has started is of its process group, and ends with it, however it ends.
  const endAll = (): void => endGroup(child.pid!);
  process.once("exit", endAll);
  for await (const line of createInterface({ input: child.stdout! })) {
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

function print({ name, unit, measured, figures }: ContestResult): void {
  const width = Math.max(...Object.keys(measured).map((who) => who.length));
  console.log(`\n  ${name}`);
  for (const [who, [median, least, most]] of Object.entries(measured)) {
    const value = `${inWords(median)} ${unit}`.padStart(16);
    console.log(`    ${who.padEnd(width)} ${value}   ${inWords(least)} to ${inWords(most)}`);
  }
  for (const { name, best, unit, value: [median, least, most] } of figures) {
    const against = best === undefined ? "" : ` (${best})`;
    const range = `[${inWords(least)} to ${inWords(most)}]`;
    console.log(`    = ${inWords(median)} ${unit} ${range} ${name}${against}`);
  }
}

/** Measures what is wanted. Returns what was measured, and what has failed. */
async function measureAll(): Promise<[measured: Results, failures: string[]]> {
  const [measured, failures]: [Results, string[]] = [{}, []];
  console.log(machineInWords());
  await bundle();
  for (const runtime of values.runtime as RuntimeName[]) {
    for (const workload of positionals.length > 0 ? positionals : WORKLOADS) {
      if (runtime !== "node" && ON_NODE_ALONE.includes(workload)) continue;
      console.log(`\n${runtimeInWords(runtime)}: ${workload}`);
      try {
        for await (const contest of measure(workload, runtime)) {
          print(contest);
          const kept = loadResults();
          for (const figure of contest.figures) {
            (measured[figure.name] ??= {})[runtime] = figure;
            (kept[figure.name] ??= {})[runtime] = figure;
          }
          saveResults(kept);
        }
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
  }
  return [measured, failures];
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
if (values["set-floors"]) setFloors(loadResults());
else if (values.publish) publish(loadResults());
else if (values.show) console.log(goalsTable(loadResults()));
else {
  const [measured, failures] = await measureAll();
  console.log(`\n${goalsTable(measured)}`);
  if (values.check) failures.push(...belowFloor(measured));
  for (const failure of failures) console.log(`FAILED  ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
