/** The Redis client, in both versions of the protocol, against a real server, and against what is none. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { Redis } from "ioredis";
import { RedisClient, type RedisOptions } from "../../../examples/redis/client.ts";
import { RedisError } from "../../../examples/redis/error.ts";
import { entriesRead, mapOf, textOf } from "../../../examples/redis/replies.ts";
import { commands } from "../../../examples/resp/framing.ts";
import { parseCommand } from "../../../examples/resp/parse.ts";
import { serveResp } from "../../../examples/resp/server.ts";
import { Store } from "../../../examples/resp/store.ts";
import { type Push, RespError, type Value } from "../../../examples/resp/value.ts";
import { Chat, ChatError, ConnectionError, listen, serve } from "../../../mod.ts";
import { bytes, concat, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { attack, attackClient } from "../../support/hostile_peers.ts";
import { named, needs } from "../../support/peers.ts";
import { RedisServer, type RedisServerOptions } from "../../support/redis.ts";
import { shellOutput } from "../../support/shell.ts";

const peer = needs("redis-server");
const VERSIONS = [2, 3] as const;

interface Session {
  readonly server: RedisServer;
  readonly redis: RedisClient;
  /** Connects once more, with the same version of the protocol. */
  open(more?: Partial<RedisOptions>): Promise<RedisClient>;
}

