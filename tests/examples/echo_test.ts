/** The ECHO programs, each in a process of its own: each runtime's client with each runtime's server. */
import { test } from "node:test";
import { assertEquals, assertLess, assertMatch, assertStrictEquals } from "@std/assert";
import { answerEcho } from "../../examples/echo.ts";
import { Chat, connect } from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { attack } from "../support/hostile_peers.ts";
import { command, CURRENT, Program, run, type RuntimeName, RUNTIMES } from "../support/programs.ts";

async function startServer(runtime: RuntimeName): Promise<{ server: Program; port: number }> {
  const server = new Program(command(runtime, "examples/echo_server.ts", "--port", "0"));
  return { server, port: await server.listening() };
}

const connectTo = (port: number): Promise<Chat> => connect({ port, terminator: "\n" });

/** Sends bytes, ends, and returns all that comes back. */
async function ask(port: number, request: string): Promise<string> {
  const chat = await connectTo(port);
  chat.push(request);
  chat.closeWrite();
  let answer = "";
  for (let piece = await chat.read(null); piece; piece = await chat.read(null)) {
    answer += text(piece);
  }
  await chat.closeWhenDone();
  return answer;
}

for (const serverRuntime of RUNTIMES) {
  test(`an echo server on ${serverRuntime} serves a client on each runtime`, async () => {
    const { server, port } = await startServer(serverRuntime);
    await using _ = server;
    const args = ["--port", String(port), "--message", "häppy ".repeat(15_000)];
    for (const clientRuntime of RUNTIMES) {
      const client = command(clientRuntime, "examples/echo_client.ts", ...args);
      const { code, lines, stderr } = await run(client);
      const seen = { code, last: lines.at(-1), stderr };
      assertEquals(seen, { code: 0, last: "the copy is identical", stderr: "" }, clientRuntime);
    }
  });
}

test("an echo server survives clients that send nonsense, hang up, or dawdle, and serves many at once", async () => {
  const { server, port } = await startServer(CURRENT);
  await using _ = server;

  const nonsense = ["banana", "-1", "99999999999", "1e3", "", "5 5", "٣"];
  for (const word of nonsense) {
    assertMatch(await ask(port, `ECHO ${word}\nhello`), /^ERR expected "ECHO LENGTH".*\n$/, word);
  }
  assertMatch(await ask(port, "GET / HTTP/1.1\r\n\r\n"), /^ERR .*GET/);
  assertMatch(await ask(port, "x".repeat(2_000_000)), /^ERR .*maxFrameLength/);

  assertStrictEquals(await ask(port, ""), "");
  assertStrictEquals(await ask(port, "ECHO 10\nhello"), ""); // hangs up in the middle of a frame
  assertStrictEquals(await ask(port, "ECHO 0\n"), "");
  assertStrictEquals(await ask(port, "ECHO 5\r\nhello"), "hello");

  const dawdler = await connectTo(port);
  for (const byte of bytes("ECHO 11\nhello\nworld")) {
    dawdler.push(Uint8Array.of(byte));
    await dawdler.flush();
  }
  assertStrictEquals(text(await dawdler.read(11)), "hello\nworld");
  await dawdler.closeWhenDone();

  const silent = await connectTo(port); // and stays
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => ask(port, `ECHO 4\n${1000 + i}`)),
  );
  assertEquals(answers, Array.from({ length: 50 }, (_, i) => String(1000 + i)));
  silent.close();
});

test("an echo server survives 10,000 peers that send nonsense", async () => {
  await attack({
    serve: (connection) => answerEcho(new Chat(connection, { terminator: "\n" }), () => {}),
    samples: [
      "ECHO 11\nhello world",
      "ECHO 0\nECHO 3\nabcECHO 5\n12345",
      `ECHO 9999\n${"x".repeat(9_999)}`,
    ],
    checkAnswer: (answer) => assertLess(answer.length, 100_000),
  });
});

test("an echo server ends at Ctrl-C, in order, while clients are connected", async () => {
  const { server, port } = await startServer(CURRENT);
  await using _ = server;
  const silent = await connectTo(port);
  assertStrictEquals(await ask(port, "ECHO 5\nhello"), "hello");
  const { code, lines, stderr } = await server.interrupt();
  assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  assertStrictEquals(await silent.read().catch(() => null), null);
  silent.close();
});

test("the echo programs say in a line what is wrong with how they were started", async () => {
  const { server, port } = await startServer(CURRENT);
  await using _ = server;
  const wrong: [file: string, args: string[], code: number, message: RegExp][] = [
    ["echo_server", ["--bogus"], 2, /bogus[^]*usage: echo_server/],
    ["echo_server", ["--port", "abc"], 2, /^--port must be a number, not "abc"$/],
    ["echo_server", ["--port", "70000"], 1, /^port must be .* not 70000$/],
    [
      "echo_server",
      ["--port", String(port)],
      1,
      /^cannot listen on 127.0.0.1:\d+: .*in use: close what has it, or choose another$/,
    ],
    ["echo_client", ["--port", "1"], 1, /^cannot connect to 127.0.0.1:1: connection refused/],
  ];
  for (const [file, args, code, message] of wrong) {
    const output = await run(command(CURRENT, `examples/${file}.ts`, ...args));
    assertMatch(output.stderr.trim(), message);
    assertStrictEquals(output.code, code, output.stderr);
  }
  const help = await run(command(CURRENT, "examples/echo_server.ts", "--help"));
  assertEquals([help.code, help.lines.length], [0, 1]);
});
