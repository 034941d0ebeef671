/** The NATS client, against a real server with the official client at the other end, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type Message, NatsClient, type NatsOptions } from "../../../examples/nats/client.ts";
import { NatsError, type NatsErrorCode } from "../../../examples/nats/error.ts";
import { Chat, ChatError, ConnectionError, listen } from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
import { bytes, concat, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { attack } from "../../support/hostile_peers.ts";
import { NatsServer } from "../../support/nats_server.ts";
import {
  connect as connectOfficial,
  headers as newHeaders,
  type OfficialNats,
} from "../../support/official_nats.ts";
import { named, needs } from "../../support/peers.ts";

const peer = needs("nats-server", "PATH=$PATH:/usr/sbin command -v nats-server");
const realTest = (name: string, body: () => Promise<void>): void => {
  test(named(`NatsClient ${name}`, peer), peer, body);
};

/** A server, a client of ours, and the official one. */
async function withBoth(
  work: (ours: NatsClient, official: OfficialNats, server: NatsServer) => Promise<void>,
  options: Partial<NatsOptions> = {},
): Promise<void> {
  await using server = await NatsServer.start();
  await using ours = await NatsClient.connect({ servers: [server.url], ...options });
  const official = await connectOfficial({ servers: server.url });
  try {
    await work(ours, official, server);
  } finally {
    await official.close();
  }
}

/** Gathers what is heard, and resolves when there is so much. */
class Heard<T> {
  readonly items: T[] = [];
  #more = new Deferred();

  readonly add = (item: T): void => {
    this.items.push(item);
    this.#more.resolve();
    this.#more = new Deferred();
  };

  async take(count: number): Promise<T[]> {
    while (this.items.length < count) await this.#more.promise;
    return this.items;
  }
}

async function assertFails(work: () => Promise<unknown>, code: NatsErrorCode): Promise<NatsError> {
  const error = await assertRejects(work, NatsError);
  assertStrictEquals(error.code, code, error.message);
  return error;
}

realTest(
  "and the official one hear each other, in order, with payloads of any bytes",
  () =>
    withBoth(async (ours, official) => {
      const count = 5_000;
      const here = new Heard<string>();
      const there = new Heard<string>();
      ours.subscribe("from.official", ({ data }) => here.add(text(data)));
      official.subscribe("from.ours.*", { callback: (_error, { data }) => there.add(text(data)) });
      await Promise.all([ours.flush(), official.flush()]);
      for (let i = 0; i < count; i++) {
        official.publish("from.official", String(i));
        await ours.publish(`from.ours.${i % 3}`, String(i));
      }
      const expected = Array.from({ length: count }, (_, i) => String(i));
      assertEquals(await here.take(count), expected);
      assertEquals(await there.take(count), expected);

      const payloads = [
        new Uint8Array(),
        bytes("\r\nMSG a 1 5\r\n\r\n"),
        Uint8Array.from({ length: 256 }, (_, i) => i),
        new Uint8Array(1024 * 1024).fill(7),
      ];
      const echoed = new Heard<Uint8Array>();
      ours.subscribe("echo", ({ data }) => echoed.add(data.slice()));
      for (const payload of payloads) await ours.publish("echo", payload);
      assertEquals(await echoed.take(payloads.length), payloads);
    }),
);

realTest("sends headers, and reads them", () =>
  withBoth(async (ours, official) => {
    const here = new Heard<Message>();
    const there = new Heard<[string[], string]>();
    ours.subscribe("to.ours", here.add);
    official.subscribe("to.official", {
      callback: (_error, { headers, data }) => there.add([headers!.values("From"), text(data)]),
    });
    await Promise.all([ours.flush(), official.flush()]);
    const sent = newHeaders();
    sent.append("From", "ada");
    sent.append("From", "bob: and eve");
    official.publish("to.ours", "hello", { headers: sent });
    await ours.publish("to.official", "hi", { headers: new Map([["From", ["ada", "ü"]]]) });
    const [message] = await here.take(1);
    assertEquals([...message!.headers], [["From", ["ada", "bob: and eve"]]]);
    assertEquals([text(message!.data), message!.status], ["hello", undefined]);
    assertEquals(await there.take(1), [[["ada", "ü"], "hi"]]);
    for (const [name, value] of [["a b", "x"], ["a:", "x"], ["a", "x\r\ny"]] as const) {
      const headers = new Map([[name, [value]]]);
      await assertRejects(() => ours.publish("a", "", { headers }), TypeError, "header");
    }
  }));