/** Registers a test, once for each version of the protocol, of a client with a server of its own. */
function realTest(
  name: string,
  work: (session: Session) => Promise<void>,
  options: RedisServerOptions = {},
): void {
  for (const protocol of VERSIONS) {
    test(named(`RedisClient ${name} (RESP${protocol})`, peer), peer, async () => {
      await using server = await RedisServer.start(options);
      const open: Session["open"] = (more) =>
        RedisClient.connect({ url: server.url, protocol, ...more });
      await using redis = await open();
      assertStrictEquals(redis.version, protocol);
      await work({ server, redis, open });
    });
  }
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
  const large = new Uint8Array(5_000_000).fill(7);
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

realTest(
  "answers ten thousand commands that are on their way at once, in order",
  async ({ redis }) => {
    const answers = Array.from({ length: 10_000 }, () => redis.call("INCR", "n"));
    assertStrictEquals(redis.waiting, 10_000);
    assertEquals(await Promise.all(answers), Array.from({ length: 10_000 }, (_, i) => i + 1));
    assertStrictEquals(redis.waiting, 0);
  },
);

realTest("agrees with ioredis and redis-cli about what is stored", async ({ server, redis }) => {
  const other = new Redis(server.port, "127.0.0.1");
  try {
    await redis.call("SET", "a", "from here");
    assertEquals(await other.get("a"), "from here");
    await other.set("b", "from there");
    assertEquals(plain(await redis.call("GET", "b")), "from there");
    await other.xadd("stream", "1-1", "field", "value");
    const [entry] = entriesRead(await redis.call("XREAD", "STREAMS", "stream", 0));
    assertEquals([entry!.id, textOf(entry!.fields.get("field"))], ["1-1", "value"]);
    assertEquals(entriesRead(await redis.call("XREAD", "STREAMS", "stream", "1-1")), []);
    const told = await shellOutput(`redis-cli -p ${server.port} get a`);
    assertEquals(told, "from here\n");
  } finally {
    other.disconnect();
  }
});

realTest("tells errors by the command, and goes on", async ({ redis }) => {
  await redis.call("SET", "text", "x");
  const [wrong, unknown, ok] = await Promise.allSettled([
    redis.call("LPUSH", "text", "y"),
    redis.call("BOGUS"),
    redis.call("GET", "text"),
  ]);
  const { reason } = wrong as PromiseRejectedResult;
  assert(reason instanceof RedisError);
  assertEquals([reason.command, reason.code], ["LPUSH", "WRONGTYPE"]);
  assertMatch(reason.message, /^LPUSH: WRONGTYPE /);
  assertMatch(String((unknown as PromiseRejectedResult).reason), /BOGUS: ERR unknown command/);
  assertEquals(plain((ok as PromiseFulfilledResult<Value>).value), "x");
});

realTest("does commands together with multi(), or none of them", async ({ redis, open }) => {
  await using other = await open();
  // Another client's commands never come in between: each pair adds one and takes it back.
  const pairs = [redis, other].flatMap((client) =>
    Array.from({ length: 200 }, () => client.multi([["INCR", "n"], ["DECR", "n"]]))
  );
  for (const answers of await Promise.all(pairs)) assertEquals(answers, [1, 0]);

  const [set, failed, got] = await redis.multi([["SET", "a", "x"], ["INCR", "a"], ["GET", "a"]]);
  assertEquals([set, plain(got!)], ["OK", "x"]);
  assert(failed instanceof RespError);
  assertMatch(failed.message, /not an integer/);

  const refused = redis.multi([["SET", "a", "y"], ["BOGUS"]]);
  await assertRejects(() => refused, RedisError, "BOGUS: ERR unknown command");
  assertEquals(plain(await redis.call("GET", "a")), "x");

  await redis.call("WATCH", "a");
  await other.call("SET", "a", "z");
  const late = redis.multi([["SET", "a", "mine"]]);
  await assertRejects(() => late, RedisError, "EXEC: nothing was done");
  assertEquals(plain(await redis.call("GET", "a")), "z");
});

realTest("waits for what comes later on a connection of its own", async ({ redis, open }) => {
  await using blocking = await open();
  const popped = blocking.call("BLPOP", "list", 0);
  assertEquals(await redis.call("PING"), "PONG"); // nobody waits for it
  await redis.call("RPUSH", "list", "x");
  assertEquals(plain(await popped), ["list", "x"]);
  assertEquals(await blocking.call("BLPOP", "list", 0.01), null);
});

realTest("gives up a server that does not answer in time", async ({ open }) => {
  const hasty = await open({ timeout: 100 });
  const first = hasty.call("BLPOP", "list", 0);
  const second = hasty.call("PING");
  await assertRejects(() => first, RedisError, "BLPOP: the server has not answered within 100 ms");
  await assertRejects(() => second, RedisError, "PING: whether it was done is not known");
  assertMatch(String(await hasty.closed), /100 ms/);
  await assertRejects(() => hasty.call("PING"), RedisError, "the connection has ended");
});

realTest(
  "refuses more commands than may wait, and those that would break the order",
  async ({ open }) => {
    await using redis = await open({ maxCalls: 3 });
    const three = [1, 2, 3].map((n) => redis.call("ECHO", n));
    await assertRejects(() => redis.call("PING"), RedisError, "3 commands wait");
    assertEquals((await Promise.all(three)).map(plain), ["1", "2", "3"]);
    await assertRejects(
      () => redis.multi([["PING"], ["PING"]]),
      RedisError,
      "MULTI: 0 commands wait",
    );
    for (
      const words of [["MONITOR"], ["client", "reply", "off"], ["Reset"], ["PSYNC", "?", "-1"]]
    ) {
      await assertRejects(() => redis.call(...words), RedisError, "is not for this client");
    }
    await assertRejects(() => redis.call(), TypeError, "at least a word");
    assertEquals(await redis.call("PING"), "PONG");
  },
);

realTest(
  "rejects what waits when the server is killed, and sends nothing again",
  async ({ server, open }) => {
    const redis = await open();
    const waits = [redis.call("BLPOP", "list", 0), redis.multi([["PING"]])].map((each) =>
      assertRejects(() => each, RedisError, "whether it was done is not known")
    );
    await using other = await open();
    await other.call("PING");
    await server.kill();
    await Promise.all(waits);
    await assertRejects(() => redis.call("PING"), RedisError, "PING: the connection has ended");
    await assertRejects(() => open(), ConnectionError, "refused");
  },
);

realTest("waits with close() for the answers that are owed", async ({ open }) => {
  const redis = await open();
  const answers = [1, 2, 3].map((n) => redis.call("ECHO", n));
  const closing = redis.close();
  await assertRejects(() => redis.call("PING"), RedisError, "PING: the client is closing");
  assertEquals((await Promise.all(answers)).map(plain), ["1", "2", "3"]);
  await closing;
  await redis.close();
});

realTest("chooses the database that the URL says", async ({ server, redis, open }) => {
  await using third = await open({ url: `${server.url}/3` });
  await third.call("SET", "a", "x");
  assertEquals(await redis.call("GET", "a"), null);
  await redis.call("SELECT", 3);
  assertEquals(plain(await redis.call("GET", "a")), "x");
  await assertRejects(() => open({ url: `${server.url}/99` }), RedisError, "SELECT: ERR DB index");
});

const PASSWORD = "pass word/@:ä";
const withUser = (server: RedisServer, user: string, password: string): string =>
  `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`;

for (const protocol of VERSIONS) {
  test(
    named(`RedisClient says who it is, and is refused (RESP${protocol})`, peer),
    peer,
    async () => {
      await using server = await RedisServer.start({
        settings: [`requirepass "${PASSWORD}"`, `user ada on ">${PASSWORD}" ~* +@all`],
      });
      for (const user of ["", "default", "ada"]) {
        await using redis = await RedisClient.connect({
          url: withUser(server, user, PASSWORD),
          protocol,
        });
        assertEquals([redis.version, plain(await redis.call("ACL", "WHOAMI"))], [
          protocol,
          user || "default",
        ]);
      }
      for (
        const [user, password] of [["", "wrong"], ["ada", "wrong"], ["eve", PASSWORD]] as const
      ) {
        const refused = RedisClient.connect({ url: withUser(server, user, password), protocol });
        const { message } = await assertRejects(() => refused, RedisError, "WRONGPASS");
        assert(!message.includes(password), message);
      }
      const nobody = RedisClient.connect({ url: `${server.url}/1`, protocol });
      await assertRejects(() => nobody, RedisError, "NOAUTH");
    },
  );

  test(named(`RedisClient speaks TLS (RESP${protocol})`, peer), peer, async () => {
    const authority = new Authority();
    const { cert, key } = authority.sign("IP:127.0.0.1");
    await using server = await RedisServer.start({
      settings: [
        "tls-cert-file FOLDER/cert.pem",
        "tls-key-file FOLDER/key.pem",
        "tls-ca-cert-file FOLDER/ca.pem",
        "tls-auth-clients no",
      ],
      files: {
        "cert.pem": cert as string,
        "key.pem": key as string,
        "ca.pem": authority.ca as string,
      },
      tls: true,
    });
    const url = `rediss://127.0.0.1:${server.port}`;
    await using redis = await RedisClient.connect({ url, protocol, tls: { ca: authority.ca } });
    const echoes = Array.from({ length: 1_000 }, (_, n) => redis.call("ECHO", n));
    assertEquals(
      (await Promise.all(echoes)).map(textOf),
      Array.from({ length: 1_000 }, (_, n) => `${n}`),
    );
    await assertRejects(
      () => RedisClient.connect({ url, protocol }),
      ConnectionError,
      "certificate",
    );
  });
}

test(named("RedisClient keeps pushes apart from answers", peer), peer, async () => {
  await using server = await RedisServer.start();
  const pushes: Value[] = [];
  let heard = (): void => {};
  const onPush = ({ items }: Push): void => {
    pushes.push(plain([...items]));
    heard();
  };
  const pushed = (count: number): Promise<void> =>
    new Promise((resolve) => {
      heard = () => pushes.length >= count && resolve();
      heard();
    });
  await using redis = await RedisClient.connect({ url: server.url, onPush });
  await using other = await RedisClient.connect({ url: server.url, protocol: 2 });
  assertEquals(plain(await redis.call("SUBSCRIBE", "news")), ["subscribe", "news", 1]);
  await redis.call("CLIENT", "TRACKING", "ON");
  await redis.call("GET", "a");
  // Answers and pushes come through one another.
  const answers = Array.from({ length: 100 }, (_, n) => redis.call("ECHO", n));
  for (let n = 0; n < 100; n++) await other.call("PUBLISH", "news", n);
  await other.call("SET", "a", "x");
  assertEquals(
    (await Promise.all(answers)).map(textOf),
    Array.from({ length: 100 }, (_, n) => `${n}`),
  );
  await pushed(101);
  const news = Array.from({ length: 100 }, (_, n) => ["message", "news", `${n}`]);
  assertEquals(pushes, [...news, ["invalidate", ["a"]]]);
  assertEquals(plain(await redis.call("UNSUBSCRIBE", "news")), ["unsubscribe", "news", 0]);
  await assertRejects(() => redis.call("SUBSCRIBE", "a", "b"), RedisError, "one channel at a time");
  await assertRejects(() => other.call("SUBSCRIBE", "a"), RedisError, "needs version 3");
});

test("RedisClient falls back to version 2 where the server knows no other", async () => {
  const heard: string[] = [];
  const old = await serve({ port: 0, terminator: commands }, async (chat) => {
    for await (const frame of chat) {
      const words = parseCommand(frame).map(text).join(" ");
      heard.push(words);
      chat.push(words.startsWith("HELLO") ? "-ERR unknown command 'HELLO'\r\n" : "+OK\r\n");
    }
  });
  const { port } = old.address;
  for (const [user, auth] of [["", "AUTH secret"], ["ada", "AUTH ada secret"]] as const) {
    heard.length = 0;
    await using redis = await RedisClient.connect({
      url: `redis://${user}:secret@127.0.0.1:${port}/2`,
    });
    assertStrictEquals(redis.version, 2);
    assertEquals(heard, [`HELLO 3 AUTH ${user || "default"} secret`, auth, "SELECT 2"]);
  }
  await old.shutdown({ grace: 0 });
});

test("RedisClient talks to the RESP server of these examples", async () => {
  const store = new Store();
  const server = await serve({ port: 0, terminator: commands }, (chat) => serveResp(chat, store));
  const url = `redis://127.0.0.1:${server.address.port}`;
  for (const protocol of VERSIONS) {
    await using redis = await RedisClient.connect({ url, protocol });
    assertEquals(await redis.call("SET", "a", protocol), "OK");
    assertEquals(plain(await redis.call("GET", "a")), String(protocol));
  }
  await server.shutdown({ grace: 0 });
});

test("RedisClient gives up a server that is silent from the beginning", async () => {
  await using listener = await listen({ port: 0, terminator: null });
  const url = `redis://127.0.0.1:${listener.address.port}`;
  const connecting = RedisClient.connect({ url, timeout: 50 });
  await assertRejects(
    () => connecting,
    RedisError,
    "HELLO: the server has not answered within 50 ms",
  );
  (await listener.accept())!.close();
});

const SAMPLES = [
  "%2\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n+OK\r\n$1\r\nx\r\n*2\r\n+a\r\n:1\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\nx\r\n",
  "-NOPROTO unsupported\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+OK\r\n-ERR no\r\n_\r\n+OK\r\n-ERR bad\r\n-EXECABORT\r\n",
  "*4\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:7\r\n|1\r\n+ttl\r\n:3\r\n$-1\r\n~1\r\n,1.5\r\n(99999999999999999999\r\n#t\r\n!3\r\nERR\r\n",
];

/** What one does with a server that may say anything: each call has its answer, or its error, in the end. */
async function use(options: RedisOptions): Promise<void> {
  try {
    const redis = await RedisClient.connect({ timeout: 2_000, ...options });
    const calls = [
      redis.call("SET", "a", "x"),
      redis.call("GET", "a"),
      redis.call("LRANGE", "b", 0, -1),
      redis.multi([["GET", "a"]]),
    ];
    for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) {
      assert(reason === undefined || reason instanceof RedisError, String(reason));
    }
    redis.abort();
    await redis.closed;
  } catch (error) {
    assert(error instanceof ChatError || error instanceof RedisError, String(error));
  }
}

