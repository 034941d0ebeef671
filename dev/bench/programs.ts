/** Programs that the bench runs, each in a process of its own: those of this repository, and those that nobody here wrote. */
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { CURRENT, ENV, Program, type RuntimeName } from "../../tests/support/programs.ts";

/** Programs of this repository. */
const OURS = [
  "dev/bench/hold.ts",
  ...["fan_out_server", "first_frame_server", "frame_memory", "hello_server", "idle_server"]
    .map((name) => `dev/bench/programs/${name}.ts`),
  ...["http_server", "resp_server"].map((name) => `examples/${name}.ts`),
];

/** The variable of the environment that says where the programs for Node are. */
const BUNDLE = "ASYNCHAT_BENCH_BUNDLE";

/**
 * Compiles the programs for Node, as its users run them: what tsx makes of TypeScript while it loads it calls a helper for each
 * function that is made. Deno and Bun run TypeScript themselves. The folder is there until this process ends.
 */
export async function bundle(): Promise<void> {
  mkdirSync("node_modules/.cache", { recursive: true });
  const folder = mkdtempSync("node_modules/.cache/asynchat-bench-");
  process.once("exit", () => rmSync(folder, { recursive: true }));
  await build({
    entryPoints: OURS,
    outdir: folder,
    outbase: ".",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  (ENV as Record<string, string>)[BUNDLE] = folder;
}

/** The command that runs a program of this repository. */
export function commandOf(runtime: RuntimeName, file: string, ...args: string[]): string[] {
  const flags = ["--quiet", "--allow-all", "--no-check", "--v8-flags=--expose-gc"];
  if (runtime === "deno") return ["deno", "run", ...flags, file, ...args];
  if (runtime === "bun") return ["bun", "run", file, ...args];
  return ["node", "--expose-gc", join(ENV[BUNDLE]!, file.replace(/ts$/, "js")), ...args];
}

/** Starts a program of this repository on the runtime that is measured. */
export function start(file: string, ...args: readonly string[]): Program {
  return new Program(commandOf(CURRENT, file, ...args));
}

/** Runs a program to its end, and returns what it printed. Rejects if it fails. */
export function run(command: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(error);
    });
    child.stdin?.end();
  });
}

/** Whether programs are there. If one is missing, this says what is left out for it. */
export function areHere(what: string, ...programs: readonly string[]): boolean {
  const missing = programs.filter((name) => spawnSync("which", [name]).status !== 0);
  for (const name of missing) console.error(`left out: ${what}, because ${name} is not here`);
  return missing.length === 0;
}

/** What is waited for, unless the program that brings it about fails first. */
export function unlessFails<T>(awaited: Promise<T>, program: Promise<unknown>): Promise<T> {
  return Promise.race([awaited, new Promise<never>((_, reject) => program.catch(reject))]);
}

/** How long so many requests take by the clock of redis-benchmark, in milliseconds. */
export async function redisBenchmark(
  port: number,
  test: "ping_inline" | "get" | "set",
  { requests, connections, pipelined }: {
    readonly requests: number;
    readonly connections: number;
    readonly pipelined: number;
  },
): Promise<number> {
  const printed = await run(
    "redis-benchmark",
    ...["-h", "127.0.0.1", "-p", String(port), "-t", test, "-n", String(requests)],
    ...["-c", String(connections), "-P", String(pipelined), "--csv"],
  );
  const [, rate] = printed.match(/^"[A-Z_]+","([\d.]+)"/m) ?? [];
  if (rate === undefined) throw new Error(`redis-benchmark gave no rate, but:\n${printed}`);
  return requests / Number(rate) * 1000;
}