realTest(
  "asks, and answers, and says when nobody answers",
  () =>
    withBoth(async (ours, official) => {
      official.subscribe("double", {
        callback: (_error, message) => void message.respond(String(2 * Number(text(message.data)))),
      });
      ours.subscribe("triple", ({ data, reply }) => {
        void ours.publish(reply!, String(3 * Number(text(data))));
      });
      ours.subscribe("silent", () => {});
      await Promise.all([ours.flush(), official.flush()]);
      const answers = Array.from({ length: 200 }, (_, i) => ours.request("double", String(i)));
      const texts = (await Promise.all(answers)).map(({ data }) => text(data));
      assertEquals(texts, Array.from({ length: 200 }, (_, i) => String(2 * i)));
      assertEquals(text((await official.request("triple", "14")).data), "42");
      await assertFails(() => ours.request("nobody"), "no-responders");
      await assertFails(() => ours.request("silent", "", { timeout: 30 }), "timeout");
    }),
);

realTest(
  "hears no more of what has ended, or after as many as it wants",
  () =>
    withBoth(async (ours, official) => {
      const ended = new Heard<string>();
      const few = new Heard<string>();
      const end = ours.subscribe("a", ({ data }) => {
        ended.add(text(data));
        end();
        end();
      });
      ours.subscribe("a", ({ data }) => few.add(text(data)), { max: 2 });
      const all = new Heard<string>();
      ours.subscribe("a", ({ data }) => all.add(text(data)));
      await ours.flush();
      for (const data of ["1", "2", "3", "4"]) official.publish("a", data);
      assertEquals(await all.take(4), ["1", "2", "3", "4"]);
      assertEquals([ended.items, few.items], [["1"], ["1", "2"]]);
    }),
);

realTest("shares a queue: one gets each message", () =>
  withBoth(async (ours, official) => {
    const heard = new Heard<string>();
    ours.subscribe("jobs", ({ data }) => heard.add(text(data)), { queue: "workers" });
    official.subscribe("jobs", {
      queue: "workers",
      callback: (_error, { data }) => heard.add(text(data)),
    });
    await Promise.all([ours.flush(), official.flush()]);
    const expected = Array.from({ length: 100 }, (_, i) => String(i));
    for (const data of expected) official.publish("jobs", data);
    await official.flush();
    assertEquals(new Set(await heard.take(100)), new Set(expected));
    await ours.flush();
    assertStrictEquals(heard.items.length, 100);
  }));

realTest("goes on after what a listener throws, and what the server complains about", async () => {
  const settings = [
    "authorization { users: [{ user: a, password: b, permissions: { publish: 'yes', subscribe: '>' } }] }",
  ];
  await using server = await NatsServer.start(settings);
  const errors = new Heard<Error>();
  await using client = await NatsClient.connect({
    servers: [`nats://a:b@127.0.0.1:${server.port}`],
    onError: errors.add,
  });
  const heard = new Heard<string>();
  client.subscribe("yes", () => {
    throw new Error("oh");
  });
  client.subscribe("yes", ({ data }) => heard.add(text(data)));
  await client.publish("no", "x");
  await client.publish("yes", "x");
  assertEquals(await heard.take(1), ["x"]);
  const messages = (await errors.take(2)).map(({ message }) => message).sort();
  assertEquals(messages[0], "oh");
  assert(/permissions violation for publish to "no"/i.test(messages[1]!), messages[1]);
});

