/** The ECHO programs, each in a process of its own: this runtime's server with each runtime's client. */
import { test } from "node:test";
import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { answerEcho } from "../../examples/echo.ts";
import { Chat, connect } from "../../mod.ts";
import { text } from "../support/bytes.ts";
import { ExampleServer } from "../support/examples.ts";
import { attack } from "../support/hostile_peers.ts";
import { command, run, RUNTIMES } from "../support/programs.ts";

/** Sends bytes, ends, and returns all that comes back. */
async function ask(port: number, request: string): Promise<string> {
  const chat = await connect({ port, terminator: "\n" });
  chat.push(request);
  chat.closeWrite();
  let answer = "";
  for (let piece = await chat.read(null); piece; piece = await chat.read(null)) {
    answer += text(piece);
  }
  await chat.closeWhenDone();
  return answer;
}

test("an echo server serves a client on each runtime", async () => {
  await using server = await ExampleServer.start("echo_server");
  const args = ["--port", String(server.port), "--message", "häppy ".repeat(15_000)];
  for (const runtime of RUNTIMES) {
    const output = await run(command(runtime, "examples/echo_client.ts", ...args));
    const { code, lines, stderr } = output;
    assertEquals([code, lines.at(-1), stderr], [0, "the copy is identical", ""], runtime);
  }
});

test("an echo server refuses nonsense, goes on when clients hang up, serves many at once, and ends at Ctrl-C", async () => {
  await using server = await ExampleServer.start("echo_server");
  const { port } = server;
  const silent = await connect({ port, terminator: "\n" }); // and stays
  for (const word of ["banana", "-1", "99999999999", "1e3", "", "5 5", "٣"]) {
    assertMatch(await ask(port, `ECHO ${word}\nhello`), /^ERR .*\n$/, word);
  }
  assertMatch(await ask(port, "GET / HTTP/1.1\r\n\r\n"), /^ERR .*GET/);
  assertMatch(await ask(port, "x".repeat(2_000_000)), /^ERR /);
  assertEquals(await ask(port, "ECHO 10\nhello"), ""); // hangs up in the middle of a frame
  assertEquals(await ask(port, "ECHO 0\n"), "");
  assertEquals(await ask(port, "ECHO 5\r\nhello"), "hello");
  const many = Array.from({ length: 50 }, (_, i) => ask(port, `ECHO 4\n${1000 + i}`));
  assertEquals(await Promise.all(many), Array.from(many, (_, i) => String(1000 + i)));
  await server.stop();
  assertEquals(await silent.read().catch(() => null), null);
  silent.close();
});

test("an echo server survives peers that send nonsense", () =>
  attack({
    serve: (connection) => answerEcho(new Chat(connection, { terminator: "\n" }), () => {}),
    samples: [
      "ECHO 11\nhello world",
      "ECHO 0\nECHO 3\nabcECHO 5\n12345",
      `ECHO 9999\n${"x".repeat(9_999)}`,
    ],
    checkAnswer: (answer) => assertLess(answer.length, 100_000),
  }));
