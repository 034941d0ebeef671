/** A peer in a process of its own, written for Node's `net`, that listens: on a port of its own, or on a path. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ENV } from "./programs.ts";

/** What a peer does with each connection. `told` calls back when the test says a word; `say` prints a line for the test. */
export const SCRIPTS = {
  /** Reads nothing. Ends, resets, or closes with bytes that it has not read, when told. */
  obeys: `told("end", () => socket.end());
    told("reset", () => socket.resetAndDestroy());
    told("close", () => socket.destroy());`,
  /** The same, and greets first. */
  greets: `socket.write("220 hello\\n");
    told("end", () => socket.end());
    told("reset", () => socket.resetAndDestroy());
    told("close", () => socket.destroy());`,
  /** Ends at once, reads all, and says how much that was. */
  ends_and_reads: `let count = 0;
    socket.on("data", (data) => count += data.length);
    socket.on("end", () => say("read " + count));
    socket.resume().end();`,
  /** Reads all, ends after the end, and says how much that was. */
  reads: `let count = 0;
    socket.on("data", (data) => count += data.length);
    socket.on("end", () => { say("read " + count); socket.end(); });
    socket.resume();`,
  /** Sends numbered lines, without an end. */
  floods: `let i = 0;
    const flood = () => { while (!socket.destroyed && socket.write("line " + i++ + "\\n")); };
    socket.on("drain", flood);
    flood();`,
  /** Says something every 20 ms. */
  talks: `const timer = setInterval(() => socket.write("x\\n"), 20);
    socket.on("close", () => clearInterval(timer));
    socket.resume();`,
  /** Says something every 20 ms that never becomes a line. */
  dribbles: `const timer = setInterval(() => socket.write("x"), 20);
    socket.on("close", () => clearInterval(timer));
    socket.resume();`,
} as const;

export class PeerProcess implements AsyncDisposable {
  /** The port that it listens on, or its path. */
  readonly endpoint: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(endpoint: string, child: ChildProcess, lines: AsyncIterator<string>) {
    this.endpoint = endpoint;
    this.#child = child;
    this.#lines = lines;
  }

  get port(): number {
    return Number(this.endpoint);
  }

  /** Where `connect()` finds it. */
  get address(): { port: number } | { path: string } {
    return this.endpoint.includes("/") ? { path: this.endpoint } : { port: this.port };
  }

  /** Says a word to it. */
  tell(word: string): void {
    this.#child.stdin!.write(`${word}\n`);
  }

  /** The next line that it says. */
  async heard(): Promise<string> {
    return (await this.#lines.next()).value as string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}

/**
 * Starts a peer; resolves when it listens.
 * @param script What it does with each connection, a name of those above or a text in their manner.
 * @param path Where it listens, if it is not to be a port.
 */
export async function startPeerProcess(
  script: keyof typeof SCRIPTS | { readonly script: string },
  path?: string,
): Promise<PeerProcess> {
  const body = typeof script === "string" ? SCRIPTS[script] : script.script;
  const where = path === undefined ? `{ port: 0, host: "127.0.0.1" }` : JSON.stringify({ path });
  const program = `
    const say = (line) => process.stdout.write(line + "\\n");
    const words = new Map(), early = new Set();
    require("node:readline").createInterface({ input: process.stdin })
      .on("line", (word) => words.has(word) ? words.get(word)() : early.add(word));
    const server = require("node:net").createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      const told = (word, action) => {
        words.set(word, action);
        if (early.delete(word)) action(); // it was said before the connection was accepted
      };
      socket.on("error", () => {});
      ${body}
    });
    server.listen(${where}, () => say(String(server.address().port ?? server.address())));`;
  const child = spawn("node", ["-e", program], { stdio: ["pipe", "pipe", "inherit"], env: ENV });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  return new PeerProcess(value as string, child, lines);
}
