import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { memoryPair } from "../../mod.ts";
import { checkConnection } from "../support/connection_checks.ts";

checkConnection("memoryPair()", memoryPair);

test("memoryPair() is closed when one end is closed and the other has ended", async () => {
  const [left, right] = memoryPair();
  left.close();
  assertStrictEquals(await right.read(), null);
  await right.closeWrite();
  await right.closed;

  const [first, second] = memoryPair();
  await second.closeWrite();
  first.close();
  assertStrictEquals(await second.read(), null);
  await second.closed;
});
