/**
 * Puts the faults of `dev/mutations.ts` into a copy of a checkout, one at a time, and tells which of its tests notice:
 *
 *     node --import tsx dev/tools/mutate.ts --out caught.tsv
 *
 * For each fault it runs the test files that load the mutated file, the likely ones first, until one fails twice, and passes
 * without the fault. With --out a run that was interrupted goes on where it stopped.
 *
 *     --suite DIR       the checkout. Default: this one
 *     --only ID,ID      these faults alone
 *     --files WHICH     "npm-test" (the default: what npm test runs), "all", or a regular expression for the test files' paths
 *     --times FILE      lines of milliseconds, exit code and test file: which are quick, and so are tried first
 *     --like FILE       the results of another run: what caught a fault there is tried first
 *     --longest S       leaves out test files that take longer than that, by --times
 *     --timeout S       the most that a test file may take. Default: 300
 *     --out FILE        where results are added
 */
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync } from "node:fs";
import { realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, normalize, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Mutation, MUTATIONS } from "../mutations.ts";

const { values } = parseArgs({
  options: {
    suite: { type: "string", default: "." },
    only: { type: "string" },
    files: { type: "string", default: "npm-test" },
    times: { type: "string" },
    like: { type: "string" },
    longest: { type: "string", default: "Infinity" },
    timeout: { type: "string", default: "300" },
    out: { type: "string" },
  },
});

type Runtime = "node" | "deno" | "bun";

const COMMANDS: Readonly<Record<Runtime, readonly string[]>> = {
  node: ["node", "--import", "tsx"],
  deno: [
    ...["deno", "test", "--allow-all", "--no-check", "--fail-fast"],
    ...["--preload", "./dev/tools/test/deno_preload.ts"],
  ],
  bun: ["bun", "test", "--bail", "--timeout=600000"],
};

