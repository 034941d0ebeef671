/** How each runtime runs a file of tests, and says its version. */
import type { Command } from "./run.ts";

export interface Runtime {
  readonly version: readonly string[];
  readonly test: (file: string) => Command;
}

export type RuntimeName = "node" | "deno" | "bun";

export const RUNTIMES: Readonly<Record<RuntimeName, Runtime>> = {
  node: {
    version: ["node", "--version"],
    test: (file) => ({ wanted }) => [
      ...["node", "--import", "tsx", "--test-reporter", "./dev/tools/test/node_reporter.ts"],
      ...wanted === "" ? [] : ["--test-name-pattern", wanted],
      file,
    ],
  },
  deno: {
    version: ["deno", "eval", "--no-lock", "console.log(Deno.version.deno)"],
    test: (file) => () => [
      ...["deno", "test", "--allow-all", "--no-check", "--quiet"],
      ...["--preload", "./dev/tools/test/deno_preload.ts", file],
    ],
  },
  bun: {
    version: ["bun", "--version"],
    test: (file) => ({ limit }) => [
      ...["bun", "test", "--preload", "./dev/tools/test/bun_preload.ts"],
      ...[`--timeout=${Math.ceil(limit)}`, `./${file}`],
    ],
  },
};
