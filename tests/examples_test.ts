/** One short conversation with each program of the examples, as its user has it: what else they promise is tested in `examples/`. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { jsonRpc, type Message } from "../examples/json_rpc.ts";
import { packets } from "../examples/mqtt/packet.ts";
import { Chat, connect, listen } from "../mod.ts";
import { fromProcess } from "../src/process/mod.ts";
import { hex, text } from "./support/bytes.ts";
import { example, ExampleServer, runExample } from "./support/examples.ts";
import { Folder } from "./support/folder.ts";
import { Program } from "./support/programs.ts";
import { shell } from "./support/shell.ts";
import { exitOf, spawnNode } from "./support/spawn.ts";
import { Talker } from "./support/talker.ts";

/** Conversations by the programs that take part, which are servers of each other where that can be. */
const CONVERSATIONS: Readonly<Record<string, () => Promise<void>>> = {
  async "echo_server, echo_client"() {
    await using server = await ExampleServer.start("echo_server");
    const client = await runExample(
      "echo_client",
      "--port",
      `${server.port}`,
      "--message",
      "hällo",
    );
    assertEquals([client.code, client.lines.at(-1)], [0, "the copy is identical"], client.stderr);
    await server.stop();
  },

  async "http_server, crawler"() {
    await using server = await ExampleServer.start("http_server");
    const { code, lines, stderr } = await runExample("crawler", server.url);
    assertMatch(lines[0]!, /^http:\/\/127\.0\.0\.1:\d+\/ {2}200 {2}\d+ bytes/);
    assertEquals([code, stderr], [0, ""]);
    await server.stop();
  },

  async "file_server, send_file"() {
    using folder = new Folder();
    await using server = await ExampleServer.start(
      "file_server",
      "--folder",
      folder.at("received"),
    );
    const args = ["--port", `${server.port}`, folder.write("file", "hello")];
    const { code, lines, stderr } = await runExample("send_file", ...args);
    assertMatch(lines.at(-1)!, /^5 B sent, /);
    assertEquals([code, stderr, text(folder.read("received/file"))], [0, "", "hello"]);
    await server.stop();
  },

  async "queue_server, queue_client"() {
    await using server = await ExampleServer.start("queue_server");
    const { code, lines } = await runExample("queue_client", "--port", `${server.port}`, "hello");
    assertEquals([code, lines], [0, ["1  done  HELLO", "1 done, 0 failed"]]);
    await server.stop();
  },

  async "resp_server, queue_worker"() {
    await using server = await ExampleServer.start("resp_server");
    const commands = "set greeting hello\r\nget greeting\r\nquit\r\n";
    assertEquals(await ask(server.port, commands), "+OK\r\n$5\r\nhello\r\n+OK\r\n");
    // That server has no streams, which the worker needs, and finds out.
    const { code, stderr } = await runExample(
      "queue_worker",
      "--redis",
      `redis://127.0.0.1:${server.port}`,
    );
    assertMatch(stderr, /^[^\n]*unknown command 'XGROUP'[^\n]*\n$/);
    assertEquals(code, 1);
    await server.stop();
  },

  async "mqtt_publish, mqtt_subscribe"() {
    await using broker = await listen({ port: 0, terminator: packets });
    const args = ["--port", `${broker.address.port}`, "--topic", "a"];
    const accept = async (): Promise<Chat> => {
      const chat = (await broker.accept())!;
      await chat.read(); // CONNECT
      chat.push(hex("20 02 00 00"));
      return chat;
    };
    await using subscriber = new Program(example("mqtt_subscribe", ...args, "--count", "1"));
    const toSubscriber = await accept();
    await toSubscriber.read(); // SUBSCRIBE
    toSubscriber.push(hex("90 03 0001 00"));
    await subscriber.line(/^subscribed to a$/);
    const publishing = runExample("mqtt_publish", ...args, "--message", "hello");
    const fromPublisher = await accept();
    toSubscriber.push((await fromPublisher.read())!);
    await Promise.all([fromPublisher, toSubscriber].map((chat) => chat.closeWhenDone()));
    assertEquals((await publishing).code, 0);
    const { code, lines } = await subscriber.finished();
    assertEquals([code, lines.at(-1)], [0, "a  hello"]);
  },

  async chat_server() {
    await using server = await ExampleServer.start("chat_server");
    await using ada = await Talker.come(server.port, "ada");
    await using bob = await Talker.come(server.port, "bob");
    await bob.say("hello");
    await ada.until(/^bob: hello$/);
    await Promise.all([server.stop(), ada.ended(), bob.ended()]);
  },

  async log_collector() {
    await using server = await ExampleServer.start("log_collector");
    assertEquals(await ask(server.port, "LEVEL=info\0MESSAGE=hello\0\0"), "OK=1\0\0");
    await server.line(/^\{"LEVEL":"info","MESSAGE":"hello","FROM":/);
    await server.stop();
  },

  async smtp_server() {
    using folder = new Folder();
    await using server = await ExampleServer.start("smtp_server", "--folder", folder.path);
    const envelope = ["EHLO a", "MAIL FROM:<ada@x.test>", "RCPT TO:<bob@x.test>"];
    const lines = [...envelope, "DATA", "hello", ".", "QUIT", ""];
    const answers = await ask(server.port, lines.join("\r\n"));
    assertEquals(answers.match(/^\d+(?= )/gm), "220 250 250 250 354 250 221".split(" "));
    assertEquals(folder.names.map((name) => text(folder.read(name))), ["hello\r\n"]);
    await server.stop();
  },

  async language_server() {
    const server = spawnNode(...example("language_server"));
    const chat = new Chat(fromProcess(server), { terminator: jsonRpc });
    chat.send({ id: 1, method: "shutdown" });
    chat.send({ method: "exit" });
    const { id, result } = await chat.read() as Message;
    assertEquals([id, result], [1, null]);
    await chat.closeWhenDone();
    assertEquals(await exitOf(server), 0);
  },

  async line_filter() {
    const { code, stdout } = await shell(
      "printf 'one\\ntwo' | $PROGRAM",
      "examples/line_filter.ts",
    );
    assertEquals([code, stdout], [0, "1: one\n2: two\n"]);
  },

  async filter_lines() {
    using folder = new Folder();
    const files = [
      "--from",
      folder.write("from", "error 1\nnote\nerror 2"),
      "--to",
      folder.at("to"),
    ];
    const { code, lines, stderr } = await runExample("filter_lines", "--text", "error", ...files);
    assertEquals([code, lines, stderr], [0, ['2 lines contain "error"'], ""]);
    assertEquals(text(folder.read("to")), "error 1\nerror 2\n");
  },

  async tour() {
    const { code, lines, stderr } = await runExample("tour");
    assertEquals([code, lines.at(-1), stderr], [0, "the copy is identical", ""]);
  },
};

/** Says something, to the end, and returns all that is answered. */
async function ask(port: number, input: string): Promise<string> {
  const chat = await connect({ port, terminator: null, encoding: "utf-8" });
  chat.push(input);
  chat.closeWrite();
  let answer = "";
  for await (const piece of chat) answer += piece;
  await chat.closeWhenDone();
  return answer;
}

/** Some are held at a time, as programs spend their time with starting. */
const AT_ONCE = 3;
const held: Map<string, Promise<void>> = new Map();

function holdAll(): typeof held {
  if (held.size > 0) return held;
  const names = Object.keys(CONVERSATIONS);
  for (const [i, name] of names.entries()) {
    const before = held.get(names[i - AT_ONCE]!) ?? Promise.resolve();
    held.set(name, before.catch(() => {}).then(CONVERSATIONS[name]));
    held.get(name)!.catch(() => {}); // its test says so
  }
  return held;
}

for (const name of Object.keys(CONVERSATIONS)) {
  test(`each does what the README says: ${name}`, () => holdAll().get(name));
}

test("each program of the examples holds a conversation", () => {
  const isProgram = (file: string): boolean =>
    file.endsWith(".ts") && !/^export /m.test(readFileSync(`examples/${file}`, "utf8"));
  const programs = readdirSync("examples").filter(isProgram).map((file) => file.slice(0, -3));
  assertEquals(Object.keys(CONVERSATIONS).join(", ").split(", ").sort(), programs.sort());
});
