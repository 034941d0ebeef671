/** The RESP server, by its handler, and as a program, with clients that nobody here wrote. */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { Redis } from "ioredis";
import { encodeCommand } from "../../examples/resp/encode.ts";
import { commands, replies } from "../../examples/resp/framing.ts";
import { parseValue } from "../../examples/resp/parse.ts";
import { serveResp } from "../../examples/resp/server.ts";
import { ENTRY, Store } from "../../examples/resp/store.ts";
import { RespError, type Value } from "../../examples/resp/value.ts";
import { Chat, connect, type Connection, Framer, memoryPair } from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

interface Session {
  /** Does a command, and returns the answer. */
  ask(...words: (string | Uint8Array | number)[]): Promise<Value>;
  readonly chat: Chat;
}

const newChat = (connection: Connection): Chat => new Chat(connection, { terminator: commands });
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
    const frame = await chat.read();
    return frame === null ? null : plain(parseValue(frame));
  };
  await work({ ask, chat });
  await Promise.all([chat.closeWhenDone(), served]);
}

/** Bytes as text, which is easier to compare. */
function plain(value: Value): Value {
  if (value instanceof Uint8Array) return text(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

const error = (message: string): RespError => new RespError(message);
const WRONG_NUMBER = error("ERR value is not an integer or out of range");
const SYNTAX = error("ERR syntax error");

test("the RESP server answers each command as Redis does", () =>
  withServer(async ({ ask }) => {
    const conversation: readonly (readonly [string, Value])[] = [
      ["ping", "PONG"],
      ["PING hello", "hello"],
      ["echo hello", "hello"],
      ["get a", null],
      ["set a 1", "OK"],
      ["get a", "1"],
      ["set a 2 nx", null],
      ["set b 2 xx", null],
      ["set a 2 xx get", "1"],
      ["set a 3 bogus", SYNTAX],
      ["set a 3 ex", SYNTAX],
      ["set a 3 ex x", WRONG_NUMBER],
      ["set a 3 ex 0", error("ERR invalid expire time in 'set' command")],
      ["set a 3 nx xx", SYNTAX],
      ["ttl a", -1],
      ["set a 3 ex 100", "OK"],
      ["ttl a", 100],
      ["set a 3 keepttl", "OK"],
      ["ttl a", 100],
      ["persist a", 1],
      ["persist a", 0],
      ["ttl a", -1],
      ["ttl none", -2],
      ["expire none 1", 0],
      ["expire a 10", 1],
      ["expire a x", WRONG_NUMBER],
      ["set a 3", "OK"],
      ["pttl a", -1],
      ["pexpire a 0", 1],
      ["exists a", 0],
      ["incr n", 1],
      ["incrby n 41", 42],
      ["decr n", 41],
      ["decrby n 1", 40],
      ["incrby n x", WRONG_NUMBER],
      ["set s hello", "OK"],
      ["incr s", WRONG_NUMBER],
      ["set big 9223372036854775807", "OK"],
      ["incr big", error("ERR increment or decrement would overflow")],
      ["incrby n 9223372036854775807", error("ERR increment or decrement would overflow")],
      ["decrby n -9223372036854775808", error("ERR decrement would overflow")],
      ["incrby n 9223372036854775808", WRONG_NUMBER],
      ["incrby n 01", WRONG_NUMBER],
      ["get n", "40"],
      ["expire n 9223372036854775807", error("ERR invalid expire time in 'expire' command")],
      ["pexpire n 9223372036854775807", error("ERR invalid expire time in 'pexpire' command")],
      ["set n 5 ex 9223372036854775807", error("ERR invalid expire time in 'set' command")],
      ["get n", "40"],
      ["expire n 9000000000000000", 1],
      ["ttl n", 9000000000000000],
      ["pttl n", 9000000000000000000n],
      ["persist n", 1],
      ["set gone x", "OK"],
      ["expire gone -1", 1],
      ["get gone", null],
      [`keys ${"*a".repeat(1_000)}`, error("ERR the pattern is too long")],
      [`scan 0 match ${"*a".repeat(1_000)}`, error("ERR the pattern is too long")],
      ["append s !", 6],
      ["strlen s", 6],
      ["getset s x", "hello!"],
      ["getdel s", "x"],
      ["setnx s y", 1],
      ["setnx s z", 0],
      ["mset k1 v1 k2 v2", "OK"],
      ["mset k1 v1 k2", error("ERR wrong number of arguments for 'mset' command")],
      ["mget k1 none k2", ["v1", null, "v2"]],
      ["exists k1 k1 none", 2],
      ["type k1", "string"],
      ["type none", "none"],
      ["keys k?", ["k1", "k2"]],
      ["scan 0 match k? count 5", ["0", ["k1", "k2"]]],
      ["del k1 none", 1],
      ["unlink k2", 1],
      ["dbsize", 3],
      ["select 0", "OK"],
      ["select 1", error("ERR DB index is out of range")],
      ["client setname ada", "OK"],
      ["client getname", "ada"],
      ["client bogus", error("ERR unknown subcommand 'bogus'")],
      ["config get save", ["save", ""]],
      ["config set save x", error("ERR this server's settings cannot be changed")],
      ["command", []],
      ["flushall", "OK"],
      ["dbsize", 0],
      ["get", error("ERR wrong number of arguments for 'get' command")],
      ["get a b", error("ERR wrong number of arguments for 'get' command")],
      ["bogus a b", error("ERR unknown command 'bogus', with args beginning with: 'a' 'b' ")],
      ["hello 4", error("NOPROTO unsupported protocol version")],
    ];
    for (const [line, answer] of conversation) {
      assertEquals(await ask(...line.split(" ")), answer, line);
    }
    const hello = await ask("hello", "3") as Map<Value, Value>;
    assertEquals([hello.get("proto"), hello.get("modules")], [3, []]);
    assertEquals(
      await ask("config", "get", "*"),
      new Map([["appendonly", bytes("no")], ["save", bytes("")]]),
    );
    assertEquals(await ask("quit"), "OK");
    assertEquals(await ask("ping"), null);
  }));

test("the RESP server keeps keys and values of any bytes", () =>
  withServer(async ({ ask, chat }) => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    assertEquals(await ask("set", all, all), "OK");
    chat.push(...encodeCommand(["get", all]));
    assertEquals(parseValue((await chat.read())!), all);
    const large = new Uint8Array(1024 * 1000).fill(7);
    assertEquals(await ask("set", "large", large), "OK");
    assertEquals(await ask("strlen", "large"), large.length);
  }));

test("the RESP server refuses what there is no room for", () =>
  withServer(async ({ ask }) => {
    assertEquals(await ask("set", "a", "x".repeat(90)), "OK");
    const refusal = await ask("set", "b", "x".repeat(90)) as RespError;
    assertEquals(refusal.code, "OOM");
    assertEquals(await ask("append", "a", "x".repeat(90)), refusal);
    assertEquals(await ask("del", "a"), 1);
    assertEquals(await ask("set", "b", "x".repeat(90)), "OK");
  }, new Store(ENTRY + 100)));

test("the RESP server answers a pipeline in order, and in few writes", () =>
  withServer(async ({ chat }) => {
    const pipeline = Array.from({ length: 100 }, (_, i) => encodeCommand(["echo", i])).flat();
    chat.push(...pipeline);
    for (let i = 0; i < 100; i++) assertEquals(plain(parseValue((await chat.read())!)), String(i));
    chat.push(...encodeCommand(["set", "large", "x".repeat(500_000)]));
    await chat.read();
    chat.push(...Array.from({ length: 100 }, () => encodeCommand(["get", "large"])).flat());
    for (let i = 0; i < 100; i++) {
      assertEquals((parseValue((await chat.read())!) as Uint8Array).length, 500_000);
    }
    chat.push(...encodeCommand(["keys", "*"]));
    assertEquals(plain(parseValue((await chat.read())!)), ["large"]);
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

test("the RESP server survives 10,000 clients that send nonsense", () => {
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
      for (const frame of framer) assert(parseValue(frame) !== undefined);
    },
  });
});

async function withProgram(work: (port: number, program: Program) => Promise<void>): Promise<void> {
  await using program = new Program(command(CURRENT, "examples/resp_server.ts", "--port", "0"));
  await work(await program.listening(), program);
}

const cli = needs("redis-cli");
test(named("redis-cli gets what it has set", cli), cli, () =>
  withProgram(async (port) => {
    const ask = async (line: string): Promise<string> =>
      (await shellOutput(`redis-cli -p ${port} ${line}`)).trimEnd();
    assertEquals(await ask('set "a key" "some words"'), "OK");
    assertEquals(await ask('get "a key"'), "some words");
    assertEquals(await ask("-3 hello 3 | grep -c proto"), "1");
    assertEquals(await ask("incr n"), "1");
    assertEquals(await ask("get"), "ERR wrong number of arguments for 'get' command");
    const all = await shellOutput(
      `printf '\\000\\001\\377\\r\\n' | redis-cli -p ${port} -x set binary >&2; ` +
        `redis-cli -p ${port} --no-raw get binary`,
    );
    assertEquals(all.trim(), '"\\x00\\x01\\xff\\r\\n"');
    const piped = await shellOutput(
      `seq 1 20000 | sed 's/.*/SET key& value&/' | redis-cli -p ${port} --pipe`,
    );
    assertMatch(piped, /errors: 0, replies: 20000/);
    assertEquals(await ask("dbsize"), "20003");
    assertEquals(await ask("get key20000"), "value20000");
  }));

const benchmark = needs("redis-benchmark");
test(
  named("redis-benchmark runs, with pipelines and without", benchmark),
  benchmark,
  () =>
    withProgram(async (port) => {
      for (
        const options of [
          "-t ping,set,get,incr,mset -n 2000",
          "-t set,get -n 10000 -P 16",
          "-t set,get -n 2000 -3",
        ]
      ) {
        const told = await shellOutput(`redis-benchmark -p ${port} -q ${options} 2>&1`);
        assertMatch(told, /GET: [\d.]+ requests per second/);
        assert(!/error|warning/i.test(told), told);
      }
    }),
);

const nc = needs("nc");
test(named("nc talks to the RESP server in lines", nc), nc, () =>
  withProgram(async (port) => {
    const heard = await shellOutput(
      `printf 'ping\\nset a 1\\nincr a\\nquit\\n' | nc 127.0.0.1 ${port}`,
    );
    assertEquals(heard, "+PONG\r\n+OK\r\n:2\r\n+OK\r\n");
  }));

test("ioredis talks to the RESP server, also in pipelines, and with several clients", () =>
  withProgram(async (port) => {
    const clients = Array.from({ length: 5 }, () => new Redis(port, "127.0.0.1"));
    try {
      const [first] = clients;
      assertEquals(await first!.set("a", "1", "EX", 100), "OK");
      assertEquals(await first!.ttl("a"), 100);
      assertEquals(await Promise.all(clients.map((client) => client.get("a"))), Array(5).fill("1"));
      const pipeline = first!.pipeline();
      for (let i = 0; i < 100; i++) pipeline.incr("n");
      const answers = await pipeline.exec();
      assertEquals(answers, Array.from({ length: 100 }, (_, i) => [null, i + 1]));
      await Promise.all(
        clients.flatMap((client) => Array.from({ length: 50 }, () => client.incr("m"))),
      );
      assertEquals(await first!.get("m"), "250");
      assertEquals(await first!.getBuffer("a").then((value) => value?.toString()), "1");
      const refused = await first!.call("bogus").catch((error: Error) => error.message);
      assertMatch(String(refused), /^ERR unknown command 'bogus'/);
    } finally {
      for (const client of clients) client.disconnect();
    }
  }));

test("the RESP server program goes on when clients vanish, and stops at Ctrl-C", () =>
  withProgram(async (port, program) => {
    for (let i = 0; i < 20; i++) {
      const socket = connectSocket(port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("*2\r\n$3\r\nGET\r\n$100\r\nabc");
      socket.resetAndDestroy();
    }
    const chat = await connect({ port, terminator: "\r\n", encoding: "utf-8" });
    await chat.push("PING\r\n");
    assertEquals(await chat.read(), "+PONG");
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
    chat.close();
  }));

test("the RESP server program says what is wrong with how it was started", async () => {
  const wrong: readonly (readonly [args: string[], code: number, message: RegExp])[] = [
    [["--bogus"], 2, /usage: resp_server/],
    [["--port", "x"], 2, /^--port must be a number, not "x"$/],
    [["--max-memory", "1k"], 2, /^--max-memory must be a number, not "1k"$/],
  ];
  for (const [args, code, message] of wrong) {
    const output = await run(command(CURRENT, "examples/resp_server.ts", ...args));
    assertMatch(output.stderr.trim(), message);
    assertStrictEquals(output.code, code);
  }
  const help = await run(command(CURRENT, "examples/resp_server.ts", "--help"));
  assertEquals([help.code, help.lines[0]?.startsWith("usage: resp_server")], [0, true]);
});
