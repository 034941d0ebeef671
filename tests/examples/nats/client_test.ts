/** The NATS client, against a real server with the official client at the other end, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Message, NatsClient, type NatsOptions } from "../../../examples/nats/client.ts";
import { NatsError, type NatsErrorCode } from "../../../examples/nats/error.ts";
import { Chat, ChatError, ConnectionError } from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
import { bytes, text } from "../../support/bytes.ts";
import { Cable } from "../../support/cable.ts";
import { Authority } from "../../support/certificates.ts";
import { playing } from "../../support/dial.ts";
import { Heard } from "../../support/heard.ts";
import { attackDialed } from "../../support/hostile_peers.ts";
import { withIntervals } from "../../support/intervals.ts";
import { PATIENCE } from "../../support/limits.ts";
import { NatsServer } from "../../support/nats_server.ts";
import {
  connect as connectOfficial,
  headers as newHeaders,
  type OfficialNats,
} from "../../support/official_nats.ts";
import { peerTest } from "../../support/test_with_peer.ts";
import { nextTurn } from "../../support/turn.ts";

const realTest = (name: string, body: () => Promise<void>): void => {
  peerTest("nats-server", `NatsClient ${name}`, body);
};

function connect(servers: string | string[], more: Partial<NatsOptions> = {}): Promise<NatsClient> {
  return NatsClient.connect({ servers: [servers].flat(), timeout: PATIENCE, ...more });
}

/** Registers a test with a server, a client of ours, and the official one. */
function testOfBoth(
  name: string,
  work: (ours: NatsClient, official: OfficialNats) => Promise<void>,
): void {
  realTest(name, async () => {
    await using server = await NatsServer.start();
    await using ours = await connect(server.url);
    const official = await connectOfficial({ servers: server.url });
    try {
      await work(ours, official);
    } finally {
      await official.close();
    }
  });
}

/** Gathers the texts that come on a subject. */
function hear(
  client: NatsClient,
  subject: string,
  options: { max?: number } = {},
): Heard<string> {
  const heard = new Heard<string>();
  client.subscribe(subject, ({ data }) => heard.add(text(data)), options);
  return heard;
}

function hearOfficial(
  client: OfficialNats,
  subject: string,
): Heard<string> {
  const heard = new Heard<string>();
  client.subscribe(subject, { callback: (_error, { data }) => heard.add(text(data)) });
  return heard;
}

