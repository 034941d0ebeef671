/** Starts programs with pipes, in each way that the runtime has. */
import { spawn } from "node:child_process";
import type { ChildProcessLike } from "../../src/process/mod.ts";
import { CURRENT, ENV } from "./programs.ts";

/** Starts a command: its standard input and output are pipes, and its standard error is ours. */
export type Spawn = (...command: readonly string[]) => ChildProcessLike;

interface Runtimes {
  readonly Bun: { spawn(command: readonly string[], options: object): ChildProcessLike };
  readonly Deno: { Command: new (name: string, options: object) => { spawn(): ChildProcessLike } };
}

const { Bun, Deno } = globalThis as unknown as Runtimes;

/** With `node:child_process`, which every runtime has. */
export const spawnNode: Spawn = (name = "", ...args) =>
  spawn(name, args, { stdio: ["pipe", "pipe", "inherit"], env: ENV });

const spawnBun: Spawn = (...command) =>
  Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit", env: ENV });

const spawnDeno: Spawn = (name = "", ...args) =>
  new Deno.Command(name, { args, stdin: "piped", stdout: "piped", stderr: "inherit", env: ENV })
    .spawn();

/** The ways of the runtime that the tests run on, by their names. */
export const SPAWNS: Readonly<Record<string, Spawn>> = {
  "node:child_process": spawnNode,
  ...CURRENT === "bun" ? { "Bun.spawn": spawnBun } : {},
  ...CURRENT === "deno" ? { "Deno.Command": spawnDeno } : {},
};

/** Resolves with how a process has ended: its exit code, or the name of the signal. */
export async function exitOf(child: ChildProcessLike): Promise<number | string | null> {
  const exit = child as unknown as {
    readonly exitCode: number | null;
    readonly signalCode: string | null;
    readonly status: Promise<{ readonly code: number; readonly signal: string | null }>;
  };
  if (!("status" in child)) return exit.signalCode ?? exit.exitCode;
  const { code, signal } = await exit.status;
  return signal ?? code;
}
