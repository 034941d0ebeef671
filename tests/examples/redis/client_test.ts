/** The Redis client, in both versions of the protocol, against a real server, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../../examples/command_line.ts";
import { RedisClient, type RedisOptions } from "../../../examples/redis/client.ts";
import { RedisError } from "../../../examples/redis/error.ts";
import { mapOf, textOf } from "../../../examples/redis/replies.ts";
import { parseRedisUrl, type RedisPlace } from "../../../examples/redis/url.ts";
import { commands } from "../../../examples/resp/framing.ts";
import { type Push, RespError, type Value } from "../../../examples/resp/value.ts";
import { Chat, ChatError, ConnectionError } from "../../../mod.ts";
import { bytes, concat, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { type Dial, playing } from "../../support/dial.ts";
import { Heard } from "../../support/heard.ts";
import { attackDialed } from "../../support/hostile_peers.ts";
import { PATIENCE } from "../../support/limits.ts";
import { peerTest } from "../../support/test_with_peer.ts";
import { RedisServer, type RedisServerOptions } from "../../support/redis.ts";

const VERSIONS = [2, 3] as const;

interface Session {
  readonly server: RedisServer;
  readonly redis: RedisClient;
  /** Connects once more, with the same version of the protocol. */
  open(more?: Partial<RedisOptions>): Promise<RedisClient>;
}

/** Registers a test, once for each version of the protocol, of a client with a server of its own. */
function realTest(name: string, work: (session: Session) => Promise<void>): void {
  for (const protocol of VERSIONS) {
    peerTest("redis-server", `RedisClient ${name} (RESP${protocol})`, async () => {
      await using server = await RedisServer.start();
      const { url } = server;
      const open: Session["open"] = (more) =>
        RedisClient.connect({ url, protocol, timeout: PATIENCE, ...more });
      await using redis = await open();
      assertEquals(redis.version, protocol);
      await work({ server, redis, open });
    });
  }
}

/** A client of a server that is played by the test. */
function connectTo(
  play: (chat: Chat<Uint8Array[]>) => Promise<unknown>,
  options: Partial<RedisOptions> = {},
): Promise<RedisClient> {
  const played: Dial<Value> = playing(
    (connection) => new Chat(connection, { terminator: commands }),
    play,
  );
  return RedisClient.connect({ url: "redis://played", ...played, ...options });
}

/** Bytes as text, which is easier to compare. */
function plain(value: Value): Value {
  if (value instanceof Uint8Array) return text(value);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [plain(k), plain(v)]));
  if (value instanceof Set) return new Set([...value].map(plain));
  return Array.isArray(value) ? value.map(plain) : value;
}

realTest("sets and gets, also bytes of any kind, and lists, maps and sets", async ({ redis }) => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assertEquals(await redis.call("SET", "all", all), "OK");
  assertEquals(await redis.call("GET", "all"), all);
  assertEquals(await redis.call("GET", "nothing"), null);
  const large = new Uint8Array(2_000_000).fill(7);
  await redis.call("SET", "large", large);
  assertEquals(await redis.call("GET", "large"), large);
  assertEquals(await redis.call("RPUSH", "list", "a", 1, "häppy"), 3);
  assertEquals(plain(await redis.call("LRANGE", "list", 0, -1)), ["a", "1", "häppy"]);
  await redis.call("HSET", "hash", "a", 1, "b", 2);
  const hash = [...mapOf(await redis.call("HGETALL", "hash"))].map(([k, v]) => [k, textOf(v)]);
  assertEquals(hash, [["a", "1"], ["b", "2"]]);
  await redis.call("SADD", "set", "x");
  const members = plain(await redis.call("SMEMBERS", "set"));
  assertEquals(members, redis.version === 3 ? new Set(["x"]) : ["x"]);
  await redis.call("ZADD", "scores", 1.5, "x");
  const score = plain(await redis.call("ZSCORE", "scores", "x"));
  assertEquals(score, redis.version === 3 ? 1.5 : "1.5");
});

