/** A test that hangs behind one that passes, and leaves a program behind; for the test of the test runner. */
import { spawn } from "node:child_process";
import { test } from "node:test";

test("one passes", () => {});
test("one hangs", async () => {
  spawn("sleep", ["600"], { stdio: "inherit" });
  await new Promise((resolve) => setTimeout(resolve, 600_000)); // it ends all the same if its runner is killed
});
