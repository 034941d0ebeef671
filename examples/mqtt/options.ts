import { readFile } from "node:fs/promises";
import { readOptions, toNumber, toPort, UserError } from "../command_line.ts";
import type { MqttOptions } from "./client.ts";
import type { QoS } from "./packet.ts";

/** What `mqtt_publish.ts` and `mqtt_subscribe.ts` have in common. */
export const USAGE = `  --hostname HOST   where the server is (127.0.0.1)
  --port PORT       (1883, or 8883 with --ca)
  --qos 0|1         once at most, or once at least (0)
  --username NAME   and --password WORDS
  --ca FILE         speaks TLS, and trusts whom this certificate has signed`;

const DEFAULTS = { hostname: "127.0.0.1", port: "", qos: "0", username: "", password: "", ca: "" };

/** The options of a program, and those with which it connects. */
export async function readMqttOptions<T extends Readonly<Record<string, string | boolean>>>(
  usage: string,
  more: T,
): Promise<
  {
    readonly options: ReturnType<typeof readOptions<T>>;
    readonly mqtt: MqttOptions;
    readonly qos: QoS;
  }
> {
  const options = readOptions(`${usage}\n${USAGE}`, { ...DEFAULTS, ...more });
  const { hostname, port, username, password, ca } = options as unknown as typeof DEFAULTS;
  const qos = toNumber("qos", (options as unknown as typeof DEFAULTS).qos);
  if (qos !== 0 && qos !== 1) throw new UserError(`--qos must be 0 or 1, not ${qos}`);
  const tls = ca === "" ? undefined : { ca: await readFile(ca, "utf8") };
  const mqtt = {
    hostname,
    ...port === "" ? {} : { port: toPort(port) },
    ...tls === undefined ? {} : { tls },
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : password,
  };
  return { options, mqtt, qos };
}
