/**
 * The programs of the bench as JavaScript, for Node, which is what its users run. What tsx makes of TypeScript while it loads it is
 * slower than that: it calls a helper for each function that is made, to keep its name. Deno and Bun run TypeScript themselves.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";

/** Where packages are found from, and nothing is committed. */
const CACHE = "node_modules/.cache";

const PROGRAMS = [
  "dev/bench/contest_process.ts",
  "dev/bench/peers/hello_server.ts",
  "dev/bench/scale/frame_memory.ts",
  "dev/bench/scale/idle_server.ts",
  "examples/http_server.ts",
  "examples/resp_server.ts",
];

/** Compiles the programs; what they import from packages stays there. Returns the folder, which is there until this process ends. */
export async function bundle(): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "asynchat-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  await build({
    entryPoints: PROGRAMS,
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
  return folder;
}
