/** Runs the programs of the examples as their users do, on the runtime that the tests run on. */
import { assertEquals } from "@std/assert";
import { CURRENT, type Output, permitted, Program, run } from "./programs.ts";

/** What the examples' README, or the program's own comment, says that Deno is to allow beside `--allow-net`. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  chat_server: ["--allow-read", "--allow-env", "--allow-run"],
  file_server: ["--allow-read", "--allow-write"],
  filter_lines: ["--allow-read", "--allow-write"],
  mqtt_publish: ["--allow-read"],
  send_file: ["--allow-read"],
  smtp_server: ["--allow-read", "--allow-write"],
};

/** The command that runs an example: `http_server`, `crawler`. */
export function example(name: string, ...args: string[]): string[] {
  return permitted(PERMISSIONS[name] ?? [], CURRENT, `examples/${name}.ts`, ...args);
}

/** Runs an example to its end. */
export function runExample(name: string, ...args: string[]): Promise<Output> {
  return run(example(name, ...args));
}

/** An example that listens on a port of its own. Disposing of it kills it. */
export class ExampleServer extends Program {
  #port = 0;

  static async start(name: string, ...args: string[]): Promise<ExampleServer> {
    const server = new ExampleServer(example(name, "--port", "0", ...args));
    server.#port = await server.listening();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** The port as a URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Stops it as Ctrl-C does, which it says, and nothing else. */
  async stop(): Promise<void> {
    const { code, lines, stderr } = await this.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  }
}
