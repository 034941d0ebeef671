/** An exception beside the tests, for the test of the test runner. */
import { test } from "node:test";

test("one passes, and throws afterwards", async () => {
  setTimeout(() => {
    throw new Error("nobody catches this");
  }, 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
});