realTest("says who it is, by a password or a token, and why it is refused", async () => {
  await using passwords = await NatsServer.start(["authorization { user: ada, password: 'p@ss' }"]);
  await using tokens = await NatsServer.start(["authorization { token: sesame }"]);
  const url = (who: string, { port }: NatsServer): string => `nats://${who}127.0.0.1:${port}`;
  for (const server of [url("ada:p%40ss@", passwords), url("sesame@", tokens)]) {
    await using client = await NatsClient.connect({ servers: [server] });
    await client.flush();
  }
  for (const server of [url("", passwords), url("ada:x@", passwords), url("x@", tokens)]) {
    const error = await assertFails(() => NatsClient.connect({ servers: [server] }), "refused");
    assertStrictEquals(error.message, "the server: Authorization Violation");
  }
});

realTest("speaks TLS with who is whom it says", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  await using server = await NatsServer.start(
    ["tls { cert_file: 'FOLDER/cert.pem', key_file: 'FOLDER/key.pem' }"],
    { "cert.pem": cert as string, "key.pem": key as string },
  );
  for (const scheme of ["tls", "nats"]) {
    const servers = [`${scheme}://127.0.0.1:${server.port}`];
    await using client = await NatsClient.connect({ servers, tls: { ca: authority.ca } });
    const heard = new Heard<string>();
    client.subscribe("a", ({ data }) => heard.add(text(data)));
    await client.publish("a", "secret");
    assertEquals(await heard.take(1), ["secret"]);
    await assertRejects(() => NatsClient.connect({ servers }), ConnectionError);
  }
  await using plain = await NatsServer.start();
  const servers = [`tls://127.0.0.1:${plain.port}`];
  await assertFails(() => NatsClient.connect({ servers }), "refused");
});

realTest(
  "connects again when the server is back, and hears what it has subscribed to",
  async () => {
    const server = await NatsServer.start();
    const { port, url } = server;
    const [down, up] = [new Deferred<Error>(), new Deferred()];
    await using client = await NatsClient.connect({
      servers: [url],
      reconnect: { first: 5, longest: 20 },
      onDisconnected: down.resolve,
      onConnected: () => up.resolve(),
    });
    const heard = new Heard<string>();
    client.subscribe("a.>", ({ data }) => heard.add(text(data)), { max: 3 });
    client.subscribe("silent", () => {});
    await client.publish("a.b", "before");
    await heard.take(1);
    const asked = assertFails(() => client.request("silent"), "disconnected");
    await client.flush();
    await server.kill();
    await down.promise;
    await asked;
    assertStrictEquals(client.isConnected, false);
    await assertFails(() => client.publish("a.b", "lost"), "disconnected");
    await assertFails(() => client.flush(), "disconnected");
    await assertFails(() => client.request("a.b"), "disconnected");
    client.subscribe("a.*", ({ data }) => heard.add(`later ${text(data)}`));
    await using _again = await NatsServer.start([], {}, port);
    await up.promise;
    const publisher = await NatsClient.connect({ servers: [url] });
    await client.flush();
    for (const data of ["1", "2", "3"]) await publisher.publish("a.b", data);
    await publisher.close();
    assertEquals((await heard.take(6)).toSorted(), [
      "1",
      "2",
      "before",
      "later 1",
      "later 2",
      "later 3",
    ]);
  },
);

realTest("goes to another server when one is gone, or does not answer any more", async () => {
  await using first = await NatsServer.start();
  await using second = await NatsServer.start();
  const up = new Deferred();
  const down = new Deferred<Error>();
  await using client = await NatsClient.connect({
    servers: [first.url, second.url],
    pingInterval: 20,
    reconnect: { first: 5, longest: 20 },
    onConnected: () => up.resolve(),
    onDisconnected: down.resolve,
  });
  first.freeze();
  assertStrictEquals((await down.promise).message, "the server does not answer pings");
  await up.promise;
  const heard = new Heard<string>();
  await using other = await NatsClient.connect({ servers: [second.url] });
  other.subscribe("a", ({ data }) => heard.add(text(data)));
  await other.flush();
  await client.publish("a", "x");
  assertEquals(await heard.take(1), ["x"]);
});

