/**
 * Checks the framer against its model on as many random inputs as one likes.
 *
 *     npm run fuzz                    100,000 runs
 *     npm run fuzz -- 5000000         as many as one likes
 *     npm run fuzz -- 1000 12345      with the seed that a failure reported
 */
import process from "node:process";
import { checkFramer } from "../tests/support/framer_property.ts";

const [runs, seed] = process.argv.slice(2).map((word) => {
  if (!/^-?\d+$/.test(word)) throw new TypeError(`expected a number, not ${JSON.stringify(word)}`);
  return Number(word);
});

const ROUND = 10_000;
const total = runs ?? 100_000;
for (let done = 0; done < total; done += ROUND) {
  const count = Math.min(ROUND, total - done);
  checkFramer(count, seed === undefined ? undefined : seed + done);
  console.log(`${done + count} runs`);
}
