/** What the bench runs on, in words. */
import { spawnSync } from "node:child_process";
import { cpus, totalmem, type } from "node:os";
import { ENV, type RuntimeName } from "../../tests/support/programs.ts";

export function machineInWords(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${type()}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${memory} GiB`;
}

/** `"Node 20.19.0"`. */
export function runtimeInWords(runtime: RuntimeName): string {
  const { stdout } = spawnSync(runtime, ["--version"], { env: ENV, encoding: "utf8" });
  const version = stdout.match(/\d+\.\d+\.\d+/)?.[0] ?? "of an unknown version";
  return `${runtime[0]!.toUpperCase()}${runtime.slice(1)} ${version}`;
}