async function assertFails(work: () => Promise<unknown>, code: NatsErrorCode): Promise<NatsError> {
  const error = await assertRejects(work, NatsError);
  assertEquals(error.code, code, error.message);
  return error;
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

testOfBoth("and the official one hear each other", async (ours, official) => {
  const count = 2_000;
  const here = hear(ours, "from.official");
  const there = hearOfficial(official, "from.ours.*");
  await Promise.all([ours.flush(), official.flush()]);
  for (const i of numbers(count)) {
    official.publish("from.official", i);
    await ours.publish(`from.ours.${i.at(-1)}`, i);
  }
  assertEquals(await here.take(count), numbers(count));
  assertEquals(await there.take(count), numbers(count));

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
});

testOfBoth("sends headers, and reads them, and lets none be two", async (ours, official) => {
  const here = new Heard<Message>();
  const there = new Heard<[string[], string]>();
  ours.subscribe("to.ours", here.add);
  official.subscribe("to.official", {
    callback: (_error, { headers, data }) => there.add([headers!.values("From"), text(data)]),
  });
  await Promise.all([ours.flush(), official.flush()]);
  const sent = newHeaders();
  for (const value of ["ada", "bob: and eve"]) sent.append("From", value);
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
});

testOfBoth("asks, and answers, and says when nobody answers", async (ours, official) => {
  official.subscribe("double", {
    callback: (_error, message) => void message.respond(String(2 * Number(text(message.data)))),
  });
  ours.subscribe("triple", ({ data, reply }) => {
    void ours.publish(reply!, String(3 * Number(text(data))));
  });
  ours.subscribe("silent", () => {});
  await Promise.all([ours.flush(), official.flush()]);
  const answers = await Promise.all(numbers(200).map((i) => ours.request("double", i)));
  assertEquals(answers.map(({ data }) => text(data)), answers.map((_, i) => String(2 * i)));
  assertEquals(text((await official.request("triple", "14")).data), "42");
  await assertFails(() => ours.request("nobody"), "no-responders");
  await assertFails(() => ours.request("silent", "", { timeout: 30 }), "timeout");
});

testOfBoth("hears no more of what has ended", async (ours, official) => {
  const ended: string[] = [];
  const end = ours.subscribe("a", ({ data }) => {
    ended.push(text(data));
    end();
    end();
  });
  const few = hear(ours, "a", { max: 2 });
  const all = hear(ours, "a");
  await ours.flush();
  for (const data of numbers(4)) official.publish("a", data);
  assertEquals(await all.take(4), numbers(4));
  assertEquals([ended, few.items], [["0"], ["0", "1"]]);
});

realTest("goes on after what a listener throws, and what the server complains about", async () => {
  const permissions = "permissions: { publish: 'yes', subscribe: '>' }";
  await using server = await NatsServer.start([
    `authorization { users: [{ user: a, password: b, ${permissions} }] }`,
  ]);
  const errors = new Heard<string>();
  const onError = ({ message }: Error): void => errors.add(message);
  await using client = await connect(`nats://a:b@127.0.0.1:${server.port}`, { onError });
  client.subscribe("yes", () => {
    throw new Error("oh");
  });
  const heard = hear(client, "yes");
  await client.publish("no", "x");
  await client.publish("yes", "x");
  assertEquals(await heard.take(1), ["x"]);
  const [first, second] = (await errors.take(2)).toSorted();
  assertEquals(first, "oh");
  assert(/permissions violation for publish to "no"/i.test(second!), second);
});

realTest("says who it is, by a password or a token, and why it is refused", async () => {
  await using passwords = await NatsServer.start(["authorization { user: ada, password: 'p@ss' }"]);
  await using tokens = await NatsServer.start(["authorization { token: sesame }"]);
  const url = (who: string, { port }: NatsServer): string => `nats://${who}127.0.0.1:${port}`;
  for (const server of [url("ada:p%40ss@", passwords), url("sesame@", tokens)]) {
    await using client = await connect(server);
    await client.flush();
  }
  for (const server of [url("", passwords), url("ada:x@", passwords), url("x@", tokens)]) {
    const { message } = await assertFails(() => connect(server), "refused");
    assertEquals(message, "the server: Authorization Violation");
  }
});

realTest("speaks TLS with who is whom it says", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  await using server = await NatsServer.start(
    ["tls { cert_file: 'FOLDER/cert.pem', key_file: 'FOLDER/key.pem' }"],
    { "cert.pem": cert, "key.pem": key },
  );
  for (const scheme of ["tls", "nats"]) {
    const url = `${scheme}://127.0.0.1:${server.port}`;
    await using client = await connect(url, { tls: { ca: authority.ca } });
    const heard = hear(client, "a");
    await client.publish("a", "secret");
    assertEquals(await heard.take(1), ["secret"]);
    await assertRejects(() => connect(url), ConnectionError);
  }
  await using plain = await NatsServer.start();
  await assertFails(() => connect(`tls://127.0.0.1:${plain.port}`), "refused");
});

realTest("connects again when the server is back, and subscribes", async () => {
  await using server = await NatsServer.start();
  using cable = await Cable.to(server.port);
  const [down, up] = [new Deferred(), new Deferred()];
  await using client = await connect(`nats://127.0.0.1:${cable.port}`, {
    reconnect: { first: 5, longest: 20 },
    onDisconnected: () => down.resolve(),
    onConnected: () => up.resolve(),
  });
  const heard = hear(client, "a.>", { max: 3 });
  client.subscribe("silent", () => {});
  await client.publish("a.b", "before");
  await heard.take(1);
  const asked = assertFails(() => client.request("silent"), "disconnected");
  await client.flush();
  cable.cut();
  await down.promise;
  await asked;
  assertEquals(client.isConnected, false);
  await assertFails(() => client.publish("a.b", "lost"), "disconnected");
  await assertFails(() => client.flush(), "disconnected");
  await assertFails(() => client.request("a.b"), "disconnected");
  const later = hear(client, "a.*");
  cable.mend(server.port);
  await up.promise;
  await client.flush();
  await using publisher = await connect(server.url);
  for (const data of numbers(3)) await publisher.publish("a.b", data);
  assertEquals(await later.take(3), numbers(3));
  assertEquals(heard.items, ["before", "0", "1"]);
});

