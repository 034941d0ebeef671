import { ServerProcess, startServer } from "./server_process.ts";

export interface RedisServerOptions {
  /** Lines of its configuration: `FOLDER` in one is where `files` are. */
  readonly settings?: readonly string[];
  /** Whether its port is for TLS: `settings` say with which certificate. */
  readonly tls?: boolean;
  /** What they name, each with its content. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A real Redis server that keeps nothing, in a process of its own. Disposing of it stops it. */
export class RedisServer extends ServerProcess {
  static async start(
    { settings = [], files = {}, tls = false }: RedisServerOptions = {},
  ): Promise<RedisServer> {
    const keepsNothing = ["dir FOLDER", 'save ""', "appendonly no", "daemonize no"];
    const ports = tls ? ["port 0", "tls-port PORT"] : ["port PORT"];
    return new RedisServer(
      await startServer({
        command: "redis-server",
        settings: [...ports, "bind 127.0.0.1", ...keepsNothing, ...settings],
        files,
        tells: "stdout",
        ready: /Ready to accept connections/,
      }),
    );
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }
}
