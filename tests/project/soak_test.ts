/** One round of the soak: `npm run soak` plays as much of it as you like. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { CURRENT } from "../support/programs.ts";
import { soak } from "../support/soak.ts";

const COUNT = 400;

test("Chats lose nothing, and leave nothing behind, whatever happens to hundreds of them at once", async () => {
  const seed = Math.floor(Math.random() * 2 ** 30);
  const { failures, played } = await soak({ seed, count: COUNT, atOnce: COUNT });
  const messages = failures.map(({ seed, what }) =>
    `${what}\nplay it again: npm run soak -- --runtime ${CURRENT} --seed ${
      seed ?? "of any of them"
    }`
  );
  assertEquals(messages, [], messages.join("\n"));
  assertEquals(played, COUNT);
});
