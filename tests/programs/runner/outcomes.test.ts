/** Tests of each outcome, for the test of the test runner. */
import { test } from "node:test";

test("one passes", () => {});
test("one is skipped (socat is not installed)", { skip: "socat is not installed" }, () => {});
test("one fails", async () => {
  await Promise.resolve();
  throw new Error("this is why");
});
test("another passes", () => {});
