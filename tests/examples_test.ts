/** One short conversation with each program of the examples, as its user has it. Their peers and their limits: tests/examples/. */
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { type Message, messages, sendMessage } from "../examples/json_rpc.ts";
import { Chat, connect, fromProcess, listen } from "../mod.ts";
import { bytes, text } from "./support/bytes.ts";
import { example, ExampleServer, runExample } from "./support/examples.ts";
import { Folder } from "./support/folder.ts";
import { Program } from "./support/programs.ts";
import { spawnNode } from "./support/spawn.ts";

/** Says something to a server, and ends; returns what it says until it ends, too. */
async function say(port: number, words: string): Promise<string> {
  await using chat = await connect({ port, terminator: null, encoding: "utf-8" });
  chat.push(words);
  await chat.closeWrite();
  let heard = "";
  for await (const piece of chat) heard += piece;
  return heard;
}

test("tour shows a conversation, and ends by itself", async () => {
  const { code, lines, stderr } = await runExample("tour");
  assertEquals([code, lines.at(-1), stderr], [0, "the copy is identical", ""]);
});

test("echo_client hears from echo_server what it has sent", async () => {
  await using server = await ExampleServer.start("echo_server");
  const port = String(server.port);
  const { code, lines } = await runExample("echo_client", "--port", port, "--message", "hello");
  assertEquals([code, lines.at(-1)], [0, "the copy is identical"]);
  await server.stop();
});

test("http_server answers fetch(), and crawler finds its page", async () => {
  await using server = await ExampleServer.start("http_server");
  const hello = await fetch(`${server.url}/hello/Ada`);
  assertMatch(await hello.text(), /Ada/);
  const digest = await fetch(`${server.url}/digest`, { method: "PUT", body: "hello" });
  assertMatch(await digest.text(), /^5 bytes, SHA-256 2cf24dba5fb0/);
  const { code, lines } = await runExample("crawler", `${server.url}/`);
  assertEquals(code, 0);
  assertMatch(lines.join("\n"), /^1 pages, \d+ bytes, 0 failed$/m);
  await server.stop();
});

test("file_server keeps the file that send_file sends", async () => {
  using folder = new Folder();
  await using server = await ExampleServer.start("file_server", "--folder", folder.path);
  const { code } = await runExample("send_file", "--port", String(server.port), "LICENSE");
  assertStrictEquals(code, 0);
  assertStrictEquals(readFileSync(folder.at("LICENSE"), "utf8"), readFileSync("LICENSE", "utf8"));
  await server.stop();
});

test("filter_lines copies the lines that contain the text", async () => {
  using folder = new Folder();
  const [from, to] = [folder.at("from"), folder.at("to")];
  writeFileSync(from, "note 1\nerror 2\nnote 3\nerror 4");
  const { lines } = await runExample("filter_lines", "--text", "error", "--from", from, "--to", to);
  assertEquals(lines, ['2 lines contain "error"']);
  assertStrictEquals(readFileSync(to, "utf8"), "error 2\nerror 4\n");
});

test("line_filter numbers the lines of a pipe", async () => {
  const chat = new Chat(fromProcess(spawnNode(...example("line_filter"))), { terminator: "\n" });
  chat.push("one\n");
  assertStrictEquals(text(await chat.read()), "1: one");
  chat.push("two\n");
  assertStrictEquals(text(await chat.read()), "2: two");
  await chat.closeWhenDone();
});

test("language_server says what it is, and ends when it is asked to", async () => {
  const chat = new Chat(fromProcess(spawnNode(...example("language_server"))), {
    terminator: "\r\n\r\n",
  });
  const answers = messages(chat);
  sendMessage(chat, { id: 1, method: "initialize" });
  const { result } = (await answers.next()).value as Message;
  assertEquals((result as { serverInfo: unknown }).serverInfo, { name: "todo" });
  sendMessage(chat, { id: 2, method: "shutdown" });
  await answers.next();
  sendMessage(chat, { method: "exit" });
  assertStrictEquals((await answers.next()).done, true);
  await chat.closeWhenDone();
});

