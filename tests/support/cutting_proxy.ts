/** A server that speaks TLS, whose connection is cut off: it ends without the goodbye of TLS. In a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const PROGRAM = `
  const { tls, text } = JSON.parse(process.argv[1]);
  const { createServer, connect } = require("node:net");
  const server = require("node:tls").createServer(tls, (socket) => {
    socket.on("error", () => {});
    socket.write(text);
  });
  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(server.address().port, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.pipe(upstream);
    upstream.on("data", (data) => client.write(data));
    process.stdin.once("data", () => client.end());
  });
  server.listen(0, "127.0.0.1", () =>
    proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port)));`;

export class CuttingProxy {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  /**
   * Starts it.
   * @param tls The options of the server.
   * @param text What the server says.
   */
  static async start(tls: object, text: string): Promise<CuttingProxy> {
    const args = ["-e", PROGRAM, JSON.stringify({ tls, text })];
    const child = spawn("node", args, { stdio: ["pipe", "pipe", "inherit"] });
    const [port] = await once(child.stdout, "data");
    return new CuttingProxy(Number(port), child);
  }

  /** Ends the connection. */
  cut(): void {
    this.#child.stdin!.write("now\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