/** How a runtime names a test that has failed. */
const FAILED =
  /^\(fail\) (.*?)(?: \[.*)?$|^\s*(?:not ok \d+ - |✖ )(.*?)(?: \(.*ms\))?$|^(.*) \.\.\. .*FAILED/m;

/** A test file that is not known may take so long. Milliseconds. */
const UNKNOWN = 2_000;
/** Machines are busy: a hang is what takes this many times longer than usual, and at least so many milliseconds. */
const SLOWNESS = 8;
const SHORTEST_LIMIT = 45_000;

const suite = resolve(values.suite);
const copy = mkdtempSync(join(tmpdir(), "asynchat-mutate-"));
let running: number | undefined;

function copySuite(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", args, { cwd: suite, encoding: "utf8" }).split("\0");
  const files = listed.filter((file) => file !== "" && file !== "node_modules")
    .filter((file) => existsSync(join(suite, file)));
  for (const file of files) cpSync(join(suite, file), join(copy, file));
  symlinkSync(realpathSync(join(suite, "node_modules")), join(copy, "node_modules"));
  return files;
}

/** The files that a file imports, or names, as one that runs another does. */
function importsOf(file: string): readonly string[] {
  const known = imports.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(join(copy, file), "utf8");
  const paths: string[] = [];
  for (const [, path] of text.matchAll(/^(?!import type).*?(?:from|import\(?) ?"([^"\n]+)"/gm)) {
    if (path!.startsWith(".")) paths.push(normalize(join(dirname(file), path!)));
    else if (path!.startsWith("asynchat")) paths.push(`${path!.split("/")[1] ?? "mod"}.ts`);
  }
  // With a name that is put together, all that it may mean.
  for (const [, path] of text.matchAll(/["`]((?:tests\/programs|examples)\/[^"`\s]*\.ts)["`]/g)) {
    const pattern = new RegExp(`^${path!.replaceAll(".", "\\.").replace(/\$\{[^}]*\}/g, ".*")}$`);
    paths.push(...files.filter((each) => pattern.test(each)));
  }
  const found = paths.filter((path) => files.includes(path));
  imports.set(file, found);
  return found;
}

/** How many imports lead from one file to another; `undefined` if none do. */
function distance(from: string, to: string): number | undefined {
  const seen = new Set([from]);
  let reached = [from];
  for (let steps = 0; reached.length > 0; steps++) {
    if (reached.includes(to)) return steps;
    reached = reached.flatMap(importsOf).filter((file) => !seen.has(file) && seen.add(file));
  }
  return undefined;
}

/** The test files that load the mutated file: its own first, then those that are quick and close to it. */
function testsOf({ id, file }: Mutation): string[] {
  const own = `tests/${file.replace(/\.ts$/, "_test.ts")}`;
  const cost = (test: string): number => {
    if (test === own || test === catchers.get(id)) return 0;
    return usualTime(test) * (distance(test, `src/${file}`) ?? Infinity) ** 2;
  };
  const costs = new Map(tests.map((test) => [test, cost(test)]));
  return tests.filter((test) => costs.get(test)! < Infinity)
    .sort((a, b) => costs.get(a)! - costs.get(b)!);
}

function usualTime(test: string): number {
  return times.get(test.replace("/project/", "/")) ?? UNKNOWN;
}

interface Run {
  readonly outcome: "passed" | "failed" | "hang";
  readonly failed: string;
}

/** Runs a test file on the copy, and ends whatever it has started. */
function run(test: string, runtime: Runtime): Promise<Run> {
  const PATH = [join(copy, "node_modules", ".bin"), process.env["PATH"]].join(delimiter);
  const [command, ...args] = COMMANDS[runtime];
  const child = spawn(command!, [...args, runtime === "node" ? test : `./${test}`], {
    cwd: copy,
    env: { ...process.env, PATH, CI: "true", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  running = child.pid;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output += data);
  let isLate = false;
  const limit = Math.max(SHORTEST_LIMIT, SLOWNESS * usualTime(test));
  const timer = setTimeout(() => {
    isLate = true;
    endRunning();
  }, Math.min(limit, 1_000 * Number(values.timeout)));
  return new Promise((resolve) => {
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      endRunning();
      if (signal === "SIGKILL" && !isLate && !output.includes("uncaught exception:")) {
        console.error(`${test} was killed: that tells nothing, so the run ends here`);
        process.exit(1);
      }
      const [, ...names] = output.match(FAILED) ?? [];
      const failed = names.find((name) => name !== undefined) ?? "";
      resolve({ outcome: isLate ? "hang" : code === 0 ? "passed" : "failed", failed });
    });
  });
}

function endRunning(): void {
  try {
    if (running !== undefined) process.kill(-running, "SIGKILL");
  } catch {
    // All of them have ended.
  }
}

/** Whether a test file passes without a fault: one that does not, twice, cannot tell anything. */
async function passesAnyway(test: string, runtime: Runtime, again: boolean): Promise<boolean> {
  const key = `${runtime} ${test}`;
  const passes = async (): Promise<boolean> => (await run(test, runtime)).outcome === "passed";
  if (again || !passing.has(key)) passing.set(key, await passes() || await passes());
  return passing.get(key)!;
}

async function judge(mutation: Mutation): Promise<string[]> {
  const { id, file, find, replace, breaks, runtime = "bun" } = mutation;
  const path = join(copy, "src", file);
  const sound = readFileSync(path, "utf8");
  if (sound.split(find).length !== 2) {
    throw new Error(`${id}: src/${file} must have it once: ${find}`);
  }
  const mutated = sound.replace(find, () => replace);
  const begun = performance.now();
  const notes: string[] = [];
  let [result, by, failed, ran] = ["survived", "", "", 0];
  for (const test of testsOf(mutation)) {
    ran++;
    writeFileSync(path, mutated);
    const first = await run(test, runtime);
    writeFileSync(path, sound);
    if (first.outcome === "passed") continue;
    if (!await passesAnyway(test, runtime, first.outcome === "hang")) {
      notes.push(`${test} fails without it, too`);
      continue;
    }
    writeFileSync(path, mutated);
    const second = await run(test, runtime);
    writeFileSync(path, sound);
    if (second.outcome === "passed") {
      notes.push(`${test} failed once of two times: ${first.failed}`);
      continue;
    }
    [result, by, failed] = ["caught", test, second.outcome === "hang" ? "(hang)" : second.failed];
    break;
  }
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  return [id, file, runtime, result, by, failed, seconds, `${ran}`, breaks, notes.join("; ")];
}

const COLUMNS = "id file runtime result by test seconds files breaks notes".split(" ");

function report(row: readonly string[]): void {
  const line = row.map((cell) => cell.replace(/\s+/g, " ")).join("\t");
  console.log(line);
  if (values.out !== undefined) appendFileSync(values.out, `${line}\n`);
}

process.on("exit", () => {
  endRunning();
  rmSync(copy, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

const files = copySuite();
const imports = new Map<string, readonly string[]>();
const passing = new Map<string, boolean>();
const times = new Map<string, number>();
const rowsOf = (path: string): string[][] =>
  readFileSync(path, "utf8").trim().split("\n").map((line) => line.split("\t"));
if (values.times !== undefined) {
  for (const [time, , test] of rowsOf(values.times)) {
    times.set(test!.replace("/project/", "/"), Number(time));
  }
}
const catchers = new Map<string, string>();
if (values.like !== undefined) {
  for (const [id, , , , by] of rowsOf(values.like)) if (by) catchers.set(id!, by);
}
const isWanted = values.files === "all"
  ? () => true
  : values.files === "npm-test"
  ? (test: string) => !/^tests\/(examples|project)\//.test(test)
  : (test: string) => new RegExp(values.files).test(test);
const tests = files.filter((file) => /^tests\/.*_test\.ts$/.test(file) && isWanted(file))
  .filter((test) => usualTime(test) <= 1_000 * Number(values.longest));

const only = values.only?.split(",");
const unknown = only?.find((id) => !MUTATIONS.some((mutation) => mutation.id === id));
if (unknown !== undefined) throw new TypeError(`--only must name a mutation, not ${unknown}`);
const results = values.out !== undefined && existsSync(values.out) ? rowsOf(values.out) : [];
if (results.length === 0) report(COLUMNS);
const done = new Set(results.map(([id]) => id));
for (const mutation of MUTATIONS) {
  if (done.has(mutation.id) || only?.includes(mutation.id) === false) continue;
  report(await judge(mutation));
}
