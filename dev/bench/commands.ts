/** How a program of the bench is run on a runtime, in a process of its own. */
import { join } from "node:path";
import process from "node:process";
import type { RuntimeName } from "../../tests/support/programs.ts";

/** The variable of the environment that says where the programs for Node are: see bundle.ts. */
export const BUNDLE = "ASYNCHAT_BENCH_BUNDLE";

const COMMANDS: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: ["node", "--expose-gc"],
  deno: ["deno", "run", "--quiet", "--allow-all", "--no-check", "--v8-flags=--expose-gc"],
  bun: ["bun", "run"],
};

/** The command that runs a TypeScript file of this repository. */
export function commandOf(
  runtime: RuntimeName,
  file: string,
  ...args: readonly string[]
): string[] {
  return [...COMMANDS[runtime], runtime === "node" ? bundled(file) : file, ...args];
}

function bundled(file: string): string {
  const folder = process.env[BUNDLE];
  if (folder === undefined) throw new Error(`${BUNDLE} is not set: programs for Node are bundled`);
  return join(folder, file.replace(/\.ts$/, ".js"));
}
