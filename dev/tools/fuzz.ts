/**
 * Checks the framer against its models, and chats whatever is done with them, on as many random inputs as one likes.
 *
 *     npm run fuzz                    100,000 runs of each
 *     npm run fuzz -- 5000000         as many as one likes
 *     npm run fuzz -- 1000 12345      with the seed that a failure reported
 */
import process from "node:process";
import { checkConversations } from "../../tests/support/conversation_property.ts";
import { checkReading, checkSending } from "../../tests/support/framer_property.ts";

const [runs = 100_000, seed] = process.argv.slice(2).map((word) => {
  if (!/^-?\d+$/.test(word)) throw new TypeError(`expected a number, not ${JSON.stringify(word)}`);
  return Number(word);
});

const ROUND = 10_000;

type Check = (runs: number, options: { seed?: number }) => void | Promise<void>;

async function fuzz(name: string, check: Check): Promise<void> {
  for (let done = 0; done < runs; done += ROUND) {
    const count = Math.min(ROUND, runs - done);
    await check(count, seed === undefined ? {} : { seed: seed + done });
    console.log(`${name}: ${done + count} runs`);
  }
}

await fuzz("reading", checkReading);
await fuzz("sending", checkSending);
await fuzz("conversations", checkConversations);