test("RedisClient survives 10,000 servers that send nonsense", () =>
  attackClient({
    samples: SAMPLES,
    use: (port) => use({ url: `redis://127.0.0.1:${port}` }),
  }));

test("RedisClient survives 10,000 servers that send nonsense over connections that break", () =>
  attack({
    samples: SAMPLES,
    serve: (connection) =>
      use({
        url: "redis://nowhere",
        dial: (options) => Promise.resolve(new Chat(connection, options)),
      }),
  }));

test("RedisClient gives up a server whose answer is too long, or too deep", async () => {
  for (
    const [answer, complaint] of [
      [bytes("$4000\r\n"), /the maxFrameLength of 1000/],
      [concat(Array.from({ length: 40 }, () => bytes("*1\r\n")).concat(bytes(":1\r\n"))), /deep/],
      [bytes("?\r\n"), /no value begins with/],
    ] as const
  ) {
    const server = await serve({ port: 0, terminator: commands }, async (chat) => {
      await chat.read();
      chat.push(answer);
      await chat.read();
    });
    const connecting = RedisClient.connect({
      url: `redis://127.0.0.1:${server.address.port}`,
      maxReply: 1_000,
    });
    const { message } = await assertRejects(() => connecting, RedisError, "HELLO");
    assertMatch(message, complaint);
    await server.shutdown({ grace: 0 });
  }
});
