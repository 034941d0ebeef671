import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { describe } from "../../examples/describe.ts";

test("describe() says how long data is in bytes, and how it begins, on one line", () => {
  assertEquals(describe("ECHO 166"), '8 bytes  "ECHO 166"');
  assertEquals(describe("héllo\n"), '7 bytes  "héllo\\n"');
  assertEquals(describe(new Uint8Array()), '0 bytes  ""');
  assertEquals(describe("x".repeat(41)), `41 bytes  "${"x".repeat(40)}"...`);
});
