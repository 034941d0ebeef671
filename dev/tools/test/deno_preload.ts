/**
 * Loaded before the tests on Deno, whose `node:test` calls `Deno.test()`: reports what each test does, and ends the run with an
 * exception that no test catches, as Node and Bun do; Deno lets one pass that is thrown between tests, or beside them.
 */
import process from "node:process";
import { isWanted, report, reported } from "./events.ts";

interface Definition {
  readonly name: string;
  readonly ignore?: boolean;
  readonly fn: (...args: unknown[]) => unknown;
}

const { Deno } = globalThis as unknown as { Deno: { test: (test: Definition) => void } };
const { test } = Deno;

Deno.test = Object.assign((definition: Definition): void => {
  const { name, ignore, fn } = definition;
  if (!isWanted(name)) return;
  if (ignore) report({ type: "skipped", name, time: 0 });
  test({ ...definition, fn: reported(name, fn) });
}, test);

process.on("uncaughtException", (error) => {
  console.error("uncaught exception:", error);
  process.kill(process.pid, "SIGKILL");
});