realTest(
  "sends all that was published before it closes, and does nothing after",
  () =>
    withBoth(async (ours, official) => {
      const there = new Heard<string>();
      official.subscribe("a", { callback: (_error, { data }) => there.add(text(data)) });
      await official.flush();
      const sending = Array.from(
        { length: 1_000 },
        (_, i) => ours.publish("a", `${i}`.padEnd(2_000)),
      );
      const asked = assertFails(() => ours.request("a"), "closed");
      await Promise.all([ours.close(), ours.close(), asked, ...sending]);
      assertStrictEquals((await there.take(1_001)).length, 1_001);
      await assertFails(() => ours.publish("a"), "closed");
      await assertFails(() => ours.flush(), "closed");
      await assertFails(() => ours.request("a"), "closed");
      assertThrows(() => ours.subscribe("a", () => {}), NatsError, "closed");
    }),
);

realTest("refuses what is no subject, queue, number or message", () =>
  withBoth(async (ours) => {
    for (
      const subject of [
        "",
        "a b",
        "a..b",
        ".a",
        "a.",
        "a\r\nPUB b 0",
        "a.*",
        "a.>",
        "x".repeat(1_001),
      ]
    ) {
      await assertRejects(() => ours.publish(subject, ""), TypeError, "a subject must be words");
      if (/[*>]/.test(subject)) continue;
      assertThrows(() => ours.subscribe(subject, () => {}), TypeError, "a subject must be words");
    }
    assertThrows(() => ours.subscribe("a.>.b", () => {}), TypeError, "a.>.b");
    assertThrows(() => ours.subscribe("a", () => {}, { queue: "a b" }), TypeError, "a queue");
    for (const max of [0, 1.5, NaN]) {
      assertThrows(() => ours.subscribe("a", () => {}, { max }), RangeError, `not ${max}`);
    }
    await assertRejects(
      () => ours.publish("a", new Uint8Array(2 ** 20 + 1)),
      RangeError,
      "1048576",
    );
    await assertRejects(
      () => ours.publish("a", "", { reply: "*" }),
      TypeError,
      "without wildcards",
    );
    await ours.flush();
  }));

test("NatsClient refuses options that are none", async () => {
  const nobody = ["nats://127.0.0.1:1"];
  await assertRejects(() => NatsClient.connect({ servers: [] }), TypeError, "servers");
  await assertRejects(
    () => NatsClient.connect({ servers: nobody, pingInterval: 0 }),
    RangeError,
    "not 0",
  );
  await assertRejects(() => NatsClient.connect({ servers: nobody }), ConnectionError);
  const wrong = ["http://a", "nats://", "a", "nats://a:x", "nats://a/b", "nats://a?b", "nats://%/"];
  for (const url of wrong) {
    await assertRejects(
      () => NatsClient.connect({ servers: [url] }),
      TypeError,
      "a server must be",
    );
  }
  const servers = ["nats://ada:secret@host/x"];
  const error = await assertRejects(() => NatsClient.connect({ servers }), TypeError);
  assert(!/secret/.test(error.message));
});

const INFO = `INFO {"server_id":"x","headers":true,"max_payload":1048576}\r\n`;

test("NatsClient gives up a server that is silent, or says something else", async () => {
  await using listener = await listen({ port: 0, terminator: null });
  const servers = [`nats://127.0.0.1:${listener.address.port}`];
  const accept = async (hello: string): Promise<void> => {
    const chat = (await listener.accept())!;
    chat.push(hello);
    while (await chat.read() !== null); // until it has had enough
    chat.close();
  };
  const connecting = (): Promise<NatsClient> => NatsClient.connect({ servers, timeout: 100 });
  const cases: readonly (readonly [hello: string, code: NatsErrorCode])[] = [
    ["", "timeout"],
    [INFO, "timeout"],
    ["HTTP/1.1 400 Bad Request\r\n", "protocol"],
    ["PING\r\n", "protocol"],
    ["INFO x\r\n", "protocol"],
    ["INFO null\r\n", "protocol"],
    [`${INFO}-ERR 'go away'\r\n`, "refused"],
    [`${INFO}MSG a 1 1\r\nx\r\n`, "protocol"],
  ];
  for (const [hello, code] of cases) {
    await Promise.all([accept(hello), assertFails(connecting, code)]);
  }
  const long = assertRejects(connecting, ChatError, "maxFrameLength");
  await Promise.all([accept(`INFO ${"x".repeat(100_000)}`), long]);
});

