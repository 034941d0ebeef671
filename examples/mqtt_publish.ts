/**
 * Publishes a message, or each line of its input, to an MQTT server. See "MQTT" in the README beside this.
 *
 *     npx tsx examples/mqtt_publish.ts --topic rooms/1 --message hello
 *     npx deno run --allow-net examples/mqtt_publish.ts --topic rooms/1 --message hello
 *     npx bun examples/mqtt_publish.ts --topic rooms/1 --message hello
 */
import { Chat, lines } from "../mod.ts";
import { fromStdio } from "../src/process/mod.ts";
import { runProgram, stopSignal, UserError } from "./command_line.ts";
import { MqttClient } from "./mqtt/client.ts";
import { readMqttOptions } from "./mqtt/options.ts";

await runProgram(async () => {
  const { options: { topic, message, retain }, mqtt, qos } = await readMqttOptions(
    `usage: mqtt_publish --topic TOPIC [--message WORDS] [--retain] ...

  --topic TOPIC     what it is about: rooms/1/temperature
  --message WORDS   what is published; without it, each line of the input is
  --retain          the server keeps it for whoever subscribes later`,
    { topic: "", message: "", retain: false },
  );
  if (topic === "") throw new UserError("--topic is missing");
  await using client = await MqttClient.connect(mqtt);
  if (message !== "") return await client.publish({ topic, payload: message, qos, retain });
  const input = new Chat(fromStdio(), {
    terminator: lines(),
    encoding: "utf-8",
    incomplete: "yield",
  });
  stopSignal().then(() => input.close(new UserError("stopped")));
  for await (const line of input) await client.publish({ topic, payload: line, qos, retain });
});
