/** The MQTT programs, with `mosquitto_pub` and `mosquitto_sub` at the other end of a real server. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { packets } from "../../examples/mqtt/packet.ts";
import { listen } from "../../mod.ts";
import { hex } from "../support/bytes.ts";
import { Authority } from "../support/certificates.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, ENV, permitted, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

const peer = needs("mosquitto_sub");
const program = (name: "publish" | "subscribe", port: number, ...args: string[]): string[] =>
  command(CURRENT, `examples/mqtt_${name}.ts`, "--port", String(port), ...args);
const at = (port: number): string => `-h 127.0.0.1 -p ${port}`;

for (const qos of ["0", "1"]) {
  test(
    named(`mqtt_subscribe prints what mosquitto_pub publishes with QoS ${qos}`, peer),
    peer,
    async () => {
      await using server = await Mosquitto.start();
      const { port } = server;
      const args = ["--topic", "rooms/#,halls/+", "--qos", qos, "--count", "102"];
      await using subscriber = new Program(program("subscribe", port, ...args));
      await subscriber.line(/^subscribed/);
      await shellOutput(`seq 1 100 | mosquitto_pub ${at(port)} -q ${qos} -t rooms/1 -l`);
      await shellOutput(`mosquitto_pub ${at(port)} -q ${qos} -t halls/2 -m 'häppy'`);
      await shellOutput(`mosquitto_pub ${at(port)} -q ${qos} -t elsewhere -m no`);
      await shellOutput(`mosquitto_pub ${at(port)} -q ${qos} -t rooms/a/b -n`);
      const { code, lines, stderr } = await subscriber.finished();
      assertEquals([code, stderr], [0, ""]);
      const expected = Array.from({ length: 100 }, (_, i) => `rooms/1  ${i + 1}`);
      assertEquals(lines.slice(1), [...expected, "halls/2  häppy", "rooms/a/b  "]);
    },
  );

  test(
    named(`mosquitto_sub gets what mqtt_publish publishes with QoS ${qos}`, peer),
    peer,
    async () => {
      await using server = await Mosquitto.start();
      const { port } = server;
      const words = program("publish", port, "--topic", "a/b", "--qos", qos);
      const retained = await run([...words, "--message", "kept", "--retain"]);
      assertEquals([retained.code, retained.stderr], [0, ""]);
      const publish = words.map((word) => `'${word}'`).join(" ");
      // The retained one says that the subscription stands: what follows it is published after that.
      const heard = await shellOutput(
        `mosquitto_sub ${at(port)} -q ${qos} -t '#' -C 51 -W 20 | { read first; echo "$first"; ` +
          `seq 1 50 | ${publish}; cat; }`,
      );
      assertStrictEquals(
        heard,
        ["kept", ...Array.from({ length: 50 }, (_, i) => i + 1), ""].join("\n"),
      );
    },
  );
}

test(
  named("mqtt_subscribe stops at Ctrl-C, and says when the server is gone", peer),
  peer,
  async () => {
    const server = await Mosquitto.start();
    const { port } = server;
    await using stopped = new Program(program("subscribe", port, "--topic", "a"));
    await stopped.line(/^subscribed/);
    const { code, stderr } = await stopped.interrupt();
    assertEquals([code, stderr], [0, ""]);
    await using orphan = new Program(program("subscribe", port, "--topic", "a"));
    await orphan.line(/^subscribed/);
    await server.kill();
    const output = await orphan.finished();
    assertStrictEquals(output.code, 1);
    assertMatch(
      output.stderr,
      /^(the server has closed the connection|cannot read from .*reset.*)\n$/,
    );
  },
);

test("mqtt_publish stops at Ctrl-C while it waits for input, and says goodbye to the server", async () => {
  await using listener = await listen({ port: 0, terminator: packets });
  const [name, ...args] = program("publish", listener.address.port, "--topic", "a");
  const child = spawn(name!, args, { stdio: ["pipe", "ignore", "pipe"], env: ENV });
  const closed = once(child, "close");
  try {
    let stderr = "";
    child.stderr.on("data", (data) => stderr += data);
    child.stdin.write("hello\n");
    const server = (await listener.accept())!;
    assertStrictEquals((await server.read())![0], 0x10);
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

test(named("mqtt_publish speaks TLS, and says whom it does not trust", peer), peer, async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  try {
    const settings = ["allow_anonymous true", "certfile FOLDER/cert.pem", "keyfile FOLDER/key.pem"];
    await using server = await Mosquitto.start(settings, {
      "cert.pem": cert as string,
      "key.pem": key as string,
    });
    const publish = async (ca: string): Promise<[number | null, string]> => {
      const file = join(folder, "ca.pem");
      writeFileSync(file, ca);
      const args = ["--port", String(server.port), "--ca", file, "--topic", "a", "--message", "x"];
      const { code, stderr } = await run(
        permitted(["--allow-read"], CURRENT, "examples/mqtt_publish.ts", ...args),
      );
      return [code, stderr];
    };
    assertEquals(await publish(authority.ca as string), [0, ""]);
    const [code, stderr] = await publish(new Authority().ca as string);
    assertEquals(code, 1);
    assertMatch(stderr, /certificate/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the MQTT programs say what is wrong with how they were started", async () => {
  const wrong: readonly (readonly [words: string[], message: RegExp])[] = [
    [program("publish", 1, "--topic", "a", "--message", "x"), /connection refused/],
    [program("publish", 1), /^--topic is missing$/],
    [program("subscribe", 1), /^--topic is missing$/],
    [program("subscribe", 1, "--topic", "a", "--qos", "2"), /^--qos must be 0 or 1, not 2$/],
    [program("publish", 1, "--topic", "a", "--password", "x"), /^a password needs a username$/],
    [program("subscribe", 1, "--bogus"), /usage: mqtt_subscribe/],
  ];
  for (const [words, message] of wrong) {
    const { code, stderr } = await run(words);
    assertMatch(stderr.trim(), message);
    assertStrictEquals(code === 0, false);
  }
  assertEquals((await run(program("publish", 1, "--help"))).code, 0);
});
