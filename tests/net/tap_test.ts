import { test } from "node:test";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Chat,
  connect,
  type Connection,
  ConnectionError,
  listen,
  memoryPair,
  serve,
  tap,
} from "../../mod.ts";
import { bytes } from "../support/bytes.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";

checkConnection("tap()", () => {
  const [left, right] = memoryPair();
  return Promise.resolve([tap(left, () => {}), tap(right, () => {})]);
});

test("tap() tells what is written and read, the ends, and the close", async () => {
  const [left, right] = memoryPair();
  const seen: string[] = [];
  const connection = tap(left, (line) => seen.push(line));
  const chat = new Chat(connection, { terminator: "\n", encoding: "utf-8" });
  chat.push("hello\n");
  await chat.closeWrite();
  await right.write(bytes("x".repeat(100) + "\n"));
  await right.closeWrite();
  await chat.read();
  await chat.read();
  connection.close(new Error("enough"));
  assertEquals(seen, [
    '> 6 bytes "hello\\n"',
    "> end",
    `< 101 bytes "${"x".repeat(40)}"...`,
    "< end",
    "close Error: enough",
  ]);
  right.close();
});

test("tap() tells what went wrong, and passes it on", async () => {
  const connection = new ScriptedConnection();
  const seen: string[] = [];
  const tapped = tap(connection, (line) => seen.push(line));
  connection.arrive(new ConnectionError("reset", "it broke"));
  await assertRejects(() => tapped.read(), ConnectionError, "it broke");
  connection.hold();
  const writing = tapped.write(bytes("x"));
  connection.release(new ConnectionError("reset", "it broke again"));
  await assertRejects(() => writing, ConnectionError);
  assertEquals(seen, [
    "< error ConnectionError: it broke",
    "> error ConnectionError: it broke again",
  ]);
});

test("tap() passes everything on, also when the log throws", async () => {
  const [left, right] = memoryPair();
  const chat = new Chat(
    tap(left, () => {
      throw new Error("the log is full");
    }),
    { terminator: "\n", encoding: "utf-8" },
  );
  await chat.send("hello");
  await chat.flush();
  assertEquals(await right.read(), bytes("hello\n"));
  chat.close();
  assertEquals([await chat.closed, await right.read()], [undefined, null]);
});

test("tap() refuses a log that is none", () => {
  const [left] = memoryPair();
  assertThrows(() => tap(left, "seen" as unknown as () => void), TypeError, "not string");
});

test("connect(), listen() and serve() put what wrap says between the connection and the chat", async () => {
  const seen: string[] = [];
  const wrapAs = (name: string) => (connection: Connection): Connection =>
    tap(connection, (line) => seen.push(`${name} ${line}`));
  const lines = { terminator: "\n", encoding: "utf-8" } as const;
  const server = await serve({ port: 0, ...lines, wrap: wrapAs("server") }, async (chat) => {
    for await (const line of chat) await chat.send(line);
  });
  const client = await connect({ port: server.address.port, ...lines, wrap: wrapAs("client") });
  await client.send("hello");
  assertEquals(await client.read(), "hello");
  for (const who of ["client", "server"]) {
    const said = seen.filter((line) => line.startsWith(who)).sort();
    assertEquals(said, [`${who} < 6 bytes "hello\\n"`, `${who} > 6 bytes "hello\\n"`]);
  }
  await Promise.all([client.closeWhenDone(), server.shutdown()]);
});

test("tap() is a wrap, and logs to the console", async () => {
  const lines = { terminator: "\n", encoding: "utf-8" } as const;
  await using listener = await listen({ port: 0, ...lines });
  const seen: unknown[] = [];
  const { log } = console;
  console.log = (line: unknown) => seen.push(line);
  try {
    const client = await connect({ port: listener.address.port, ...lines, wrap: tap });
    await client.send("hello");
    await client.flush();
    client.close();
    await client.closed;
  } finally {
    console.log = log;
  }
  assertEquals(seen, ['> 6 bytes "hello\\n"', "close"]);
});

test("connect() and listen() close the connection when wrap throws, or gives none, and refuse what is no function", async () => {
  const lines = { terminator: "\n" };
  await using listener = await listen({
    port: 0,
    ...lines,
    wrap: () => {
      throw new Error("no connection is good enough");
    },
  });
  const { port } = listener.address;
  const client = await connect({ port, ...lines });
  await assertRejects(() => listener.accept(), Error, "good enough");
  assertEquals(await client.read().catch(() => null), null);
  await client.closeWhenDone().catch(() => {});
  const none = (() => undefined) as unknown as (connection: Connection) => Connection;
  await assertRejects(() => connect({ port, ...lines, wrap: none }), TypeError, "Connection");
  const text = "tap" as unknown as typeof none;
  await assertRejects(() => connect({ port, ...lines, wrap: text }), TypeError, "wrap");
  await assertRejects(() => listen({ port: 0, ...lines, wrap: text }), TypeError, "wrap");
});