realTest("goes to another server when one does not answer any more", async () => {
  await using first = await NatsServer.start();
  await using second = await NatsServer.start();
  await withIntervals(async (tick) => {
    const [down, up] = [new Deferred<Error>(), new Deferred()];
    await using client = await connect([first.url, second.url], {
      reconnect: { first: 5, longest: 20 },
      onDisconnected: down.resolve,
      onConnected: () => up.resolve(),
    });
    first.freeze();
    for (; client.isConnected; await nextTurn()) tick();
    assertEquals((await down.promise).message, "the server does not answer pings");
    await up.promise;
    await using other = await connect(second.url);
    const heard = hear(other, "a");
    await other.flush();
    await client.publish("a", "x");
    assertEquals(await heard.take(1), ["x"]);
  });
});

testOfBoth("sends all before it closes, and nothing after", async (ours, official) => {
  const there = hearOfficial(official, "a");
  await official.flush();
  const sending = numbers(1_000).map((i) => ours.publish("a", i.padEnd(2_000)));
  const asked = assertFails(() => ours.request("a"), "closed");
  await Promise.all([ours.close(), ours.close(), asked, ...sending]);
  assertEquals((await there.take(1_001)).length, 1_001);
  await assertFails(() => ours.publish("a"), "closed");
  await assertFails(() => ours.flush(), "closed");
  await assertFails(() => ours.request("a"), "closed");
  assertThrows(() => ours.subscribe("a", () => {}), NatsError, "closed");
});

const INFO = `INFO {"server_id":"x","headers":true,"max_payload":1048576}\r\n`;

/** Connects to a server that is played by the test. */
function connectTo(
  play: (chat: Chat<string>) => Promise<unknown>,
  options: Partial<NatsOptions> = {},
): Promise<NatsClient> {
  const lines = { terminator: "\r\n", encoding: "utf-8" } as const;
  const played = playing((connection) => new Chat(connection, lines), play);
  return connect("nats://played", { reconnect: false, ...played, ...options });
}

/** Says something, and waits until the client has had enough of it. */
const saying = (text: string) => async (chat: Chat<string>): Promise<void> => {
  chat.push(text);
  while (await chat.read() !== null);
};

/** Accepts a client, and waits for its first subscription. */
async function accept(chat: Chat<string>): Promise<void> {
  chat.push(INFO);
  while (await chat.read() !== "PING");
  chat.push("PONG\r\n");
  while (!(await chat.read())!.startsWith("SUB"));
}

test("NatsClient refuses what is no subject, queue, number or message, and no option", async () => {
  await using client = await connectTo(async (chat) => {
    await accept(chat);
    while (await chat.read() !== null);
  });
  const noSubjects = ["", "a b", "a..b", ".a", "a.", "a\r\nPUB b 0", "x".repeat(1_001)];
  for (const subject of [...noSubjects, "a.*", "a.>"]) {
    await assertRejects(() => client.publish(subject, ""), TypeError, "subject");
  }
  for (const subject of [...noSubjects, "a.>.b"]) {
    assertThrows(() => client.subscribe(subject, () => {}), TypeError, "subject");
  }
  assertThrows(() => client.subscribe("a", () => {}, { queue: "a b" }), TypeError, "a queue");
  for (const max of [0, 1.5, NaN]) {
    assertThrows(() => client.subscribe("a", () => {}, { max }), RangeError, `not ${max}`);
  }
  const tooLong = new Uint8Array(2 ** 20 + 1);
  await assertRejects(() => client.publish("a", tooLong), RangeError, "1048576");
  await assertRejects(() => client.publish("a", "", { reply: "*" }), TypeError, "subject");

  await assertRejects(() => connect([]), TypeError, "servers");
  const nowhere = "nats://127.0.0.1:1";
  await assertRejects(() => connect(nowhere, { pingInterval: 0 }), RangeError, "not 0");
  await assertRejects(() => connect(nowhere), ConnectionError);
  const wrong = ["http://a", "nats://", "a", "nats://a:x", "nats://a?b", "nats://%/"];
  for (const url of [...wrong, "nats://ada:secret@host/x"]) {
    const { message } = await assertRejects(() => connect(url), TypeError, "a server must be");
    assert(!message.includes("secret"), message);
  }
});

