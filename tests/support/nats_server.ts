import { ServerProcess, startServer } from "./server_process.ts";

/** A real NATS server, in a process of its own. Disposing of it stops it. */
export class NatsServer extends ServerProcess {
  /**
   * @param settings Lines of its configuration.
   * @param files What they name, each with its content: `FOLDER` in a line is where they are.
   * @param port Where it is to listen, if that matters.
   */
  static async start(
    settings: readonly string[] = [],
    files: Readonly<Record<string, string>> = {},
    port?: number,
  ): Promise<NatsServer> {
    return new NatsServer(
      await startServer({
        command: "nats-server",
        args: ["-c"],
        settings: ["host: 127.0.0.1", "port: PORT", ...settings],
        files,
        tells: "stderr",
        ready: /Server is ready$/,
        port,
      }),
    );
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }
}
