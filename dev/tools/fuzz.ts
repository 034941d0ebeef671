/**
 * Checks the framer against its models, and against hostile input, and chats whatever is done with them, on as many
 * random inputs as one likes.
 *
 *     npm run fuzz                    100,000 runs against the models and of chats, a million short hostile inputs
 *     npm run fuzz -- 5000000         as many as one likes of each
 *     npm run fuzz -- 1000 12345      with the seed that a failure reported
 */
import process from "node:process";
import { checkConversations } from "../../tests/support/conversation_property.ts";
import { checkFramer } from "../../tests/support/framer_property.ts";
import { checkHostileInput } from "../../tests/support/hostile_input.ts";

const [runs, seed] = process.argv.slice(2).map((word) => {
  if (!/^-?\d+$/.test(word)) throw new TypeError(`expected a number, not ${JSON.stringify(word)}`);
  return Number(word);
});

const ROUND = 10_000;
const SHORT = 64;

type Check = (runs: number, seed?: number) => void | Promise<void>;

async function fuzz(name: string, total: number, check: Check): Promise<void> {
  for (let done = 0; done < total; done += ROUND) {
    const count = Math.min(ROUND, total - done);
    await check(count, seed === undefined ? undefined : seed + done);
    console.log(`${name}: ${done + count} runs`);
  }
}

await fuzz("models", runs ?? 100_000, checkFramer);
await fuzz(
  "hostile input",
  runs ?? 1_000_000,
  (count, seed) => checkHostileInput(count, SHORT, seed),
);
await fuzz(
  "conversations",
  runs ?? 100_000,
  (count, seed) => checkConversations(count, seed === undefined ? {} : { seed }),
);
