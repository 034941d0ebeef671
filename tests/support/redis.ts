import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free_port.ts";

/** How often another port is tried: between its choice and its use somebody else may take it. */
const ATTEMPTS = 5;

export interface RedisServerOptions {
  /** Lines of its configuration: `FOLDER` in one is where `files` are. */
  readonly settings?: readonly string[];
  /** Whether its port is for TLS: `settings` say with which certificate. */
  readonly tls?: boolean;
  /** What they name, each with its content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A real Redis server that keeps nothing, in a process of its own. Disposing of it stops it. */
export class RedisServer {
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

  static async start(
    { settings = [], files = {}, tls = false }: RedisServerOptions = {},
  ): Promise<RedisServer> {
    for (let attempt = 1;; attempt++) {
      const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
      for (const [name, content] of Object.entries(files)) {
        writeFileSync(join(folder, name), content, { mode: 0o600 });
      }
      const port = await freePort();
      const lines = [
        tls ? "port 0" : `port ${port}`,
        ...tls ? [`tls-port ${port}`] : [],
        "bind 127.0.0.1",
        `dir ${folder}`,
        'save ""',
        "appendonly no",
        "daemonize no",
      ];
      const config = [...lines, ...settings.map((line) => line.replaceAll("FOLDER", folder)), ""];
      writeFileSync(join(folder, "redis.conf"), config.join("\n"));
      const child = spawn("redis-server", [join(folder, "redis.conf")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const told: string[] = [];
      for await (const line of createInterface({ input: child.stdout! })) {
        told.push(line);
        if (!/Ready to accept connections/.test(line)) continue;
        child.stdout!.resume();
        return new RedisServer(child, folder, port);
      }
      rmSync(folder, { recursive: true });
      if (attempt === ATTEMPTS) {
        throw new Error(`redis-server has not started:\n${told.join("\n")}`);
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
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
