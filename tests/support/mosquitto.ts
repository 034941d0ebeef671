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

/** A real MQTT server, in a process of its own. Disposing of it stops it. */
export class Mosquitto {
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
   */
  static async start(
    settings: readonly string[] = ["allow_anonymous true"],
    files: Readonly<Record<string, string>> = {},
  ): Promise<Mosquitto> {
    for (let attempt = 1;; attempt++) {
      const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(join(folder, name), content, { mode: 0o600 });
      }
      const port = await freePort();
      const lines = [
        "user root",
        `listener ${port} 127.0.0.1`,
        "max_packet_size 10000000",
        "max_queued_messages 0",
      ];
      const config = [...lines, ...settings.map((line) => line.replaceAll("FOLDER", folder)), ""];
      writeFileSync(join(folder, "mosquitto.conf"), config.join("\n"));
      const child = spawn("mosquitto", ["-v", "-c", join(folder, "mosquitto.conf")], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
      });
      const told: string[] = [];
      for await (const line of createInterface({ input: child.stderr! })) {
        told.push(line);
        if (!/mosquitto version .* running/.test(line)) continue;
        child.stderr!.resume();
        return new Mosquitto(child, folder, port);
      }
      rmSync(folder, { recursive: true });
      if (attempt === ATTEMPTS) throw new Error(`mosquitto has not started:\n${told.join("\n")}`);
    }
  }

  /** Kills it without a warning. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
