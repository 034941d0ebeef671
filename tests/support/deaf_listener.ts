/** A port at which nobody answers. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";

/** Listens, and does nothing ever after. */
const PROGRAM = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** How many connections Linux keeps for a listener with a backlog of 1. */
const ROOM = 2;

/** Why there are none here; `false` if there are. Other systems refuse what finds the backlog full, or keep more. */
export const NO_DEAF_LISTENER: string | false = process.platform !== "linux" &&
  "only Linux leaves a connect unanswered when the backlog is full";

/** A listener that accepts nothing, with a full backlog: the system answers no further connect. */
export class DeafListener {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #backlog: readonly Socket[];

  private constructor(port: number, child: ChildProcess, backlog: readonly Socket[]) {
    this.port = port;
    this.#child = child;
    this.#backlog = backlog;
  }

  static async start(): Promise<DeafListener> {
    const child = spawn("node", ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
    const [port] = await once(child.stdout, "data");
    const backlog: Socket[] = [];
    for (let i = 0; i < ROOM; i++) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => {});
      backlog.push(socket);
      await once(socket, "connect");
    }
    return new DeafListener(Number(port), child, backlog);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#backlog) socket.destroy();
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
