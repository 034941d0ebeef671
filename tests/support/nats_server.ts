import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** A real NATS server, in a process of its own. Disposing of it stops it. */
export class NatsServer {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #folder: string;
  readonly port: number;

  private constructor(child: ChildProcess, folder: string, port: number) {
    this.#child = child;
    this.#exited = once(child, "exit");
    this.#folder = folder;
    this.port = port;
  }

  /**
   * @param settings Lines of its configuration.
   * @param files What they name, each with its content: `FOLDER` in a line is where they are.
   * @param port -1: the system chooses one.
   */
  static async start(
    settings: readonly string[] = [],
    files: Readonly<Record<string, string>> = {},
    port: number = -1,
  ): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content, { mode: 0o600 });
    }
    const lines = ["host: 127.0.0.1", `port: ${port}`, ...settings];
    const config = lines.map((line) => `${line.replaceAll("FOLDER", folder)}\n`).join("");
    writeFileSync(join(folder, "nats.conf"), config);
    const child = spawn("nats-server", ["-c", join(folder, "nats.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
    const told: string[] = [];
    let chosen = port;
    for await (const line of createInterface({ input: child.stderr! })) {
      told.push(line);
      const [, listening] = line.match(/Listening for client connections on .*:(\d+)$/) ?? [];
      if (listening !== undefined) chosen = Number(listening);
      if (!/Server is ready$/.test(line)) continue;
      child.stderr!.resume();
      return new NatsServer(child, folder, chosen);
    }
    rmSync(folder, { recursive: true });
    throw new Error(`nats-server has not started:\n${told.join("\n")}`);
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
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
