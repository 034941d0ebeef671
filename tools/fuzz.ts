/**
 * Checks the framer against its model on as many random inputs as one likes.
 *
 *     npm run fuzz                    100,000 runs
 *     npm run fuzz -- 5000000         as many as one likes
 *     npm run fuzz -- 1000 12345      with the seed that a failure reported
 */
import process from "node:process";
import { checkFramer } from "../tests/support/framer_property.ts";

const [runs = "100000", seed] = process.argv.slice(2);
if (!/^\d+$/.test(runs)) throw new RangeError(`expected a number of runs, not ${runs}`);

const ROUND = 10_000;
for (let done = 0; done < Number(runs); done += ROUND) {
  const count = Math.min(ROUND, Number(runs) - done);
  checkFramer(count, seed === undefined ? undefined : Number(seed));
  console.log(`${done + count} runs`);
}