test("NatsClient gives up a server that is silent, or says something else", async () => {
  for (const hello of ["", INFO]) {
    await assertFails(() => connectTo(saying(hello), { timeout: 20 }), "timeout");
  }
  const cases: readonly (readonly [hello: string, code: NatsErrorCode])[] = [
    ["HTTP/1.1 400 Bad Request\r\n", "protocol"],
    ["PING\r\n", "protocol"],
    ["INFO x\r\n", "protocol"],
    ["INFO null\r\n", "protocol"],
    [`${INFO}-ERR 'go away'\r\n`, "refused"],
    [`${INFO}MSG a 1 1\r\nx\r\n`, "protocol"],
  ];
  for (const [hello, code] of cases) await assertFails(() => connectTo(saying(hello)), code);
  const long = `INFO ${"x".repeat(100_000)}`;
  await assertRejects(() => connectTo(saying(long)), ChatError, "maxFrameLength");
});

test("NatsClient ends at what is not of the protocol, and says what it was", async () => {
  const cases: readonly (readonly [said: string, error: RegExp])[] = [
    ["MSG a 1 5\r\nhelloXX\r\n", /must end with/],
    ["MSG a 1 -5\r\n", /not of the protocol/],
    ["MSG a 1 999999999\r\n", /too large/],
    ["MSG a b c d 5\r\n", /not of the protocol/],
    ["HMSG a 1 9 5\r\n", /not of the protocol/],
    ["HMSG a 1 5 5\r\nhello\r\n", /no headers/],
    ["HMSG a 1 15 15\r\nNATS/1.0\r\nx\r\n\r\n\r\n", /no headers/],
    ["-ERR 'Stale Connection'\r\n", /Stale Connection/],
    [`${"x".repeat(70_000)}\r\n`, /maxFrameLength/],
  ];
  for (const [said, error] of cases) {
    const down = new Deferred<Error>();
    const client = await connectTo(async (chat) => {
      await accept(chat);
      await saying(said)(chat);
    }, { onDisconnected: down.resolve });
    client.subscribe("a", () => {});
    const { message } = await down.promise;
    assert(error.test(message), `${said}: ${message}`);
    await assertFails(() => client.publish("a"), "disconnected");
    await client.close();
  }
});

test("NatsClient survives servers that send nonsense", () => {
  const hello = `${INFO}PONG\r\n`;
  return attackDialed(
    [
      `${hello}MSG a.b 1 5\r\nhello\r\nMSG a 1 _INBOX.x 0\r\n\r\nPING\r\n`,
      `${hello}HMSG a 1 23 28\r\nNATS/1.0\r\nFrom: ada\r\n\r\nhello\r\n+OK\r\n`,
      `${hello}PONG\r\nINFO {}\r\nMSG _INBOX.x.1 2 2\r\nhi\r\n-ERR 'bad'\r\n`,
      `${INFO}-ERR 'Authorization Violation'\r\n`,
    ],
    NatsError,
    async (dial) => {
      const down = new Deferred();
      const onDisconnected = (): void => down.resolve();
      const options = { reconnect: false, onError() {}, onDisconnected, ...dial } as const;
      const client = await connect("nats://nobody", options);
      client.subscribe("a.>", ({ data, headers }) => assert(data.length + headers.size >= 0));
      client.request("b", "x").catch(() => {});
      client.flush().catch(() => {});
      await down.promise;
      await client.close();
    },
  );
});
