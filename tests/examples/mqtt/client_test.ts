/** The MQTT client, against a real server, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MqttClient, MqttError, type MqttOptions } from "../../../examples/mqtt/client.ts";
import { type Message, packets } from "../../../examples/mqtt/packet.ts";
import { Chat, ChatError, ConnectionError, listen } from "../../../mod.ts";
import { bytes, concat, hex, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { attack } from "../../support/hostile_peers.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { named, needs } from "../../support/peers.ts";

const peer = needs("mosquitto");
const realTest = (name: string, body: () => Promise<void>): void => {
  test(named(`MqttClient ${name}`, peer), peer, body);
};

/** So many messages, as topic and text. */
async function take(client: MqttClient, count: number): Promise<[string, string][]> {
  const taken: [string, string][] = [];
  for await (const { topic, payload } of client) {
    taken.push([topic, text(payload)]);
    if (taken.length === count) break;
  }
  return taken;
}

realTest("publishes to subscribers, with both qualities of service, in order", async () => {
  await using server = await Mosquitto.start();
  const { port } = server;
  for (const qos of [0, 1] as const) {
    await using publisher = await MqttClient.connect({ port });
    await using subscriber = await MqttClient.connect({ port });
    assertStrictEquals(await subscriber.subscribe("a/+/c", qos), qos);
    const count = 2_000;
    const expected = Array.from(
      { length: count },
      (_, i) => [`a/${i % 3}/c`, `${i}`] as [string, string],
    );
    const taking = take(subscriber, count);
    for (let at = 0; at < count; at += 20) {
      // Several are on their way at a time.
      await Promise.all(
        expected.slice(at, at + 20).map(([topic, payload]) =>
          publisher.publish({ topic, payload, qos })
        ),
      );
    }
    assertEquals(await taking, expected);
  }
});

realTest("carries payloads of any bytes, and retained messages", async () => {
  await using server = await Mosquitto.start();
  await using client = await MqttClient.connect({ port: server.port });
  const payloads = [
    new Uint8Array(),
    Uint8Array.from({ length: 256 }, (_, i) => i),
    new Uint8Array(1_000_000).fill(7),
  ];
  for (const [i, payload] of payloads.entries()) {
    await client.publish({ topic: `kept/${i}`, payload, qos: 1, retain: true });
  }
  await client.subscribe("kept/#");
  const found: Message[] = [];
  for await (const message of client) if (found.push(message) === 2) break; // an empty one is not kept
  const expected = payloads.slice(1).map((payload, i) => ({
    topic: `kept/${i + 1}`,
    payload,
    qos: 1,
    retain: true,
  }));
  assertEquals(found, expected as Message[]);
});

realTest("hears no more of what it has unsubscribed from", async () => {
  await using server = await Mosquitto.start();
  await using client = await MqttClient.connect({ port: server.port });
  await client.subscribe("a");
  await client.subscribe("b");
  await client.unsubscribe("a");
  for (const topic of ["a", "b", "a", "b"]) await client.publish({ topic, payload: topic, qos: 1 });
  assertEquals(await take(client, 2), [["b", "b"], ["b", "b"]]);
});

realTest("leaves a will, unless it says goodbye", async () => {
  await using server = await Mosquitto.start();
  const { port } = server;
  await using heir = await MqttClient.connect({ port });
  await heir.subscribe("wills/#");
  const polite = await MqttClient.connect({
    port,
    will: { topic: "wills/polite", payload: "gone" },
  });
  await polite.close();
  const chats: Chat[] = [];
  await MqttClient.connect({
    port,
    will: { topic: "wills/lost", payload: "gone", qos: 1 },
    async dial(options) {
      const { connect } = await import("../../../mod.ts");
      const chat = await connect(options);
      chats.push(chat);
      return chat;
    },
  });
  chats[0]!.close();
  assertEquals(await take(heir, 1), [["wills/lost", "gone"]]);
});

realTest("says why the server does not want it", async () => {
  // mosquitto_passwd -H sha512-pbkdf2 is what makes such lines; a plain one is enough for one that refuses everybody.
  await using server = await Mosquitto.start(["allow_anonymous false"]);
  const connecting = MqttClient.connect({ port: server.port });
  await assertRejects(() => connecting, MqttError, "the server refuses");
  await using open = await Mosquitto.start(["allow_anonymous true", "acl_file FOLDER/acl"], {
    acl: "topic read allowed/#\n",
  });
  await using client = await MqttClient.connect({
    port: open.port,
    username: "ada",
    password: "x",
  });
  assertEquals(await client.subscribe("allowed/x"), 1);
});

realTest("speaks TLS", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const settings = ["allow_anonymous true", "certfile FOLDER/cert.pem", "keyfile FOLDER/key.pem"];
  await using server = await Mosquitto.start(settings, {
    "cert.pem": cert as string,
    "key.pem": key as string,
  });
  await using client = await MqttClient.connect({ port: server.port, tls: { ca: authority.ca } });
  await client.subscribe("a");
  await client.publish({ topic: "a", payload: "secret" });
  assertEquals(await take(client, 1), [["a", "secret"]]);
  await assertRejects(() => MqttClient.connect({ port: server.port, tls: true }), ConnectionError);
});

