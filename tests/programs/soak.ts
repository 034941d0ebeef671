/**
 * The soak on the runtime that this runs on, for `dev/tools/soak.ts`, which says what it prints.
 *
 *     soak.ts <first seed> <how many conversations, or 0> <for how many seconds>
 */
import process from "node:process";
import { inspect } from "node:util";
import { scriptOf, soak } from "../support/soak.ts";

const AT_ONCE = 500;
const MEGABYTE = 1024 * 1024;

const [seed, count, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
if (count === 1) console.log(inspect(scriptOf(seed), { depth: null, breakLength: 100 }));
const duration = seconds * 1000;
const report = await soak({ seed, count: count || Infinity, duration, atOnce: AT_ONCE });

const [halfway, end] = report.memory.map((used) => Math.round(used / MEGABYTE));
console.log(
  `${report.played} conversations from seed ${seed} on; ` +
    `${halfway} MiB of memory after half of the time, ${end} MiB at the end`,
);
for (const { seed, what } of report.failures) {
  console.log(seed === undefined ? `FAILED ${what}` : `FAILED seed ${seed} ${what}`);
}
process.exitCode = report.failures.length === 0 ? 0 : 1;
