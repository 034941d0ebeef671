/** The MQTT client, against a real server, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Mailbox } from "../../../examples/mailbox.ts";
import { MqttClient, MqttError, type MqttOptions } from "../../../examples/mqtt/client.ts";
import { packets } from "../../../examples/mqtt/packet.ts";
import { Chat, ChatError, connect, ConnectionError, memoryPair } from "../../../mod.ts";
import { bytes, concat, hex, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { dialing } from "../../support/dial.ts";
import { attackDialed } from "../../support/hostile_peers.ts";
import { withIntervals } from "../../support/intervals.ts";
import { PATIENCE } from "../../support/limits.ts";
import { Mosquitto } from "../../support/mosquitto.ts";
import { peerTest } from "../../support/test_with_peer.ts";
import { nextTurn } from "../../support/turn.ts";

const realTest = (name: string, body: () => Promise<void>): void => {
  peerTest("mosquitto", `MqttClient ${name}`, body);
};
const connectTo = (port: number, more: MqttOptions = {}): Promise<MqttClient> =>
  MqttClient.connect({ port, timeout: PATIENCE, ...more });

/** So many messages, as topic and text. */
async function take(client: MqttClient, count: number): Promise<[string, string][]> {
  const taken: [string, string][] = [];
  for await (const { topic, payload } of client) {
    if (taken.push([topic, text(payload)]) === count) break;
  }
  return taken;
}

realTest("publishes to subscribers, with both qualities of service, in order", async () => {
  await using server = await Mosquitto.start();
  for (const qos of [0, 1] as const) {
    await using publisher = await connectTo(server.port);
    await using subscriber = await connectTo(server.port);
    assertEquals(await subscriber.subscribe("a/+/c", qos), qos);
    const expected = Array.from(
      { length: 1_000 },
      (_, i): [string, string] => [`a/${i % 3}/c`, `${i}`],
    );
    const taking = take(subscriber, expected.length);
    for (let at = 0; at < expected.length; at += 20) { // several are on their way at a time
      const some = expected.slice(at, at + 20);
      await Promise.all(some.map(([topic, payload]) => publisher.publish({ topic, payload, qos })));
    }
    assertEquals(await taking, expected);
  }
});

realTest("carries any bytes, also retained, and unsubscribes", async () => {
  await using server = await Mosquitto.start();
  await using client = await connectTo(server.port);
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  const payloads = [all, new Uint8Array(1_000_000).fill(7)];
  for (const [i, payload] of payloads.entries()) {
    await client.publish({ topic: `kept/${i}`, payload, qos: 1, retain: true });
  }
  await client.subscribe("kept/#");
  for (const [i, payload] of payloads.entries()) {
    const { value } = await client[Symbol.asyncIterator]().next();
    assertEquals(value, { topic: `kept/${i}`, payload, qos: 1, retain: true });
  }
  await client.unsubscribe("kept/#");
  await client.subscribe("b");
  for (const topic of ["kept/2", "b", "kept/2", "b"]) {
    await client.publish({ topic, payload: topic, qos: 1 });
  }
  assertEquals(await take(client, 2), [["b", "b"], ["b", "b"]]);
});

realTest("leaves a will, unless it says goodbye", async () => {
  await using server = await Mosquitto.start();
  const { port } = server;
  await using heir = await connectTo(port);
  await heir.subscribe("wills/#");
  const polite = await connectTo(port, { will: { topic: "wills/polite", payload: "gone" } });
  await polite.close();
  let lost!: Chat;
  await connectTo(port, {
    will: { topic: "wills/lost", payload: "gone", qos: 1 },
    dial: async (options) => lost = await connect(options),
  });
  lost.close();
  assertEquals(await take(heir, 1), [["wills/lost", "gone"]]);
});

realTest("says why the server does not want it", async () => {
  await using server = await Mosquitto.start(["allow_anonymous false"]);
  await assertRejects(() => connectTo(server.port), MqttError, "the server refuses");
});

realTest("speaks TLS", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const settings = ["allow_anonymous true", "certfile FOLDER/cert.pem", "keyfile FOLDER/key.pem"];
  await using server = await Mosquitto.start(settings, { "cert.pem": cert, "key.pem": key });
  await using client = await connectTo(server.port, { tls: { ca: authority.ca } });
  await client.subscribe("a");
  await client.publish({ topic: "a", payload: "secret" });
  assertEquals(await take(client, 1), [["a", "secret"]]);
  await assertRejects(() => connectTo(server.port, { tls: true }), ConnectionError);
});

realTest("says so when the server is killed: the loop throws, and what waits rejects", async () => {
  const server = await Mosquitto.start();
  const client = await connectTo(server.port);
  await client.subscribe("a");
  const failed = assertRejects(() => take(client, 1), Error);
  await server.kill();
  await failed;
  await assertRejects(() => client.publish({ topic: "a", payload: "x", qos: 1 }), Error);
  await client.close();
});

/** A client of a server that is played by the test, which has accepted it. */
async function withPlayedServer(
  work: (client: MqttClient, server: Chat) => Promise<void>,
  options: MqttOptions = {},
): Promise<void> {
  const [left, right] = memoryPair();
  const connecting = MqttClient.connect({ ...dialing(left), ...options });
  const server = new Chat(right, { terminator: packets });
  assertEquals((await server.read())![0], 0x10);
  server.push(hex("20 02 00 00"));
  const client = await connecting;
  await work(client, server);
  await Promise.all([server.closeWhenDone(), client.close()]);
}

