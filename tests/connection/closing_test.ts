import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Closing } from "../../src/connection/closing.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";

interface Fixture {
  readonly closing: Closing;
  /** Who was told. */
  readonly told: string[];
  watch(name: string): void;
}

function makeClosing(): Fixture {
  const connection = new ScriptedConnection();
  const closing = new Closing(connection);
  const told: string[] = [];
  const watch = (name: string): void =>
    closing.watch(name, (owner, gone) => {
      assertStrictEquals(gone, connection);
      told.push(owner);
    });
  return { closing, told, watch };
}

test("Closing.closed resolves when it has happened, whether it was asked for before or is after", async () => {
  const { closing } = makeClosing();
  let isClosed = false;
  const before = closing.closed.then(() => isClosed = true);
  await Promise.resolve();
  assertStrictEquals(isClosed, false);
  closing.happen();
  await before;
  const { closing: other } = makeClosing();
  other.happen();
  await other.closed;
});

test("Closing.watch() calls back once, and not before the turn has gone on", async () => {
  const { closing, told, watch } = makeClosing();
  watch("before");
  closing.happen();
  closing.happen();
  assertEquals(told, []);
  await closing.closed;
  await Promise.resolve();
  assertEquals(told, ["before"]);
});

test("Closing.watch() calls back, too, where it has happened already", async () => {
  const { closing, told, watch } = makeClosing();
  closing.happen();
  watch("after");
  assertEquals(told, []);
  await Promise.resolve();
  assertEquals(told, ["after"]);
});

test("Closing tells who has asked last: the connection is theirs", async () => {
  const { closing, told, watch } = makeClosing();
  watch("first");
  watch("last");
  closing.happen();
  await Promise.resolve();
  assertEquals(told, ["last"]);
});
