/**
 * Prints what is published to a topic of an MQTT server. See "MQTT" in the README beside this.
 *
 *     npx tsx examples/mqtt_subscribe.ts --topic 'rooms/#'
 *     npx deno run --allow-net examples/mqtt_subscribe.ts --topic 'rooms/#'
 *     npx bun examples/mqtt_subscribe.ts --topic 'rooms/#'
 */
import { runProgram, stopSignal, toNumber, UserError } from "./command_line.ts";
import { MqttClient } from "./mqtt/client.ts";
import { readMqttOptions } from "./mqtt/options.ts";

await runProgram(async () => {
  const { options, mqtt, qos } = await readMqttOptions(
    `usage: mqtt_subscribe --topic FILTER [--count N] ...

  --topic FILTER    rooms/+/temperature, rooms/#; several with commas between
  --count N         stops after so many messages`,
    { topic: "", count: "0" },
  );
  if (options.topic === "") throw new UserError("--topic is missing");
  const count = toNumber("count", options.count) || Infinity;
  await using client = await MqttClient.connect(mqtt);
  for (const filter of options.topic.split(",")) await client.subscribe(filter, qos);
  stopSignal().then(() => client.close());
  console.log(`subscribed to ${options.topic}`);
  const text = new TextDecoder();
  let printed = 0;
  for await (const { topic, payload } of client) {
    console.log(`${topic}  ${text.decode(payload)}`);
    if (++printed === count) break;
  }
});
