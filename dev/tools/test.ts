/**
 * Runs the suite on Node, Deno and Bun, then the checks of the source, and sums up with one line per runtime.
 *
 *     npm test                    everything
 *     npm run test:node           one runtime (likewise deno, bun)
 *     npm run check               the checks alone
 *
 * A failing test, a failing check, and a runtime that could not be started, or ran no test, fail the command.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { XMLParser } from "fast-xml-parser";
import { documents } from "../../tests/support/code_blocks.ts";

interface Runtime {
  readonly name: string;
  readonly command: string;
  readonly version: readonly string[];
  /** The arguments that run these test files, and write a JUnit report. */
  readonly test: (files: readonly string[], report: string) => string[];
}

interface Result {
  readonly line: string;
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A run that takes longer hangs. Milliseconds. */
const LONGEST_RUN = 20 * 60_000;
/** Node 20 has it for a whole file. */
const LONGEST_TEST = 240_000;

const RUNTIMES: readonly Runtime[] = [
  {
    name: "node",
    command: "node",
    version: ["--version"],
    test: (files, report) => [
      ...["--import", "tsx", "--test", `--test-timeout=${LONGEST_TEST}`],
      ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
      ...["--test-reporter=junit", `--test-reporter-destination=${report}`],
      ...files,
    ],
  },
  {
    name: "deno",
    command: "deno",
    version: ["eval", "--no-lock", "console.log(Deno.version.deno)"],
    test: (files, report) => [
      ...["test", "--allow-all", "--no-check", `--junit-path=${report}`],
      ...["--preload", "./tests/support/deno_uncaught.ts"],
      ...files,
    ],
  },
  {
    name: "bun",
    command: "bun",
    version: ["--version"],
    test: (files, report) => [
      ...["test", `--timeout=${LONGEST_TEST}`],
      ...["--reporter=junit", `--reporter-outfile=${report}`],
      ...files.map((file) => `./${file}`),
    ],
  },
];

const ENTRIES = ["mod.ts", "node.ts", "deno.ts", "bun.ts", "testing.ts"];
const SOURCES = [...ENTRIES, "src", "tests", "examples", "dev"];

const CHECKS: readonly (readonly string[])[] = [
  ["deno", "fmt", "--check"],
  ["deno", "lint"],
  ["tsc"],
  ["deno", "check", ...SOURCES],
  ["deno", "doc", "--lint", ...ENTRIES],
  [
    "deno",
    "test",
    "--doc",
    "--allow-net",
    "--allow-env",
    "--allow-run=sort",
    `--allow-read=${tmpdir()}`,
    `--allow-write=${tmpdir()}`,
    ...ENTRIES,
    "src",
  ],
  ["deno", "check", "--doc-only", ...documents()], // tests/project/docs_test.ts runs what they show
  ["deno", "publish", "--dry-run", "--allow-dirty"],
];

const PATH = [join(process.cwd(), "node_modules", ".bin"), process.env["PATH"]].join(delimiter);

interface Run {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a command; its output is shown as it comes, or kept. */
function run(command: string, args: readonly string[], output: "inherit" | "pipe"): Run {
  const { status, stdout, stderr } = spawnSync(command, args, {
    stdio: ["ignore", output, output],
    env: { ...process.env, PATH, NO_COLOR: "1" },
    timeout: LONGEST_RUN,
    encoding: "utf8",
  });
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}`.trim() };
}

function testOn(runtime: Runtime, files: readonly string[]): Result {
  const { ok: started, output: version } = run(runtime.command, runtime.version, "pipe");
  if (!started) return failure(`${runtime.name}  could not be started`);

  console.log(`\n== ${runtime.name} ${version}`);
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const report = join(folder, "report.xml");
  const { ok: exited } = run(runtime.command, runtime.test(files, report), "inherit");
  const { passed, failed, skipped } = existsSync(report)
    ? count(readFileSync(report, "utf8"))
    : { passed: 0, failed: 0, skipped: 0 };
  rmSync(folder, { recursive: true });

  const problem = exited ? passed === 0 && "no test was run" : failed === 0 && "the run failed";
  return {
    line: `${runtime.name}  ${version}  ${passed} passed, ${failed} failed, ${skipped} skipped` +
      (problem ? `: ${problem}` : ""),
    ok: exited && failed === 0 && passed > 0,
    passed,
    failed: failed + (problem ? 1 : 0),
    skipped,
  };
}

function check(command: readonly string[]): Result {
  const name = command.join(" ");
  const { ok, output } = run(command[0]!, command.slice(1), "pipe");
  if (ok) return { line: `${name}  ok`, ok, passed: 1, failed: 0, skipped: 0 };
  console.log(`\n== ${name}\n${output}`);
  return failure(`${name}  failed`);
}

function failure(line: string): Result {
  return { line, ok: false, passed: 0, failed: 1, skipped: 0 };
}

/** Counts the test cases of a JUnit report, at any depth. */
function count(report: string): { passed: number; failed: number; skipped: number } {
  const found = { passed: 0, failed: 0, skipped: 0 };
  const parser = new XMLParser({ ignoreAttributes: false, isArray: (name) => name === "testcase" });
  function visit(node: unknown): void {
    if (typeof node !== "object" || node === null) return;
    for (const [name, child] of Object.entries(node)) {
      if (name !== "testcase") visit(child);
      else for (const testcase of child) found[outcome(testcase)]++;
    }
  }
  visit(parser.parse(report));
  return found;
}

function outcome(testcase: object): "passed" | "failed" | "skipped" {
  if ("failure" in testcase || "error" in testcase) return "failed";
  return "skipped" in testcase ? "skipped" : "passed";
}

const wanted = process.argv[2];
const known = [...RUNTIMES.map(({ name }) => name), "checks"];
if (wanted !== undefined && !known.includes(wanted)) {
  throw new TypeError(`expected one of ${known.join(", ")}, or nothing, not ${wanted}`);
}

const files = readdirSync("tests", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith("_test.ts"))
  .map((file) => `tests/${file}`)
  .sort();
const results = [
  ...RUNTIMES.filter(({ name }) => (wanted ?? name) === name).map((each) => testOn(each, files)),
  ...(wanted ?? "checks") === "checks" ? CHECKS.map(check) : [],
];

const total = (key: "passed" | "failed" | "skipped"): number =>
  results.reduce((sum, result) => sum + result[key], 0);
console.log(`\n${results.map(({ line }) => line).join("\n")}`);
console.log(
  `total: ${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`,
);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
