import { ServerProcess, startServer } from "./server_process.ts";

/** A real MQTT server, in a process of its own. Disposing of it stops it. */
export class Mosquitto extends ServerProcess {
  /**
   * @param settings Lines of its configuration.
   * @param files What they name, each with its content: `FOLDER` in a line is where they are.
   */
  static async start(
    settings: readonly string[] = ["allow_anonymous true"],
    files: Readonly<Record<string, string>> = {},
  ): Promise<Mosquitto> {
    const limits = ["max_packet_size 10000000", "max_queued_messages 0"];
    return new Mosquitto(
      await startServer({
        command: "mosquitto",
        args: ["-v", "-c"],
        settings: ["user root", "listener PORT 127.0.0.1", ...limits, ...settings],
        files,
        tells: "stderr",
        ready: /mosquitto version .* running/,
      }),
    );
  }
}
