/**
 * Checks the framer against its models, and against hostile input, on as many random inputs as one likes.
 *
 *     npm run fuzz                    100,000 runs against the models, a million short hostile inputs
 *     npm run fuzz -- 5000000         as many as one likes of each
 *     npm run fuzz -- 1000 12345      with the seed that a failure reported
 */
import process from "node:process";
import { checkFramer } from "../tests/support/framer_property.ts";
import { checkHostileInput } from "../tests/support/hostile_input.ts";

const [runs, seed] = process.argv.slice(2).map((word) => {
  if (!/^-?\d+$/.test(word)) throw new TypeError(`expected a number, not ${JSON.stringify(word)}`);
  return Number(word);
});

const ROUND = 10_000;
const SHORT = 64;

function fuzz(name: string, total: number, check: (runs: number, seed?: number) => void): void {
  for (let done = 0; done < total; done += ROUND) {
    const count = Math.min(ROUND, total - done);
    check(count, seed === undefined ? undefined : seed + done);
    console.log(`${name}: ${done + count} runs`);
  }
}

fuzz("models", runs ?? 100_000, checkFramer);
fuzz("hostile input", runs ?? 1_000_000, (count, seed) => checkHostileInput(count, SHORT, seed));
