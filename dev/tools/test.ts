/**
 * Runs the tests on Node, Deno and Bun, and the checks of the sources, on as many processors as there are. `--help` says how to
 * choose. Each file of tests runs in a process of its own. A failing test, a failing check, a runtime that cannot be started, and
 * a file of which no test ran, fail the command.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { LONGEST_JOB } from "../../tests/support/limits.ts";
import { slowness } from "./test/busy.ts";
import { checks } from "./test/checks.ts";
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
import { type Conditions, type Job, PATH, type Result, run } from "./test/run.ts";
import { type RuntimeName, RUNTIMES } from "./test/runtimes.ts";

const HELP =
  `npm test                                the library's tests and a conversation with each example, on Node,
                                        Deno and Bun, and the checks
npm run test:all                        that, and the rest: examples against their peers, documents, packages, ...
npm test -- tests/framer_test.ts        a file, or all of a folder, on each runtime
npm test -- --runtime bun               on one runtime (npm run test:bun)
npm test -- --name "resync"             tests whose name matches a regular expression
npm run check                           the checks alone: fmt, lint, tsc, deno check, documentation, publish

options, behind --, and together as you like
  --runtime node|deno|bun               may be given more than once
  --name PATTERN
  --library                             the library's own tests alone, and no checks
  --rest                                what test:all has and npm test has not
  --all                                 all tests, and the checks
  --checks                              the checks alone
  --lanes N                             how many processes run at a time: by default as many as there are processors

The results of each test go to test-report.jsonl as they come.`;

/** What is kept of the last run. */
const REPORT = "test-report.jsonl";
/** The tests that are the rest: all others are in npm test. */
const REST = ["tests/examples/", "tests/project/"];
/** A conversation with each example: no test of the library's own. */
const EXAMPLES = "tests/examples_test.ts";

function fail(message: string): never {
  console.error(`${message}\nnpm test -- --help says what there is`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        runtime: { type: "string", multiple: true },
        name: { type: "string" },
        library: { type: "boolean", default: false },
        rest: { type: "boolean", default: false },
        all: { type: "boolean", default: false },
        checks: { type: "boolean", default: false },
        lanes: { type: "string", default: String(availableParallelism()) },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return fail((error as Error).message);
  }
}

const { values, positionals } = options();
if (values.help) {
  console.log(HELP);
  process.exit();
}
const wanted = values.name ?? "";
try {
  new RegExp(wanted);
} catch (error) {
  fail(`--name must be a regular expression: ${(error as Error).message}`);
}
if (!/^[1-9]\d*$/.test(values.lanes)) {
  fail(`--lanes must be a number from 1 on, not ${values.lanes}`);
}

function isRuntime(name: string): name is RuntimeName {
  return Object.hasOwn(RUNTIMES, name);
}

const runtimes = (values.runtime ?? Object.keys(RUNTIMES)).map((name) =>
  isRuntime(name) ? name : fail(`--runtime must be node, deno or bun, not ${JSON.stringify(name)}`)
);

const ALL = readdirSync("tests", { recursive: true, encoding: "utf8" })
  .map((name) => `tests/${name.replaceAll("\\", "/")}`)
  .filter((name) => name.endsWith("_test.ts"));

/** The files that a word of the command line means. */
function filesOf(word: string): string[] {
  const path = word.replaceAll("\\", "/").replace(/^\.\//, "").replace(/\/$/, "");
  const found = ALL.filter((file) => file === path || file.startsWith(`${path}/`));
  if (found.length > 0) return found;
  const near = ALL.filter((file) => file.includes(path.replace(/^.*\//, "").replace(/\.ts$/, "")));
  const hint = near.length > 0 ? `: is it ${near.slice(0, 3).join(", or ")}?` : "";
  return fail(`there is no file of tests ${JSON.stringify(word)}${hint}`);
}

function chosenFiles(): string[] {
  if (values.checks) return [];
  if (positionals.length > 0) return [...new Set(positionals.flatMap(filesOf))];
  const isRest = (file: string): boolean => REST.some((folder) => file.startsWith(folder));
  if (values.all) return ALL;
  if (values.rest) return ALL.filter(isRest);
  return ALL.filter((file) => !isRest(file) && !(values.library && file === EXAMPLES));
}

/** Whether nothing was chosen that has to do with tests alone. */
const withChecks = values.checks ||
  !(positionals.length > 0 || values.runtime || values.name || values.library || values.rest);

/** The jobs, those that take longest first as far as one knows: so that no lane has to wait for another at the end. */
function jobs(): Job[] {
  const size = (file: string): number => statSync(file).size;
  const files = chosenFiles().sort((a, b) => size(b) - size(a));
  const tests = files.flatMap((file) =>
    runtimes.map((lane): Job => ({
      lane,
      name: file,
      command: RUNTIMES[lane].test(file),
    }))
  );
  return [...withChecks ? checks() : [], ...tests];
}

function versionOf(runtime: RuntimeName): string | undefined {
  const [program, ...args] = RUNTIMES[runtime].version;
  const { status, stdout } = spawnSync(program!, args, {
    env: { ...process.env, PATH, NO_COLOR: "1" },
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim().replace(/^v/, "") : undefined;
}

function repeat({ lane, name, command }: Job): string {
  return lane === "check"
    ? `npx ${command({ ...conditions, events: "" }).join(" ")}`
    : `npm test -- ${name} --runtime ${lane}`;
}

const start = performance.now();
const results: Result[] = [];
const running: Set<Job> = new Set();
const stretch = slowness();
const conditions: Conditions = { wanted, slowness: stretch, limit: LONGEST_JOB * stretch };
const waiting = jobs();
const hasTests = waiting.some(({ lane }) => lane !== "check");
const versions = new Map(hasTests ? runtimes.map((name) => [name, versionOf(name)]) : []);

/** Takes jobs from the front until there are none. */
async function lane(): Promise<void> {
  for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
    running.add(job);
    const result = await run(job, conditions);
    running.delete(job);
    results.push(result);
    appendFileSync(REPORT, linesOf(result));
    if (wanted !== "" && result.tests.length === 0 && !isFailure(result)) continue;
    console.log(lineOf(result));
    if (isFailure(result)) console.log(failureOf(result, repeat(job)));
  }
}

/** Says what came of it, also when it was interrupted. */
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
  for (const job of running) console.log(`CUT OFF  ${repeat(job)}`);
  if (waiting.length > 0) console.log(`NOT RUN  ${waiting.length} files and checks`);
  console.log([...rows, `in ${Math.round((performance.now() - start) / 1000)} s`].join("\n"));
  console.log(`total: ${inWords(total)}`);
  return total.failed === 0 && running.size === 0 && waiting.length === 0 && total.passed > 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    summary();
    process.exit(1);
  });
}
if (existsSync(REPORT)) rmSync(REPORT);
if (stretch > 1.5) {
  console.log(`the machine is busy: limits are ${stretch.toFixed(1)} times as long`);
}
await Promise.all(Array.from({ length: Number(values.lanes) }, lane));
process.exitCode = summary() ? 0 : 1;