realTest("answers thousands at once, in order, before it closes", async ({ redis }) => {
  const answers = Array.from({ length: 5_000 }, () => redis.call("INCR", "n"));
  assertEquals(redis.waiting, 5_000);
  const closing = redis.close();
  await assertRejects(() => redis.call("PING"), RedisError, "PING: the client is closing");
  assertEquals(await Promise.all(answers), Array.from(answers, (_, i) => i + 1));
  await closing;
});

realTest("tells errors by the command, and goes on", async ({ redis }) => {
  await redis.call("SET", "text", "x");
  const wrong = redis.call("LPUSH", "text", "y");
  const unknown = redis.call("BOGUS");
  const got = redis.call("GET", "text");
  const { command, code } = await assertRejects(() => wrong, RedisError, "LPUSH: WRONGTYPE");
  assertEquals([command, code], ["LPUSH", "WRONGTYPE"]);
  await assertRejects(() => unknown, RedisError, "BOGUS: ERR unknown command");
  assertEquals(plain(await got), "x");
});

realTest("does commands together with multi(), or none of them", async ({ redis, open }) => {
  await using other = await open();
  // Another client's commands never come in between: each pair adds one and takes it back.
  const pairs = [redis, other].flatMap((client) =>
    Array.from({ length: 200 }, () => client.multi([["INCR", "n"], ["DECR", "n"]]))
  );
  for (const answers of await Promise.all(pairs)) assertEquals(answers, [1, 0]);

  const [set, failed, got] = await redis.multi([["SET", "a", "x"], ["INCR", "a"], ["GET", "a"]]);
  assertEquals([set, plain(got!), failed instanceof RespError], ["OK", "x", true]);

  const refused = redis.multi([["SET", "a", "y"], ["BOGUS"]]);
  await assertRejects(() => refused, RedisError, "BOGUS: ERR unknown command");
  assertEquals(plain(await redis.call("GET", "a")), "x");

  await redis.call("WATCH", "a");
  await other.call("SET", "a", "z");
  const late = redis.multi([["SET", "a", "mine"]]);
  await assertRejects(() => late, RedisError, "EXEC: nothing was done");
  assertEquals(plain(await redis.call("GET", "a")), "z");
});

realTest("refuses what would be too much, or break the order", async ({ open }) => {
  await using redis = await open({ maxCalls: 3 });
  const three = [1, 2, 3].map((n) => redis.call("ECHO", n));
  await assertRejects(() => redis.call("PING"), RedisError, "3 commands wait");
  assertEquals((await Promise.all(three)).map(plain), ["1", "2", "3"]);
  await assertRejects(() => redis.multi([["PING"], ["PING"]]), RedisError, "MULTI: 0 commands");
  const breaking = [["MONITOR"], ["client", "reply", "off"], ["Reset"], ["PSYNC", "?", "-1"]];
  const subscribing = redis.version === 2 ? ["SUBSCRIBE", "a"] : ["SUBSCRIBE", "a", "b"];
  for (const words of [...breaking, subscribing]) {
    await assertRejects(() => redis.call(...words), RedisError);
  }
  await assertRejects(() => redis.call(), TypeError, "at least a word");
  assertEquals(await redis.call("PING"), "PONG");
});

realTest("rejects what waits when the server is killed", async (session) => {
  const { server, redis, open } = session;
  const waits = [redis.call("BLPOP", "list", 0), redis.multi([["PING"]])].map((each) =>
    assertRejects(() => each, RedisError, "whether it was done is not known")
  );
  await using other = await open();
  await other.call("PING");
  await server.kill();
  await Promise.all(waits);
  await assertRejects(() => redis.call("PING"), RedisError, "PING: the connection has ended");
  await assertRejects(() => open(), ConnectionError);
});

/** Registers a test, once for each version of the protocol, with a server that is set up otherwise. */
function serverTest(
  name: string,
  setUp: () => RedisServerOptions,
  work: (
    server: RedisServer,
    connect: (options: RedisOptions) => Promise<RedisClient>,
  ) => Promise<void>,
): void {
  peerTest("redis-server", `RedisClient ${name}`, async () => {
    await using server = await RedisServer.start(setUp());
    for (const protocol of VERSIONS) {
      await work(
        server,
        (options) => RedisClient.connect({ protocol, timeout: PATIENCE, ...options }),
      );
    }
  });
}

