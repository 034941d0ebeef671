/** Runs programs in processes of their own, on any of the runtimes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { bundled } from "./bundled.ts";

/** How each runtime runs a TypeScript file, with the permissions that the documentation says. */
const COMMANDS = {
  node: ["node", "--import", "tsx"],
  deno: ["deno", "run", "--quiet", "--no-prompt", "--allow-net"],
  bun: ["bun", "run"],
} as const;

export type RuntimeName = keyof typeof COMMANDS;

export const RUNTIMES = Object.keys(COMMANDS) as readonly RuntimeName[];

/**
 * What every program gets that the tests start: what the tests themselves got, without colours. The runtimes that npm
 * installed come last in the path, so that one which stands before them is tested in all its programs.
 */
export const ENV: Readonly<Record<string, string | undefined>> = {
  ...process.env,
  NO_COLOR: "1",
  PATH: [process.env["PATH"], join(process.cwd(), "node_modules", ".bin")].join(delimiter),
};

/** The runtime that the tests run on. */
export const CURRENT: RuntimeName = "Deno" in globalThis
  ? "deno"
  : "Bun" in globalThis
  ? "bun"
  : "node";

export interface Output {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** A program that runs. Disposing of it stops it. */
export class Program {
  readonly lines: string[] = [];
  #stderr = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #listeners: (() => void)[] = [];

  constructor(command: readonly string[]) {
    const [name, ...args] = command;
    this.#child = spawn(name!, args, { stdio: ["ignore", "pipe", "pipe"], env: ENV });
    this.#closed = once(this.#child, "close");
    this.#child.stderr!.on("data", (data) => this.#stderr += data);
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.lines.push(line);
      for (const listener of this.#listeners) listener();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The first line that matches, which may still have to be printed. Rejects if the program ends without it. */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    const find = (): RegExpMatchArray | undefined =>
      this.lines.map((line) => line.match(pattern)).find((match) => match !== null) ?? undefined;
    const printed = new Promise<void>((resolve) => {
      this.#listeners.push(() => find() && resolve());
    });
    if (!find()) await Promise.race([printed, this.#closed]);
    const match = find();
    if (!match) {
      throw new Error(`no line like ${pattern}:\n${this.lines.join("\n")}\n${this.#stderr}`);
    }
    return match;
  }

  /** Where a server listens, when it says so. */
  async listening(): Promise<number> {
    const [, port] = await this.line(/^listening on 127\.0\.0\.1:(\d+)$/);
    return Number(port);
  }

  /** Stops the program as Ctrl-C does, and waits for its end. */
  interrupt(): Promise<Output> {
    process.kill(this.#child.pid!, "SIGINT"); // Deno's child.kill() takes it for dead of that signal, whatever it does
    return this.finished();
  }

  /** Waits for the program to end by itself. */
  async finished(): Promise<Output> {
    const [code] = await this.#closed as [number | null];
    return { code, lines: this.lines, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }
}

/** The command that runs a TypeScript file on a runtime. */
export function command(runtime: RuntimeName, file: string, ...args: string[]): string[] {
  // Bundled, a program starts faster. An example is run as its readers run it.
  if (runtime === "node" && file.startsWith("tests/")) return ["node", bundled(file), ...args];
  return [...COMMANDS[runtime], file, ...args];
}

/** The same, with permissions that Deno is to give beside `--allow-net`: `--allow-read`. */
export function permitted(
  permissions: readonly string[],
  runtime: RuntimeName,
  file: string,
  ...args: string[]
): string[] {
  const more = runtime === "deno" ? permissions : [];
  return [...COMMANDS[runtime], ...more, file, ...args];
}

/** Runs a program to its end. */
export async function run(command: readonly string[]): Promise<Output> {
  return await new Program(command).finished();
}
