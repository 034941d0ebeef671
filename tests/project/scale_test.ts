/** Many connections at once. `npm run bench -- growth` does the same with 10,000. */
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { runExchange } from "../support/exchange_processes.ts";
import { PATIENCE } from "../support/limits.ts";
import { CURRENT } from "../support/programs.ts";

test("300 connections exchange messages of random framing: none is lost, mixed up or left open", async () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  const problems = await runExchange(CURRENT, { connections: 300, seed, longest: PATIENCE });
  assertEquals(problems, [], `again with SEED=${seed}`);
});
