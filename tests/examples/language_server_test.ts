import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { jsonRpc, type Message } from "../../examples/json_rpc.ts";
import { Chat } from "../../mod.ts";
import { fromProcess } from "../../src/process/mod.ts";
import { example } from "../support/examples.ts";
import { shell } from "../support/shell.ts";
import { exitOf, SPAWNS } from "../support/spawn.ts";

for (const [name, spawn] of Object.entries(SPAWNS)) {
  test(`a language server serves a client that has started it with ${name}`, async () => {
    const server = spawn(...example("language_server"));
    const chat = new Chat(fromProcess(server), {
      terminator: jsonRpc,
      maxFrameLength: Infinity,
    });
    const answer = async (): Promise<Message> => await chat.read() as Message;
    const ask = (id: number, method: string): Promise<Message> => {
      chat.send({ id, method });
      return answer();
    };

    const { result } = await ask(1, "initialize");
    assertEquals((result as { serverInfo: unknown }).serverInfo, { name: "todo" });
    assertEquals((await ask(2, "no/such")).error?.code, -32601);

    // More than a pipe holds, in each direction, and characters of several bytes.
    const text = "häppy // TODO: wörk\n".repeat(10_000);
    const textDocument = { uri: "file:///a.ts", text };
    chat.send({ method: "textDocument/didOpen", params: { textDocument } });
    const { diagnostics } = (await answer()).params as { diagnostics: { message: string }[] };
    assertEquals([diagnostics.length, diagnostics.at(-1)!.message], [10_000, "TODO: wörk"]);

    chat.push("Content-Type: x\r\ncontent-length:  1\r\n\r\n{");
    assertEquals((await answer()).error?.code, -32700);

    assertEquals((await ask(3, "shutdown")).result, null);
    chat.send({ method: "exit" });
    assertEquals(await chat.read(), null);
    await chat.closeWhenDone();
    assertEquals(await exitOf(server), 0);
  });
}

test("a language server ends when its client does", async () => {
  assertEquals((await shell("$PROGRAM", "examples/language_server.ts", { end: true })).code, 1);
});
