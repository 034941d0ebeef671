/** A few seconds of the soak: `npm run soak` plays as much of it as one likes. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { CURRENT } from "../support/programs.ts";
import { seedsFrom, soak } from "../support/soak.ts";

const EACH = 200;

test("Chats lose nothing, and leave nothing behind, whatever happens to their connections and in whatever way they end", async () => {
  const fresh = Math.floor(Math.random() * 2 ** 40);
  const { failures, scenarios } = await soak({
    seeds: [...seedsFrom(1, EACH), ...seedsFrom(fresh, EACH)],
    atOnce: 2 * EACH,
  });
  const told = failures.map(({ seed, what }) =>
    seed === undefined
      ? `${what} (in scenarios with the seeds 1 to ${EACH} and ${EACH} from ${fresh} on)`
      : `${what}\nreplay it: npm run soak -- --runtime ${CURRENT} --seed ${seed}`
  );
  assertEquals(told, [], told.join("\n"));
  assertEquals(scenarios, 2 * EACH);
});
