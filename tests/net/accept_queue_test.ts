import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AcceptQueue } from "../../src/net/accept_queue.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";

test("AcceptQueue closes further connections when as many wait as in the system's own backlog", () => {
  const queue = new AcceptQueue();
  const connections = Array.from({ length: 600 }, () => new ScriptedConnection());
  for (const connection of connections) queue.put(connection);
  assertStrictEquals(connections.filter(({ closes }) => closes.length === 0).length, 511);
  queue.close();
  assertEquals(connections.filter(({ closes }) => closes.length !== 1), []);
});

test("AcceptQueue tells the first who asked, or asks next, that the listener could not accept, once", async () => {
  const queue = new AcceptQueue();
  const [first, second] = [new ScriptedConnection(), new ScriptedConnection()];
  const asked = [queue.accept(), queue.accept()];
  queue.fail(new Error("too many open files"));
  queue.put(first);
  await assertRejects(() => asked[0]!, Error, "too many open files");
  assertStrictEquals(await asked[1], first);

  queue.put(second);
  queue.fail(new Error("too many open files"));
  queue.fail(new Error("and again"));
  assertStrictEquals(await queue.accept(), second);
  await assertRejects(() => queue.accept(), Error, "too many open files");
  const next = queue.accept();
  queue.close();
  assertStrictEquals(await next, null);
});