realTest("says so when the server is killed: the loop throws, and what waits rejects", async () => {
  const server = await Mosquitto.start();
  const client = await MqttClient.connect({ port: server.port });
  await client.subscribe("a");
  const failed = assertRejects(() => take(client, 1), Error);
  await server.kill();
  await failed;
  await assertRejects(() => client.publish({ topic: "a", payload: "x", qos: 1 }), Error);
  await client.close();
});

test("MqttClient gives up a server that is silent", async () => {
  await using listener = await listen({ port: 0, terminator: null });
  const { port } = listener.address;
  await assertRejects(() => MqttClient.connect({ port, timeout: 50 }), ChatError, "50 ms");
  const accept = async (): Promise<Chat> => (await listener.accept())!;
  await (await accept()).closeWhenDone();
  const connecting = MqttClient.connect({ port, timeout: 50 });
  const chat = await accept();
  chat.push(hex("20 02 00 00"));
  const client = await connecting;
  await assertRejects(
    () => client.publish({ topic: "a", payload: "", qos: 1 }),
    MqttError,
    "50 ms",
  );
  await assertRejects(() => client.subscribe("a"), MqttError, "50 ms");
  chat.closeWhenDone();
  await client.close();
  await assertRejects(() => client.publish({ topic: "a", payload: "" }), Error);
});

/** A client of a server that is played by the test, which has accepted it. */
async function withPlayedServer(
  work: (client: MqttClient, server: Chat) => Promise<void>,
  options: MqttOptions = {},
): Promise<void> {
  await using listener = await listen({ port: 0, terminator: packets });
  const connecting = MqttClient.connect({ port: listener.address.port, ...options });
  const server = (await listener.accept())!;
  assertStrictEquals((await server.read())![0], 0x10);
  server.push(hex("20 02 00 00"));
  const client = await connecting;
  await work(client, server);
  await Promise.all([server.closeWhenDone(), client.close()]);
}

test("MqttClient pings a server while there is nothing to say, and gives up one that does not answer", () =>
  withPlayedServer(async (client, server) => {
    const failed = assertRejects(() => take(client, 1), MqttError, "does not answer any more");
    for (let answered = 0; answered < 3; answered++) {
      assertEquals(await server.read(), hex("c0 00"));
      server.push(hex("d0 00"));
    }
    assertEquals([await server.read(), await server.read()], [hex("c0 00"), hex("c0 00")]);
    await failed;
  }, { keepAlive: 1 }));

test("MqttClient hands out a message that comes again, and acknowledges each time", () =>
  withPlayedServer(async (client, server) => {
    server.push(hex("32 08 0003 612f62 0007 78"), hex("3a 08 0003 612f62 0007 78"));
    server.push(hex("30 06 0003 612f62 79"));
    assertEquals(await take(client, 3), [["a/b", "x"], ["a/b", "x"], ["a/b", "y"]]);
    assertEquals([await server.read(), await server.read()], [
      hex("40 02 0007"),
      hex("40 02 0007"),
    ]);
  }));

test("MqttClient takes an answer for nothing else than what it answers", () =>
  withPlayedServer(async (client, server) => {
    const publishing = client.publish({ topic: "a", payload: "x", qos: 1 });
    assertEquals(await server.read(), hex("32 06 0001 61 0001 78"));
    server.push(hex("40 02 0002"), hex("b0 02 0001"), hex("90 03 0001 00")); // another number, another type
    const second = client.publish({ topic: "a", payload: "y", qos: 1 });
    assertEquals(await server.read(), hex("32 06 0001 61 0002 79"));
    server.push(hex("40 02 0002"), hex("40 02 0002"));
    await second;
    let isAnswered = false;
    publishing.then(() => isAnswered = true);
    assert(!isAnswered);
    server.push(hex("40 02 0001"));
    await publishing;
  }));

test("MqttClient refuses options and messages that are none", async () => {
  const wrong: readonly MqttOptions[] = [{ keepAlive: 0 }, { keepAlive: NaN }, {
    keepAlive: 70_000,
  }];
  for (const options of wrong) {
    await assertRejects(() => MqttClient.connect(options), RangeError, "keepAlive");
  }
  await assertRejects(() => MqttClient.connect({ password: "x" }), RangeError, "username");
  const will = { topic: "#", payload: "" };
  await assertRejects(() => MqttClient.connect({ will }), RangeError, "topic");
});

test("MqttClient survives 10,000 servers that send nonsense", async () => {
  const hello = hex("20 02 00 00");
  const publish = hex("32 0a 00 03 612f62 00 07 78 79 7a");
  await attack({
    samples: [
      concat([
        hello,
        hex("90 03 00 01 01"),
        publish,
        publish,
        hex("d0 00"),
        hex("30 05 00 03 612f62"),
      ]),
      concat([hello, hex("90 03 00 01 80"), hex("40 02 00 01")]),
      concat([hello, publish, hex("30 ff ff 7f 00"), bytes("x".repeat(2_000))]),
      hex("20 02 00 05"),
    ],
    async serve(connection) {
      try {
        const client = await MqttClient.connect({
          timeout: 1_000,
          dial: (options) => Promise.resolve(new Chat(connection, options)),
        });
        client.subscribe("a/#").catch(() => {});
        client.publish({ topic: "a", payload: "x", qos: 1 }).catch(() => {});
        try {
          for await (const { topic } of client) assert(topic.length > 0);
        } finally {
          await client.close();
        }
      } catch (error) {
        assert(error instanceof ChatError || error instanceof MqttError, String(error));
      }
    },
  });
});
