import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, memoryPair } from "../../mod.ts";
import { bytes } from "../support/bytes.ts";
import { checkConnection, readAll } from "../support/connection_checks.ts";

checkConnection("memoryPair()", () => Promise.resolve(memoryPair()));

test("memoryPair() rejects a write as reset when the other end is closed", async () => {
  const [left, right] = memoryPair();
  const waiting = left.write(new Uint8Array(1024 * 1024));
  right.close();
  await assertRejects(() => waiting, ConnectionError);
  await assertRejects(() => left.write(bytes("x")), ConnectionError, "closed");
  left.close();
});

test("memoryPair() copies what is written, also a Buffer", async () => {
  const [left, right] = memoryPair();
  const buffer = Buffer.alloc(3);
  for (const value of [1, 2, 3]) await left.write(buffer.fill(value));
  await left.closeWrite();
  assertEquals(await readAll(right), Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3));
  left.close();
});

test("memoryPair() is closed when one end is closed and the other has ended", async () => {
  const [left, right] = memoryPair();
  left.close();
  assertStrictEquals(await right.read(), null);
  await right.closeWrite();
  await right.closed;

  const [first, second] = memoryPair();
  await second.closeWrite();
  first.close();
  await second.closed;
});
