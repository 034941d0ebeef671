/** Servers that nobody here wrote, each in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { freePort } from "./free_port.ts";

/** How often another port is tried: between its choice and its use somebody else may take it. */
const ATTEMPTS = 5;

export interface ServerPlan {
  readonly command: string;
  /** What stands before the configuration's file. */
  readonly args?: readonly string[];
  /** The lines of its configuration: `FOLDER` in one is where `files` are, and `PORT` where it is to listen. */
  readonly settings: readonly string[];
  /** What they name, each with its content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where it says what it does. */
  readonly tells: "stdout" | "stderr";
  /** The line that says that it serves. */
  readonly ready: RegExp;
  /** Where it is to listen, if that is not for it to choose. */
  readonly port?: number | undefined;
}

/** A server that serves. */
export interface Serving {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly port: number;
}

/** Starts a server, and waits until it serves. */
export async function startServer(plan: ServerPlan): Promise<Serving> {
  for (let attempt = 1;; attempt++) {
    const told: string[] = [];
    const serving = await tryToStart(plan, plan.port ?? await freePort(), told);
    if (serving !== undefined) return serving;
    if (attempt === ATTEMPTS || plan.port !== undefined) {
      throw new Error(`${plan.command} has not started:\n${told.join("\n")}`);
    }
  }
}

async function tryToStart(
  { command, args = [], settings, files = {}, tells, ready }: ServerPlan,
  port: number,
  told: string[],
): Promise<Serving | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const write = (name: string, content: string): void =>
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  for (const [name, content] of Object.entries(files)) write(name, content);
  const lines = settings.map((line) =>
    `${line.replaceAll("FOLDER", folder).replaceAll("PORT", String(port))}\n`
  );
  write("server.conf", lines.join(""));
  const child = spawn(command, [...args, join(folder, "server.conf")], {
    stdio: [
      "ignore",
      tells === "stdout" ? "pipe" : "ignore",
      tells === "stderr" ? "pipe" : "inherit",
    ],
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
  });
  const output = child[tells]!;
  for await (const line of createInterface({ input: output })) {
    told.push(line);
    if (!ready.test(line)) continue;
    output.resume();
    return { child, folder, port };
  }
  rmSync(folder, { recursive: true });
  return undefined;
}

/** A server that serves, and can be killed. Disposing of it stops it. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #folder: string;

  constructor({ child, folder, port }: Serving) {
    this.port = port;
    this.#child = child;
    this.#exited = once(child, "exit");
    this.#folder = folder;
  }

  /** Kills it without a warning. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Holds it, as if the machine had stopped; `kill()` works all the same. */
  freeze(): void {
    process.kill(this.#child.pid!, "SIGSTOP"); // Deno's child.kill() takes it for dead of that
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