const PASSWORD = "pass word/@:ä";
serverTest(
  "says who it is, and is refused",
  () => ({ settings: [`requirepass "${PASSWORD}"`, `user ada on ">${PASSWORD}" ~* +@all`] }),
  async ({ port, url }, connect) => {
    const urlOf = (...who: string[]): string =>
      `redis://${who.map(encodeURIComponent).join(":")}@127.0.0.1:${port}`;
    for (const user of ["", "default", "ada"]) {
      await using redis = await connect({ url: urlOf(user, PASSWORD) });
      assertEquals(plain(await redis.call("ACL", "WHOAMI")), user || "default");
    }
    for (const [user, password] of [["", "wrong"], ["ada", "wrong"], ["eve", PASSWORD]] as const) {
      const refused = connect({ url: urlOf(user, password) });
      const { message } = await assertRejects(() => refused, RedisError, "WRONGPASS");
      assert(!message.includes(password), message);
    }
    await assertRejects(() => connect({ url: `${url}/1` }), RedisError, "NOAUTH");
    await using third = await connect({ url: `${urlOf("", PASSWORD)}/3` });
    assert(textOf(await third.call("CLIENT", "INFO")).includes(" db=3 "));
    const none = `${urlOf("", PASSWORD)}/99`;
    await assertRejects(() => connect({ url: none }), RedisError, "SELECT: ERR DB index");
  },
);

const authority = new Authority();
serverTest("speaks TLS", () => {
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const own = ["tls-cert-file FOLDER/cert.pem", "tls-key-file FOLDER/key.pem"];
  return {
    settings: [...own, "tls-ca-cert-file FOLDER/ca.pem", "tls-auth-clients no"],
    files: { "cert.pem": cert, "key.pem": key, "ca.pem": authority.ca },
    tls: true,
  };
}, async ({ port }, connect) => {
  const url = `rediss://127.0.0.1:${port}`;
  await using redis = await connect({ url, tls: { ca: authority.ca } });
  const echoes = await Promise.all(Array.from({ length: 1_000 }, (_, n) => redis.call("ECHO", n)));
  assertEquals(echoes.map(textOf), echoes.map((_, n) => `${n}`));
  await assertRejects(() => connect({ url }), ConnectionError, "certificate");
});

peerTest("redis-server", "RedisClient keeps pushes apart from answers", async () => {
  await using server = await RedisServer.start();
  const pushes = new Heard<Value>();
  const onPush = ({ items }: Push): void => pushes.add(plain([...items]));
  const { url } = server;
  await using redis = await RedisClient.connect({ url, onPush, timeout: PATIENCE });
  await using other = await RedisClient.connect({ url, protocol: 2, timeout: PATIENCE });
  assertEquals(plain(await redis.call("SUBSCRIBE", "news")), ["subscribe", "news", 1]);
  await redis.call("CLIENT", "TRACKING", "ON");
  await redis.call("GET", "a");
  // Answers and pushes come through one another.
  const numbers = Array.from({ length: 100 }, (_, n) => `${n}`);
  const answers = numbers.map((n) => redis.call("ECHO", n));
  for (const n of numbers) await other.call("PUBLISH", "news", n);
  await other.call("SET", "a", "x");
  assertEquals((await Promise.all(answers)).map(textOf), numbers);
  assertEquals(await pushes.take(101), [...numbers.map((n) => ["message", "news", n]), [
    "invalidate",
    ["a"],
  ]]);
  assertEquals(plain(await redis.call("UNSUBSCRIBE", "news")), ["unsubscribe", "news", 0]);
});

test("RedisClient falls back to version 2 where the server knows no other", async () => {
  for (const [user, auth] of [["", "AUTH secret"], ["ada", "AUTH ada secret"]] as const) {
    const heard: string[] = [];
    const url = `redis://${user}:secret@played/2`;
    await using redis = await connectTo(async (chat) => {
      for await (const command of chat) {
        const words = command.map((word) => text(word)).join(" ");
        heard.push(words);
        chat.push(words.startsWith("HELLO") ? "-ERR unknown command 'HELLO'\r\n" : "+OK\r\n");
      }
    }, { url });
    assertEquals(redis.version, 2);
    assertEquals(heard, [`HELLO 3 AUTH ${user || "default"} secret`, auth, "SELECT 2"]);
  }
});

