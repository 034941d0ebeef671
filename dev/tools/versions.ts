/**
 * Runs the library's own tests on each version of `dev/versions.json`, the oldest and the newest of each runtime among
 * them, and prints a table. npm installs what is missing, each in a folder of its own: `.versions/<runtime>-<version>`.
 *
 *     npm run test:versions                         all of them
 *     npm run test:versions -- bun node@20.19.0     some
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** A runtime in a version. */
interface Version {
  readonly runtime: string;
  readonly version: string;
}

/** A line of the table. What is not known is empty. */
interface Outcome extends Version {
  readonly passed: string;
  readonly failed: string;
  readonly skipped: string;
  readonly seconds: string;
  /** What went wrong, if anything did. */
  readonly problem: string;
}

/** What the test runner prints at its end, for each runtime. */
const SUM = /^(node|deno|bun) +(\S+) +(\d+) passed, (\d+) failed, (\d+) skipped +([\d.]+) s/;

const VERSIONS: readonly Version[] = Object
  .entries<string[]>(JSON.parse(readFileSync("dev/versions.json", "utf8")))
  .flatMap(([runtime, versions]) => versions.map((version) => ({ runtime, version })));

/** Which are wanted: `bun` is each of Bun's, `bun@1.4.5` one. */
function choose(wanted: readonly string[]): readonly Version[] {
  if (wanted.length === 0) return VERSIONS;
  const names = ({ runtime, version }: Version): string[] => [runtime, `${runtime}@${version}`];
  const known = VERSIONS.flatMap(names);
  for (const name of wanted) {
    if (known.includes(name)) continue;
    throw new TypeError(`expected some of ${[...new Set(known)].join(", ")}, not ${name}`);
  }
  return VERSIONS.filter((each) => names(each).some((name) => wanted.includes(name)));
}

/** Has npm install a version, unless it is there, and returns the folder of its command. */
function install({ runtime, version }: Version): string {
  const folder = resolve(".versions", `${runtime}-${version}`);
  const bin = join(folder, "node_modules", ".bin");
  if (isInstalled(join(bin, runtime), version)) return bin;

  mkdirSync(folder, { recursive: true });
  // Each of the three brings its binary by a script of its package, which npm runs only where it is allowed to.
  const project = { private: true, allowScripts: { [runtime]: true } };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(project, null, 2)}\n`);
  const flags = ["--save-exact", "--no-package-lock", "--no-audit", "--no-fund"];
  const args = ["install", "--prefix", folder, ...flags, `${runtime}@${version}`];
  const { status } = spawnSync("npm", args, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error("npm could not install it");
  if (!isInstalled(join(bin, runtime), version)) throw new Error("what npm installed does not run");
  return bin;
}

function isInstalled(command: string, version: string): boolean {
  const { status, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.match(/\d+\.\d+\.\d+/)?.[0] === version;
}

function notRun(version: Version, problem: string): Outcome {
  return { ...version, passed: "", failed: "", skipped: "", seconds: "", problem };
}

/** Runs the tests on one version. The runner itself stays on this Node: only what it starts finds the version. */
async function testOn(each: Version): Promise<Outcome> {
  const { runtime, version } = each;
  console.log(`\n== ${runtime} ${version}`);
  let bin: string;
  try {
    bin = install(each);
  } catch (error) {
    return notRun(each, (error as Error).message);
  }
  const runner = ["--import", "tsx", "dev/tools/test.ts", "--library", "--runtime", runtime];
  const child = spawn(process.execPath, runner, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter) },
  });
  running = child;
  const closed = once(child, "close") as Promise<[number | null]>;
  let sum: RegExpMatchArray | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    sum = line.match(SUM) ?? sum;
  }
  const [code] = await closed;
  running = undefined;
  if (sum === null) return notRun(each, "the runner did not sum up");

  const [, , ranOn, passed = "", failed = "", skipped = "", seconds = ""] = sum;
  const result = { ...each, passed, failed, skipped, seconds };
  if (ranOn?.replace(/^v/, "") !== version) return { ...result, problem: `it ran on ${ranOn}` };
  return { ...result, problem: code === 0 ? "" : "failed" };
}

function printTable(outcomes: readonly Outcome[]): void {
  const words = ["runtime", "version"] as const;
  const numbers = ["passed", "failed", "skipped", "seconds"] as const;
  const columns = [...words, ...numbers, "problem"] as const;
  const heading = Object.fromEntries(
    columns.map((column) => [column, column]),
  ) as unknown as Outcome;
  const rows = [heading, ...outcomes];
  const widthOf = (column: keyof Outcome): number =>
    Math.max(...rows.map((row) => row[column].length));
  for (const row of rows) {
    const cells = [
      ...words.map((column) => row[column].padEnd(widthOf(column))),
      ...numbers.map((column) => row[column].padStart(widthOf(column))),
      row.problem,
    ];
    console.log(cells.join("  ").trimEnd());
  }
}

/** The runner that runs. */
let running: ChildProcess | undefined;
let isInterrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    isInterrupted = true;
    running?.kill(signal); // it sums up what it has done until then
  });
}

const outcomes: Outcome[] = [];
for (const version of choose(process.argv.slice(2))) {
  outcomes.push(isInterrupted ? notRun(version, "not run") : await testOn(version));
}
console.log();
printTable(outcomes);
process.exitCode = outcomes.every(({ problem }) => problem === "") ? 0 : 1;