test("log_collector prints a record, and says that it has it", async () => {
  await using server = await ExampleServer.start("log_collector");
  assertStrictEquals(await say(server.port, "MESSAGE=hello\0\0"), "OK=1\0\0");
  await server.line(/^\{"MESSAGE":"hello","FROM":/);
  await server.stop();
});

test("resp_server counts as Redis does", async () => {
  await using server = await ExampleServer.start("resp_server");
  assertStrictEquals(
    await say(server.port, "incr visits\nincr visits\nquit\n"),
    ":1\r\n:2\r\n+OK\r\n",
  );
  await server.stop();
});

test("smtp_server takes a mail", async () => {
  using folder = new Folder();
  await using server = await ExampleServer.start("smtp_server", "--folder", folder.path);
  const chat = await connect({ port: server.port, terminator: "\r\n", encoding: "utf-8" });
  const talk = [
    ["", /^220 /],
    ["HELO client\r\n", /^250 /],
    ["MAIL FROM:<ada@example.org>\r\n", /^250 /],
    ["RCPT TO:<bob@localhost>\r\n", /^250 /],
    ["DATA\r\n", /^354 /],
    ["Subject: hello\r\n\r\nhello\r\n.\r\n", /^250 /],
    ["QUIT\r\n", /^221 /],
  ] as const;
  for (const [words, answer] of talk) {
    chat.push(words);
    assertMatch((await chat.read())!, answer);
  }
  await chat.closeWhenDone();
  assertStrictEquals(folder.names.length, 1);
  await server.stop();
});

test("chat_server passes on what its members say", async () => {
  await using server = await ExampleServer.start("chat_server");
  const port = server.port;
  const [ada, bob] = await Promise.all(["ada", "bob"].map(async (name) => {
    const chat = await connect({ port, terminator: "\n", encoding: "utf-8" });
    chat.push(`${name}\n`);
    for await (const line of chat) if (line.endsWith(`${name} joins lobby`)) break;
    return chat;
  }));
  ada!.push("hello\n");
  for await (const line of bob!) if (line === "ada: hello") break;
  await Promise.all([ada!.closeWhenDone(), bob!.closeWhenDone()]);
  await server.stop();
});

test("queue_server does the job that queue_client has", async () => {
  await using server = await ExampleServer.start("queue_server");
  const { code, lines } = await runExample("queue_client", "--port", String(server.port), "hello");
  assertEquals([code, lines[0]], [0, "1  done  HELLO"]);
  await server.stop();
});

test("queue_worker says that it does not reach its queue", async () => {
  const { code, stderr } = await runExample("queue_worker", "--redis", "redis://127.0.0.1:1");
  assertStrictEquals(code, 1);
  assertMatch(stderr, /127\.0\.0\.1:1.*refused/);
});

/** The packets of a broker that takes everything: CONNACK, SUBACK of packet 1. MQTT 3.1.1, 3.2 and 3.9. */
const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
const SUBACK = Uint8Array.of(0x90, 3, 0, 1, 0);
/** PUBLISH "hello" to the topic "a". MQTT 3.1.1, 3.3. */
const PUBLISH = Uint8Array.of(0x30, 8, 0, 1, ...bytes("ahello"));

test("mqtt_publish publishes, and mqtt_subscribe prints what is published", async () => {
  await using broker = await listen({ port: 0, terminator: null, encoding: "latin1" });
  const at = ["--port", String(broker.address.port), "--topic", "a"];

  const publisher = runExample("mqtt_publish", ...at, "--message", "hello");
  const published = (await broker.accept())!;
  await published.read();
  published.push(CONNACK);
  let heard = "";
  for await (const piece of published) heard += piece;
  assertMatch(heard, /ahello/);
  await published.closeWhenDone();
  assertStrictEquals((await publisher).code, 0);

  await using subscriber = new Program(example("mqtt_subscribe", ...at));
  const subscribed = (await broker.accept())!;
  await subscribed.read();
  subscribed.push(CONNACK);
  await subscribed.read();
  subscribed.push(SUBACK, PUBLISH);
  await subscriber.line(/hello/);
  assertStrictEquals((await subscriber.interrupt()).code, 0);
  subscribed.close();
});
