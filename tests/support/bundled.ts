/** Programs of the tests as one file of JavaScript each: Node starts one in a fifth of the time that it takes with tsx. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";

let folder: string | undefined;
const made: Map<string, string> = new Map();

/** The file of JavaScript that a program is bundled into, until this process ends. */
export function bundled(program: string): string {
  const known = made.get(program);
  if (known !== undefined) return known;
  folder ??= makeFolder();
  const file = join(folder, basename(program).replace(/\.ts$/, ".mjs"));
  const esbuild = join(process.cwd(), "node_modules", ".bin", "esbuild");
  const options = [
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--target=node20",
    "--log-level=error",
  ];
  const { status, stderr } = spawnSync(esbuild, [program, ...options, `--outfile=${file}`], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program} could not be bundled: ${stderr}`);
  made.set(program, file);
  return file;
}

/** A folder that is gone when this process is. */
function makeFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "asynchat-"));
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  process.once("exit", remove);
  // A test of Deno's ends without that event.
  (globalThis as unknown as Partial<EventTarget>).addEventListener?.("unload", remove);
  return path;
}