test("MqttClient gives up a server that is silent", async () => {
  const [left] = memoryPair();
  await assertRejects(
    () => MqttClient.connect({ ...dialing(left), timeout: 20 }),
    ChatError,
    "20 ms",
  );
  await withPlayedServer(async (client) => {
    const publishing = client.publish({ topic: "a", payload: "", qos: 1 });
    await assertRejects(() => publishing, MqttError, "20 ms");
    await assertRejects(() => client.subscribe("a"), MqttError, "20 ms");
  }, { timeout: 20 });
});

test("MqttClient pings a server while there is nothing to say, and gives up one that does not answer", () =>
  withIntervals((tick) =>
    withPlayedServer(async (client, server) => {
      let isGivenUp = false;
      const failed = assertRejects(() => take(client, 1), MqttError, "does not answer any more")
        .then(() => isGivenUp = true);
      for (let pings = 0; pings < 3; pings++) {
        tick();
        assertEquals(await server.read(), hex("c0 00"));
        server.push(hex("d0 00"));
      }
      for (; !isGivenUp; await nextTurn()) tick();
      for (let pings = 0; pings < 2; pings++) assertEquals(await server.read(), hex("c0 00"));
      await failed;
    })
  ));

test("MqttClient hands out a message that comes again, and acknowledges each time", () =>
  withPlayedServer(async (client, server) => {
    server.push(hex("32 08 0003 612f62 0007 78"), hex("3a 08 0003 612f62 0007 78"));
    server.push(hex("30 06 0003 612f62 79"));
    assertEquals(await take(client, 3), [["a/b", "x"], ["a/b", "x"], ["a/b", "y"]]);
    const acknowledged = hex("40 02 0007");
    assertEquals([await server.read(), await server.read()], [acknowledged, acknowledged]);
  }));

test("MqttClient takes an answer for nothing else than what it answers", () =>
  withPlayedServer(async (client, server) => {
    let isAnswered = false;
    const publishing = client.publish({ topic: "a", payload: "x", qos: 1 })
      .then(() => isAnswered = true);
    assertEquals(await server.read(), hex("32 06 0001 61 0001 78"));
    server.push(hex("40 02 0002"), hex("b0 02 0001"), hex("90 03 0001 00")); // another number, another type
    const second = client.publish({ topic: "a", payload: "y", qos: 1 });
    assertEquals(await server.read(), hex("32 06 0001 61 0002 79"));
    server.push(hex("40 02 0002"), hex("40 02 0002"));
    await second;
    assert(!isAnswered);
    server.push(hex("40 02 0001"));
    await publishing;
  }));

test("MqttClient refuses options and messages that are none", async () => {
  const will = { topic: "#", payload: "" };
  const keepAlives = [0, NaN, 70_000].map((keepAlive) => ({ keepAlive }));
  for (const options of [...keepAlives, { password: "x" }, { will }]) {
    await assertRejects(() => MqttClient.connect(options), RangeError);
  }
});

test("MqttClient survives servers that send nonsense", () => {
  const hello = hex("20 02 00 00");
  const publish = hex("32 0a 00 03 612f62 00 07 78 79 7a");
  const more = hex("d0 00 30 05 00 03 612f62");
  return attackDialed(
    [
      concat([hello, hex("90 03 00 01 01"), publish, publish, more]),
      concat([hello, hex("90 03 00 01 80 40 02 00 01")]),
      concat([hello, publish, hex("30 ff ff 7f 00"), bytes("x".repeat(2_000))]),
      hex("20 02 00 05"),
    ],
    MqttError,
    async (dial) => {
      const client = await MqttClient.connect(dial);
      client.subscribe("a/#").catch(() => {});
      client.publish({ topic: "a", payload: "x", qos: 1 }).catch(() => {});
      try {
        for await (const { topic } of client) assert(topic.length > 0);
      } finally {
        await client.close();
      }
    },
  );
});

test("Mailbox lets whoever puts in wait while it is full, and wakes all when it is closed", async () => {
  const mailbox = new Mailbox<number>(2);
  const log: string[] = [];
  const putting = (async () => {
    for (let i = 1; i <= 5; i++) {
      await mailbox.put(i);
      log.push(`put ${i}`);
    }
    mailbox.close(new Error("broken"));
  })();
  for (let i = 1; i <= 5; i++) {
    assertEquals((await mailbox.next()).value, i);
    log.push(`took ${i}`);
  }
  await putting;
  // The second of two that wait is let in when the first is taken.
  for (let i = 1; i < 5; i++) {
    assert(log.indexOf(`put ${i + 1}`) > log.indexOf(`took ${i}`), log.join());
  }
  await assertRejects(() => mailbox.next(), Error, "broken");
  assertEquals((await mailbox.next()).done, true);

  const full = new Mailbox<number>(1);
  const waiting = full.put(1);
  await full.return();
  await waiting;
  assertEquals([(await full.next()).done, full.length], [true, 0]);
});
