/** Many connections at once. `npm run bench:connections` does the same with 10,000. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { runExchange } from "../support/exchange_processes.ts";
import { PATIENCE } from "../support/limits.ts";
import { CURRENT } from "../support/programs.ts";

test("300 connections exchange messages of random framing: none is lost, mixed up or left open", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const problems = await runExchange(CURRENT, { connections: 300, seed, longest: PATIENCE });
  const again =
    `npm run bench:connections -- --runtime ${CURRENT} --connections 300 --seed ${seed}`;
  assertEquals(problems, [], again);
});
