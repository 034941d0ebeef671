import { test } from "node:test";
import { assertRejects } from "@std/assert";
import { ConnectionError, memoryPair } from "../../mod.ts";
import { bytes } from "../support/bytes.ts";
import { checkConnection } from "../support/connection_checks.ts";

checkConnection("memoryPair()", () => Promise.resolve(memoryPair()));

test("memoryPair() rejects a write as reset when the other end is closed", async () => {
  const [left, right] = memoryPair();
  const waiting = left.write(new Uint8Array(1024 * 1024));
  right.close();
  await assertRejects(() => waiting, ConnectionError);
  await assertRejects(() => left.write(bytes("x")), ConnectionError, "closed");
  left.close();
});
