/** Loaded before the tests on Bun, whose `node:test` it replaces with one that reports what each test does. */
import * as nodeTest from "node:test";
import { isWanted, report, reported } from "./events.ts";

type Body = (...args: unknown[]) => unknown;
interface Options {
  readonly skip?: boolean | string;
}
interface BunTest {
  readonly mock: { module(name: string, make: () => object): void };
}

const original = { ...nodeTest };

function test(name: string, ...rest: [Body] | [Options, Body]): void {
  const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
  if (!isWanted(name)) return;
  const skip = options.skip !== undefined && options.skip !== false;
  if (skip) report({ type: "skipped", name, time: 0 });
  void original.test(name, { ...options, skip }, reported(name, body));
}

const BUN_TEST: string = "bun:test"; // as a literal, the other runtimes' checks would look for it
const { mock } = await import(BUN_TEST) as BunTest;
mock.module("node:test", () => ({ ...original, default: test, test }));
