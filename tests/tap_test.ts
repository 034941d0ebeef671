import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { Chat, ConnectionError, memoryPair, tap } from "../mod.ts";
import { bytes } from "./support/bytes.ts";
import { checkConnection } from "./support/connection_checks.ts";
import { ScriptedConnection } from "./support/scripted_connection.ts";

checkConnection("tap()", () => {
  const [left, right] = memoryPair();
  return Promise.resolve([tap(left, () => {}), tap(right, () => {})]);
});

test("tap() tells what is written and read, the ends, and the close", async () => {
  const [left, right] = memoryPair();
  const seen: string[] = [];
  const chat = new Chat(tap(left, (line) => seen.push(line)), {
    terminator: "\n",
    encoding: "utf-8",
  });
  chat.push("hello\n");
  await chat.closeWrite();
  await right.write(bytes("x".repeat(100) + "\n"));
  await right.closeWrite();
  await chat.read();
  await chat.read();
  chat.close(new Error("enough"));
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
