/** The language server, started on each runtime by a client on this one. */
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Message, messages, sendMessage } from "../../examples/json_rpc.ts";
import { Chat, fromProcess } from "../../mod.ts";
import { command, CURRENT, type RuntimeName, RUNTIMES } from "../support/programs.ts";
import { shell } from "../support/shell.ts";
import { exitOf, type Spawn, SPAWNS } from "../support/spawn.ts";

/** Talks as an editor does; returns how the server ended. */
async function edit(spawn: Spawn, runtime: RuntimeName): Promise<number | string | null> {
  const server = spawn(...command(runtime, "examples/language_server.ts"));
  const chat = new Chat(fromProcess(server), { terminator: "\r\n\r\n", maxFrameLength: Infinity });
  const answers = messages(chat);
  const answer = async (): Promise<Message> => (await answers.next()).value;
  const ask = (id: number, method: string): Promise<Message> => {
    sendMessage(chat, { id, method });
    return answer();
  };

  const { result } = await ask(1, "initialize");
  assertEquals((result as { serverInfo: unknown }).serverInfo, { name: "todo" });
  assertStrictEquals((await ask(2, "no/such")).error?.code, -32601);

  // More than a pipe holds, in each direction, and characters of several bytes.
  const text = "häppy // TODO: wörk\n".repeat(20_000);
  const textDocument = { uri: "file:///a.ts", text };
  const opened = { method: "textDocument/didOpen", params: { textDocument } };
  sendMessage(chat, opened);
  const published = (await answer()).params as { diagnostics: { message: string }[] };
  assertStrictEquals(published.diagnostics.length, 20_000);
  assertStrictEquals(published.diagnostics.at(-1)!.message, "TODO: wörk");

  chat.push("Content-Type: x\r\ncontent-length:  1\r\n\r\n{");
  assertStrictEquals((await answer()).error?.code, -32700);

  assertStrictEquals((await ask(3, "shutdown")).result, null);
  sendMessage(chat, { method: "exit" });
  assertStrictEquals((await answers.next()).done, true);
  await chat.closeWhenDone();
  return exitOf(server);
}

for (const runtime of RUNTIMES) {
  test(`a language server on ${runtime} serves a client that has started it`, async () => {
    for (const [name, spawn] of Object.entries(SPAWNS)) {
      assertStrictEquals(await edit(spawn, runtime), 0, name);
    }
  });
}

test(`a language server ends when its client does, on ${CURRENT}`, async () => {
  const program = "examples/language_server.ts";
  assertStrictEquals((await shell("$PROGRAM", program, { end: true })).code, 1);
});