test("NatsClient ends at what is not of the protocol, and says what it was", async () => {
  await using listener = await listen({ port: 0, terminator: "\r\n", encoding: "utf-8" });
  const servers = [`nats://127.0.0.1:${listener.address.port}`];
  const cases: readonly (readonly [said: string, error: RegExp])[] = [
    ["MSG a 1 5\r\nhelloXX\r\n", /must end with/],
    ["MSG a 1 -5\r\n", /not of the protocol/],
    ["MSG a 1\r\n", /not of the protocol/],
    ["MSG a b c d 5\r\n", /not of the protocol/],
    ["MSG a 1 999999999\r\n", /too large/],
    ["HMSG a 1 9 5\r\n", /not of the protocol/],
    ["HMSG a 1 5 5\r\nhello\r\n", /no headers/],
    ["HMSG a 1 15 15\r\nNATS/1.0\r\nx\r\n\r\n\r\n", /no headers/],
    ["HELLO\r\n", /not of the protocol/],
    ["-ERR 'Stale Connection'\r\n", /Stale Connection/],
    [`${"x".repeat(70_000)}\r\n`, /maxFrameLength/],
  ];
  for (const [said, error] of cases) {
    const down = new Deferred<Error>();
    const serving = (async () => {
      const chat = (await listener.accept())!;
      chat.push(INFO);
      while (await chat.read() !== "PING");
      chat.push("PONG\r\n");
      while (!(await chat.read())!.startsWith("SUB"));
      chat.push(said);
      await chat.read().catch(() => {}); // until it has had enough
      chat.close();
    })();
    const client = await NatsClient.connect({
      servers,
      reconnect: false,
      onDisconnected: down.resolve,
    });
    client.subscribe("a", () => {});
    const reason = await down.promise;
    assert(error.test(reason.message), `${said}: ${reason.message}`);
    await assertFails(() => client.publish("a"), "disconnected");
    await Promise.all([client.close(), serving]);
  }
});

test("NatsClient survives 10,000 servers that send nonsense", async () => {
  const hello = bytes(`${INFO}PONG\r\n`);
  await attack({
    samples: [
      concat([hello, bytes("MSG a.b 1 5\r\nhello\r\nMSG a 1 _INBOX.x 0\r\n\r\nPING\r\n")]),
      concat([hello, bytes("HMSG a 1 23 28\r\nNATS/1.0\r\nFrom: ada\r\n\r\nhello\r\n+OK\r\n")]),
      concat([hello, bytes("PONG\r\nINFO {}\r\nMSG _INBOX.x.1 2 2\r\nhi\r\n-ERR 'bad'\r\n")]),
      bytes(`${INFO}-ERR 'Authorization Violation'\r\n`),
    ],
    async serve(connection) {
      const down = new Deferred();
      try {
        const client = await NatsClient.connect({
          servers: ["nats://nobody"],
          timeout: 1_000,
          reconnect: false,
          onError: () => {},
          onDisconnected: () => down.resolve(),
          dial: (options) => Promise.resolve(new Chat(connection, options)),
        });
        client.subscribe(
          "a.>",
          ({ data, headers }) => assert(data.length >= 0 && headers.size >= 0),
        );
        client.request("b", "x").catch(() => {});
        client.flush().catch(() => {});
        await down.promise;
        await client.close();
      } catch (error) {
        assert(error instanceof ChatError || error instanceof NatsError, String(error));
      }
    },
  });
});
