/** The checks of the sources and the documents. */
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { documents } from "../../../tests/support/code_blocks.ts";
import type { Job } from "./run.ts";

/** The entry points, by the manifest. */
const { exports } = JSON.parse(readFileSync("deno.json", "utf8"));
const ENTRIES: readonly string[] = Object.values<string>(exports).map((file) =>
  file.slice("./".length)
);

const COMMANDS: readonly (readonly string[])[] = [
  ["deno", "check", ...ENTRIES, "src", "tests", "examples", "dev"],
  [
    ...["deno", "test", "--doc", "--allow-net", "--allow-env", "--allow-run=sort"],
    ...[`--allow-read=${tmpdir()}`, `--allow-write=${tmpdir()}`, ...ENTRIES, "src"],
  ],
  ["deno", "check", "--doc-only", ...documents()], // tests/project/docs_test.ts runs what they show
  ["node", "node_modules/typescript/bin/tsc"], // node_modules/.bin may have an older one: the compilers that are tested have it, too
  ["deno", "publish", "--dry-run", "--allow-dirty"],
  ["deno", "doc", "--lint", ...ENTRIES],
  ["deno", "lint"],
  ["deno", "fmt", "--check"],
];

/** The checks, those that take longest first. */
export function checks(): Job[] {
  return COMMANDS.map((command) => ({
    lane: "check",
    name: command.join(" ").replace(/ \S+\.(ts|md) .*/, " ..."),
    command: () => command,
  }));
}
