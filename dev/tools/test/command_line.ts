/** What the command line asks for. */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { type RuntimeName, RUNTIMES } from "./runtimes.ts";

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

TEST_SLOWNESS=5 in the environment makes all limits five times as long, also on a machine that is not busy.
The results of each test go to test-report.jsonl as they come.`;

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

export interface Choice {
  /** The files of tests. */
  readonly files: readonly string[];
  readonly runtimes: readonly RuntimeName[];
  /** The pattern of the tests that are wanted; empty: all. */
  readonly wanted: string;
  readonly withChecks: boolean;
  /** How many processes run at a time. */
  readonly lanes: number;
}

function isRuntime(name: string): name is RuntimeName {
  return Object.hasOwn(RUNTIMES, name);
}

/** Reads the command line. What it cannot mean ends the process with a message, and so does `--help`. */
export function chosen(): Choice {
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
    fail(`--lanes must be a number from 1 on, not ${JSON.stringify(values.lanes)}`);
  }
  const runtimes = (values.runtime ?? Object.keys(RUNTIMES)).map((name) =>
    isRuntime(name)
      ? name
      : fail(`--runtime must be node, deno or bun, not ${JSON.stringify(name)}`)
  );
  const isRest = (file: string): boolean => REST.some((folder) => file.startsWith(folder));
  const files = values.checks
    ? []
    : positionals.length > 0
    ? [...new Set(positionals.flatMap(filesOf))]
    : ALL.filter((file) =>
      values.all || isRest(file) === values.rest && !(values.library && file === EXAMPLES)
    );
  // A file, a runtime or a name has nothing to do with the checks.
  const { runtime, name, library, rest } = values;
  const withChecks = values.checks ||
    !(positionals.length > 0 || runtime || name || library || rest);
  return { files, runtimes, wanted, withChecks, lanes: Number(values.lanes) };
}
