/** The MQTT programs, with `mosquitto_pub` and `mosquitto_sub` at the other end of a real server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { packets } from "../../examples/mqtt/packet.ts";
import { listen } from "../../mod.ts";
import { hex } from "../support/bytes.ts";
import { Authority } from "../support/certificates.ts";
import { example, runExample } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { PATIENCE } from "../support/limits.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { ENV, Program } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

const at = (port: number): string => `-h 127.0.0.1 -p ${port}`;

for (const qos of ["0", "1"]) {
  peerTest("mosquitto_sub", `MQTT programs hear those of mosquitto, QoS ${qos}`, async () => {
    await using server = await Mosquitto.start();
    const where = ["--port", String(server.port), "--qos", qos];
    const args = [...where, "--topic", "rooms/#,halls/+", "--count", "102"];
    await using subscriber = new Program(example("mqtt_subscribe", ...args));
    await subscriber.line(/^subscribed/);
    const pub = `mosquitto_pub ${at(server.port)} -q ${qos}`;
    await shellOutput(`seq 1 100 | ${pub} -t rooms/1 -l`);
    await shellOutput(`${pub} -t halls/2 -m 'häppy'`);
    await shellOutput(`${pub} -t elsewhere -m no`);
    await shellOutput(`${pub} -t rooms/a/b -n`);
    const { code, lines, stderr } = await subscriber.finished();
    assertEquals([code, stderr], [0, ""]);
    const expected = Array.from({ length: 100 }, (_, i) => `rooms/1  ${i + 1}`);
    assertEquals(lines.slice(1), [...expected, "halls/2  häppy", "rooms/a/b  "]);

    const publish = ["mqtt_publish", ...where, "--topic", "a/b"] as const;
    const retained = await runExample(...publish, "--message", "kept", "--retain");
    assertEquals([retained.code, retained.stderr], [0, ""]);
    const words = example(...publish).map((word) => `'${word}'`).join(" ");
    // The retained one says that the subscription stands: what follows it is published after that.
    const heard = await shellOutput(
      `mosquitto_sub ${at(server.port)} -q ${qos} -t '#' -C 51 -W ${
        Math.ceil(PATIENCE / 1_000)
      } | ` +
        `{ read first; echo "$first"; seq 1 50 | ${words}; cat; }`,
    );
    const numbers = Array.from({ length: 50 }, (_, i) => `${i + 1}\n`);
    assertEquals(heard, ["kept\n", ...numbers].join(""));
  });
}

peerTest("mosquitto_sub", "mqtt_subscribe stops at Ctrl-C, and without server", async () => {
  await using server = await Mosquitto.start();
  const program = example("mqtt_subscribe", "--port", String(server.port), "--topic", "a");
  await using stopped = new Program(program);
  await using orphan = new Program(program);
  for (const each of [stopped, orphan]) await each.line(/^subscribed/);
  const { code, stderr } = await stopped.interrupt();
  assertEquals([code, stderr], [0, ""]);
  await server.kill();
  const output = await orphan.finished();
  assertEquals(output.code, 1);
  assertMatch(output.stderr, /^[^\n]*(closed|reset)[^\n]*\n$/);
});

test("mqtt_publish stops at Ctrl-C while it waits for input, and says goodbye to the server", async () => {
  await using listener = await listen({ port: 0, terminator: packets });
  const args = ["--port", String(listener.address.port), "--topic", "a"];
  const [name, ...words] = example("mqtt_publish", ...args);
  const child = spawn(name!, words, { stdio: ["pipe", "ignore", "pipe"], env: ENV });
  const closed = once(child, "close");
  try {
    let stderr = "";
    child.stderr.on("data", (data) => stderr += data);
    child.stdin.write("hello\n");
    const server = (await listener.accept())!;
    assertEquals((await server.read())![0], 0x10);
    server.push(hex("20 02 00 00"));
    assertEquals(await server.read(), hex("30 08 0001 61 68656c6c6f"));
    process.kill(child.pid!, "SIGINT");
    assertEquals(await server.read(), hex("e0 00"));
    assertEquals(await server.read(), null);
    await server.closeWhenDone();
    assertEquals([(await closed)[0], stderr], [1, "stopped\n"]);
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
});

peerTest("mosquitto_sub", "mqtt_publish speaks TLS with who is trusted", async () => {
  using folder = new Folder();
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const settings = ["allow_anonymous true", "certfile FOLDER/cert.pem", "keyfile FOLDER/key.pem"];
  await using server = await Mosquitto.start(settings, { "cert.pem": cert, "key.pem": key });
  const publish = async (ca: string): Promise<[number | null, string]> => {
    const args = ["--port", String(server.port), "--ca", folder.write("ca.pem", ca)];
    const { code, stderr } = await runExample(
      "mqtt_publish",
      ...args,
      "--topic",
      "a",
      "--message",
      "x",
    );
    return [code, stderr];
  };
  assertEquals(await publish(authority.ca), [0, ""]);
  const [code, stderr] = await publish(new Authority().ca);
  assertEquals(code, 1);
  assertMatch(stderr, /certificate/);
});
