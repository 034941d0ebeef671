/** The RESP server, by its handler, and as a program, with clients that nobody here wrote. */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Redis } from "ioredis";
import { encodeCommand } from "../../examples/resp/encode.ts";
import { commands, replies } from "../../examples/resp/framing.ts";
import { fromKey, toKey } from "../../examples/resp/key.ts";
import { matches } from "../../examples/resp/pattern.ts";
import { serveResp } from "../../examples/resp/server.ts";
import { ENTRY, Store } from "../../examples/resp/store.ts";
import { RespError, type Value } from "../../examples/resp/value.ts";
import { Chat, connect, type Connection, Framer, memoryPair } from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { ExampleServer } from "../support/examples.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { PATIENCE } from "../support/limits.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { RedisServer } from "../support/redis.ts";
import { shellOutput } from "../support/shell.ts";

interface Session {
  /** Does a command, and returns the answer, with texts for bytes. */
  ask(...words: (string | Uint8Array | number)[]): Promise<Value>;
  readonly chat: Chat<Value>;
}

const newChat = (connection: Connection): Chat<Uint8Array[]> =>
  new Chat(connection, { terminator: commands });
const handle = (connection: Connection, store: Store): Promise<unknown> =>
  handledBy(newChat, (chat) => serveResp(chat, store))(connection);

/** Talks with a server that has a store of its own. */
async function withServer(
  work: (session: Session) => Promise<void>,
  store: Store = new Store(),
): Promise<void> {
  const [left, right] = memoryPair();
  const served = handle(left, store);
  const chat = new Chat(right, { terminator: replies });
  const ask: Session["ask"] = async (...words) => {
    chat.push(...encodeCommand(words));
    return plain(await chat.read());
  };
  await work({ ask, chat });
  await Promise.all([chat.closeWhenDone(), served]);
}