test("RedisClient gives up a server that does not answer in time", async () => {
  const silent = async (chat: Chat<Uint8Array[]>): Promise<void> => {
    while (await chat.read() !== null);
  };
  const connecting = connectTo(silent, { timeout: 20 });
  await assertRejects(() => connecting, RedisError, "HELLO: the server has not answered");
  const redis = await connectTo(silent, { timeout: 20, protocol: 2 });
  const calls = [redis.call("BLPOP", "list", 0), redis.call("PING")] as const;
  await assertRejects(() => calls[0], RedisError, "BLPOP: the server has not answered");
  await assertRejects(() => calls[1], RedisError, "PING: whether it was done is not known");
  assertMatch(String(await redis.closed), /20 ms/);
  await assertRejects(() => redis.call("PING"), RedisError, "the connection has ended");
});

test("RedisClient gives up a server whose answer is too long, or too deep, or none", async () => {
  const deep = concat([...Array.from({ length: 40 }, () => bytes("*1\r\n")), bytes(":1\r\n")]);
  for (const answer of [bytes("$4000\r\n"), deep, bytes("?\r\n")]) {
    const connecting = connectTo(async (chat) => {
      await chat.read();
      chat.push(answer);
      await chat.read().catch(() => {});
    }, { maxReply: 1_000 });
    const { cause } = await assertRejects(() => connecting, RedisError, "HELLO");
    assert(cause instanceof ChatError);
  }
});

test("RedisClient survives servers that send nonsense", () =>
  attackDialed(
    [
      "%2\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n+OK\r\n$1\r\nx\r\n*2\r\n+a\r\n:1\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\nx\r\n",
      "-NOPROTO unsupported\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+OK\r\n-ERR no\r\n_\r\n+OK\r\n-ERR bad\r\n-EXECABORT\r\n",
      "*4\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:7\r\n|1\r\n+ttl\r\n:3\r\n$-1\r\n~1\r\n,1.5\r\n(99999999999999999999\r\n#t\r\n!3\r\nERR\r\n",
    ],
    RedisError,
    async (dial: Dial<Value>) => {
      const redis = await RedisClient.connect({ url: "redis://nowhere", ...dial });
      const get = ["GET", "a"];
      const calls = [
        ...[["SET", "a", "x"], get, ["LRANGE", "b", 0, -1]].map((words) => redis.call(...words)),
        redis.multi([get]),
      ];
      // Each has its answer, or its error, in the end.
      for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
        assert(reason === undefined || reason instanceof RedisError, String(reason));
      }
      redis.abort();
      await redis.closed;
    },
  ));

test("parseRedisUrl() reads who one is, and where, and tells no password where that is wrong", () => {
  const here: RedisPlace = {
    ...{ hostname: "127.0.0.1", port: 6379, isTls: false, database: 0 },
    ...{ username: undefined, password: undefined },
  };
  const urls: readonly (readonly [string, Partial<RedisPlace>])[] = [
    ["redis://127.0.0.1/", {}],
    ["redis://127.0.0.1:7000/15", { port: 7000, database: 15 }],
    ["rediss://example.com", { hostname: "example.com", isTls: true }],
    ["redis://:secret@127.0.0.1", { password: "secret" }],
    ["redis://ada:p%40ss%2F%3A@127.0.0.1", { username: "ada", password: "p@ss/:" }],
    ["redis://[::1]:7000", { hostname: "[::1]", port: 7000 }],
  ];
  for (const [url, place] of urls) assertEquals(parseRedisUrl(url), { ...here, ...place }, url);
  const who = "redis://:secret@127.0.0.1";
  const noUrls = ["", "localhost:6379", "http://127.0.0.1", "redis://", "redis://:secret%FF@a"];
  const noPlaces = [":0", ":99999", "/x", "/-1", "?db=1"].map((where) => who + where);
  for (const url of [...noUrls, ...noPlaces]) {
    const { message } = assertThrows(() => parseRedisUrl(url), UserError, "", url);
    assert(!message.includes("secret"), message);
  }
});
