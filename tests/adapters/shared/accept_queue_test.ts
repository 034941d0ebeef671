import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AcceptQueue } from "../../../src/adapters/shared/accept_queue.ts";
import { ScriptedConnection } from "../../support/scripted_connection.ts";

test("AcceptQueue gives connections in the order they came, to whoever asked first", async () => {
  const queue = new AcceptQueue();
  const [first, second, third] = [1, 2, 3].map(() => new ScriptedConnection());
  const asked = [queue.accept(), queue.accept()];
  for (const connection of [first!, second!, third!]) queue.put(connection);
  assertEquals(await Promise.all(asked), [first!, second!]);
  assertStrictEquals(await queue.accept(), third);
});

test("AcceptQueue closes further connections when as many wait as in the system's own backlog", () => {
  const queue = new AcceptQueue();
  const connections = Array.from({ length: 600 }, () => new ScriptedConnection());
  for (const connection of connections) queue.put(connection);
  assertStrictEquals(connections.filter(({ closes }) => closes.length === 0).length, 511);
  queue.close();
  assertEquals(connections.filter(({ closes }) => closes.length !== 1), []);
});

test("AcceptQueue tells whoever asked first that the listener could not accept, and no other", async () => {
  const queue = new AcceptQueue();
  const asked = [queue.accept(), queue.accept()];
  queue.fail(new Error("too many open files"));
  const connection = new ScriptedConnection();
  queue.put(connection);
  await assertRejects(() => asked[0]!, Error, "too many open files");
  assertStrictEquals(await asked[1], connection);
});

test("AcceptQueue tells whoever asks next, once, and behind the connections, when nobody had asked", async () => {
  const queue = new AcceptQueue();
  const connection = new ScriptedConnection();
  queue.put(connection);
  queue.fail(new Error("too many open files"));
  queue.fail(new Error("and again"));
  assertStrictEquals(await queue.accept(), connection);
  await assertRejects(() => queue.accept(), Error, "too many open files");
  const next = queue.accept();
  queue.close();
  assertStrictEquals(await next, null);
});
