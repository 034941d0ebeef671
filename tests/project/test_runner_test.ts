/** The test runner: what passes, what does not, and what happens to a run that is cut off. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { count, isFailure } from "../../dev/tools/test/report.ts";
import { type Result, run } from "../../dev/tools/test/run.ts";
import { RUNTIMES } from "../../dev/tools/test/runtimes.ts";
import { PATIENCE } from "../support/limits.ts";
import { CURRENT } from "../support/programs.ts";

function resultOf(program: string, { wanted = "", limit = PATIENCE } = {}): Promise<Result> {
  const name = `tests/programs/runner/${program}.test.ts`;
  return run({ lane: CURRENT, name, command: RUNTIMES[CURRENT].test(name) }, {
    wanted,
    slowness: 1,
    limit,
  });
}

const namesOf = ({ tests }: Result): string[] =>
  tests.map(({ name, outcome }) => `${outcome}: ${name}`);

test("run() counts what passed, failed and was skipped, and keeps why a test failed", async () => {
  const result = await resultOf("outcomes");
  assertEquals(count([result]), { passed: 2, failed: 1, skipped: 1 });
  assert(namesOf(result).includes("failed: one fails"), namesOf(result).join("\n"));
  assertMatch(result.output, /this is why/);
  assert(isFailure(result));
});

test("run() runs the tests that are wanted, and no other", async () => {
  const result = await resultOf("outcomes", { wanted: "^another" });
  assertEquals([namesOf(result), isFailure(result)], [["passed: another passes"], false]);
  const none = await resultOf("outcomes", { wanted: "no such test" });
  assertEquals([namesOf(none), isFailure(none)], [[], false]);
});

test("run() cuts a test off that hangs, names it, and counts what had passed", async () => {
  const result = await resultOf("hangs", { limit: PATIENCE / 10 });
  assertEquals(namesOf(result), ["passed: one passes"]);
  assertMatch(result.problem!, /^cut off after \d+ s in "one hangs"$/);
  assertEquals(count([result]), { passed: 1, failed: 1, skipped: 0 });
});

test("run() fails a file with an exception beside its tests, and a file without a test", async () => {
  assert(isFailure(await resultOf("throws")));
  assertMatch((await resultOf("empty")).problem!, /^(no test was run|ended with 1)$/);
});

test("run() fails a command that cannot be started", async () => {
  const command = (): string[] => ["no-such-runtime"];
  const conditions = { wanted: "", slowness: 1, limit: PATIENCE };
  const result = await run({ lane: "node", name: "none", command }, conditions);
  assertMatch(result.problem!, /could not be started/);
});