/** Bytes as text, which is easier to compare. */
function plain(value: Value): Value {
  if (value instanceof Uint8Array) return text(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

peerTest("redis-server", "the RESP server answers each command as Redis does", async () => {
  const commands =
    `ping|get a|set a 1|get a|set a 2 nx|set b 2 xx|set a 2 xx get|set a 3 bogus|set a 3 ex
    set a 3 ex x|set a 3 ex 0|set a 3 nx xx|ttl a|persist a|ttl none|expire none 1|expire a x|set a 3
    pttl a|pexpire a 0|exists a|incr n|incrby n 41|decr n|decrby n 1|incrby n x|set s hello|incr s
    set big 9223372036854775807|incr big|incrby n 9223372036854775807|decrby n -9223372036854775808
    incrby n 9223372036854775808|incrby n 01|get n|expire n 9223372036854775807|pexpire n 9223372036854775807
    set n 5 ex 9223372036854775807|get n|expire n 1000|persist n|set gone x|expire gone -1|get gone
    append s !|strlen s|getset s x|getdel s|setnx s y|setnx s z|mset k1 v1 k2 v2|mset k1 v1 k2|mget k1 none k2
    exists k1 k1 none|type k1|type none|keys k1*|del k1 none|unlink k2|dbsize|select 0|select 99999
    mset hello 1 hallo 1 hllo 1 heeello 1 a* 1 ab 1 a[b 1|keys *|keys h?llo|keys h*l*o|keys h[ae]llo
    keys h[^e]llo|keys h[a-c]llo|keys a\\*|keys a[b|keys x
    client setname ada|client getname|config get save|flushall|dbsize|get|get a b|bogus a b|hello 4`;
  await using server = await RedisServer.start();
  const real = await connect({ port: server.port, terminator: replies });
  await withServer(async ({ ask }) => {
    for (const line of commands.split(/\||\n\s*/)) {
      const words = line.split(" ");
      real.push(...encodeCommand(words));
      const [ours, theirs] = [await ask(...words), plain(await real.read())];
      const sorted = (value: Value): Value =>
        Array.isArray(value) && line.startsWith("keys ") ? value.toSorted() : value;
      assertEquals(sorted(ours), sorted(theirs), line);
    }
  });
  await real.closeWhenDone();
});

test("the RESP server tells time, takes no pattern that would keep it busy, and quits", () =>
  withServer(async ({ ask }) => {
    const tooLong = new RespError("ERR the pattern is too long");
    const conversation: readonly (readonly [string, Value])[] = [
      ["set a 3 ex 100", "OK"],
      ["set a 3 keepttl", "OK"],
      ["ttl a", 100],
      ["expire a 9000000000000000", 1],
      ["ttl a", 9000000000000000],
      ["pttl a", 9000000000000000000n],
      ["scan 0 match a? count 5", ["0", []]],
      [`keys ${"*a".repeat(1_000)}`, tooLong],
      [`scan 0 match ${"*a".repeat(1_000)}`, tooLong],
      ["config set save x", new RespError("ERR this server's settings cannot be changed")],
      ["command", []],
    ];
    for (const [line, answer] of conversation) {
      assertEquals(await ask(...line.split(" ")), answer, line);
    }
    const hello = await ask("hello", "3") as Map<Value, Value>;
    assertEquals([hello.get("proto"), hello.get("modules")], [3, []]);
    assertEquals([await ask("quit"), await ask("ping")], ["OK", null]);
  }, new Store(Infinity, () => 1_000)));

test("the RESP server keeps keys and values of any bytes, and refuses what there is no room for", () =>
  withServer(async ({ ask, chat }) => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    assertEquals(await ask("set", all, all), "OK");
    chat.push(...encodeCommand(["get", all]));
    assertEquals(await chat.read(), all);
    assertEquals(await ask("del", all), 1);
    assertEquals(await ask("set", "a", "x".repeat(900)), "OK");
    const refusal = await ask("set", "b", "x".repeat(900)) as RespError;
    assertEquals(refusal.code, "OOM");
    assertEquals(await ask("append", "a", "x".repeat(900)), refusal);
    assertEquals(await ask("del", "a"), 1);
    assertEquals(await ask("set", "b", "x".repeat(900)), "OK");
  }, new Store(ENTRY + 1_000)));

test("the RESP server answers a pipeline in order, also where answers are more than it holds", () =>
  withServer(async ({ ask, chat }) => {
    await ask("set", "large", "x".repeat(500_000));
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    chat.push(
      ...numbers.flatMap((i) =>
        [encodeCommand(["get", "large"]), encodeCommand(["echo", i])].flat()
      ),
    );
    for (const i of numbers) {
      assertEquals((await chat.read() as Uint8Array).length, 500_000);
      assertEquals(plain(await chat.read()), String(i));
    }
  }));

test("the RESP server tells what is wrong with what is no command, after the answers before it, and closes", async () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["*1\r\n$4\r\nPING\r\n*x\r\n", "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"],
    ["*1000000000\r\n", "-ERR Protocol error: invalid multibulk length\r\n"],
    ["*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"],
    ["*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
    ["*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
    ["*-5\r\n", "-ERR Protocol error: invalid multibulk length\r\n"],
    ["*1\r\n*1\r\n$4\r\nPING\r\n", "-ERR Protocol error: expected '$', got '*'\r\n"],
    ["*1\r\n$99999999999999999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"],
    ["*1\r\n$4\r\nPINGxx", '-ERR Protocol error: 4 bytes must end with "\\r\\n"\r\n'],
    ["x".repeat(70_000) + "\r\n", "-ERR Protocol error: too big inline request\r\n"],
    ['get "a\r\n', "-ERR Protocol error: unbalanced quotes in request\r\n"],
    ["*2\r\n$3\r\nget\r\n$1\r\n", ""], // hangs up in the middle of it
  ];
  for (const [input, expected] of wrong) {
    const [left, right] = memoryPair();
    const served = handle(left, new Store());
    const chat = new Chat(right, { terminator: null });
    chat.push(input);
    if (expected === "") chat.closeWrite();
    const heard: Uint8Array[] = [];
    for await (const piece of chat) heard.push(piece);
    assertEquals(text(concat(heard)), expected, input);
    await Promise.all([chat.closeWhenDone(), served.catch(() => {})]);
  }
});

test("Store takes no more than it may, and counts what it has forgotten no longer", () => {
  let now = 1_000;
  const store = new Store(2 * ENTRY + 10, () => now);
  const value = bytes("hello");
  assertEquals(store.set("a", value), true);
  value.fill(0); // it has a copy
  assertEquals([store.get("a"), store.bytes, store.size], [bytes("hello"), ENTRY + 6, 1]);
  assertEquals(store.set("a", new Uint8Array(ENTRY + 10)), false);
  assertEquals([store.set("b", bytes("")), store.set("c", bytes(""))], [true, false]); // each takes room
  assertEquals([store.delete("b"), store.delete("b"), store.set("c", bytes(""))], [
    true,
    false,
    true,
  ]);
  for (const key of ["a", "c"]) store.expireAfter(key, 10);
  store.expireAfter("c", undefined);
  assertEquals([store.remaining("a"), store.remaining("c")], [10, undefined]);
  now += 10;
  assertEquals([[...store.keys()], store.get("a")], [["c"], undefined]); // whether it is asked for
  store.expireAfter("c", 10);
  now += 10;
  store.sweep(); // or not
  assertEquals([store.size, store.bytes], [0, 0]);
  const all = Uint8Array.from({ length: 100_000 }, (_, i) => i);
  assertEquals(fromKey(toKey(all)), all);
});

test("matches() needs linear time", () => {
  assertEquals(matches("*a".repeat(50), "a".repeat(10_000) + "b"), false);
});

test("the RESP server survives clients that send nonsense", () => {
  const store = new Store(1_000_000);
  return attack({
    serve: handledBy(newChat, (chat) => serveResp(chat, store)),
    samples: [
      "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
      "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
      'PING\r\nset a "b \\x41"\r\nget a\r\nkeys *\r\nHELLO 3\r\nappend a b\r\nexpire a 10\r\n',
      "*1\r\n$4\r\nQUIT\r\n",
    ],
    checkAnswer(answer) {
      const framer = new Framer({ terminator: replies, incomplete: "drop" });
      framer.push(answer);
      framer.end();
      for (const value of framer) assert(value !== undefined);
    },
  });
});

const start = (): Promise<ExampleServer> => ExampleServer.start("resp_server");

peerTest("redis-cli", "redis-cli gets what it has set", async () => {
  await using server = await start();
  const cli = `redis-cli -p ${server.port}`;
  const commands: readonly (readonly [line: string, output: string | RegExp])[] = [
    [`${cli} set "a key" "some words"`, "OK\n"],
    [`${cli} get "a key"`, "some words\n"],
    [`${cli} -3 hello 3 | grep -c proto`, "1\n"],
    [`${cli} get`, /^ERR wrong number of arguments/],
    [`printf '\\000\\001\\377\\r\\n' | ${cli} -x set binary`, "OK\n"],
    [`${cli} --no-raw get binary`, '"\\x00\\x01\\xff\\r\\n"\n'],
    [`seq 1 5000 | sed 's/.*/SET key& value&/' | ${cli} --pipe`, /errors: 0, replies: 5000/],
    [`${cli} dbsize`, "5002\n"],
    [`${cli} get key5000`, "value5000\n"],
  ];
  for (const [line, output] of commands) {
    const heard = await shellOutput(line);
    if (typeof output === "string") assertEquals(heard, output, line);
    else assertMatch(heard, output);
  }
});

peerTest("redis-benchmark", "redis-benchmark runs, with pipelines and without", async () => {
  await using server = await start();
  const all = [
    "-t ping,set,get,incr,mset -n 1000",
    "-t set,get -n 10000 -P 16",
    "-t get -n 1000 -3",
  ];
  for (const options of all) {
    const heard = await shellOutput(`redis-benchmark -p ${server.port} -q ${options} 2>&1`);
    assertMatch(heard, /GET: [\d.]+ requests per second/);
    assert(!/error|warning/i.test(heard), heard);
  }
});

peerTest("nc", "nc talks to the RESP server in lines", async () => {
  await using server = await start();
  const input = "ping\\nset a 1\\nincr a\\nquit\\n";
  const heard = await shellOutput(`printf '${input}' | nc 127.0.0.1 ${server.port}`);
  assertEquals(heard, "+PONG\r\n+OK\r\n:2\r\n+OK\r\n");
});

test("ioredis talks to the RESP server, which goes on when clients vanish, and stops at Ctrl-C", async () => {
  await using server = await start();
  for (let i = 0; i < 20; i++) {
    const socket = connectSocket(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("*2\r\n$3\r\nGET\r\n$100\r\nabc");
    socket.resetAndDestroy();
  }
  const clients = Array.from(
    { length: 5 },
    () =>
      new Redis(server.port, "127.0.0.1", { connectTimeout: PATIENCE, retryStrategy: () => null }),
  );
  const [first] = clients;
  assertEquals(await first!.set("a", "1", "EX", 1_000_000), "OK");
  assertEquals(await Promise.all(clients.map((client) => client.get("a"))), Array(5).fill("1"));
  const pipeline = first!.pipeline();
  for (let i = 0; i < 100; i++) pipeline.incr("n");
  const answers = await pipeline.exec();
  assertEquals(answers, Array.from({ length: 100 }, (_, i) => [null, i + 1]));
  const increments = Array.from({ length: 50 }, () => clients.map((client) => client.incr("m")));
  await Promise.all(increments.flat());
  assertEquals(await first!.get("m"), "250");
  const refused = await first!.call("bogus").catch((error: Error) => error.message);
  assertMatch(String(refused), /^ERR unknown command/);
  await Promise.all(clients.map((client) => client.quit()));
  await server.stop();
});
