/**
 * The soak on the runtime that this runs on, for `dev/tools/soak.ts`, which says what it prints.
 *
 *     soak.ts <first seed> <how many scenarios, or 0> <for how many seconds>
 */
import process from "node:process";
import { seedsFrom, soak } from "../support/soak.ts";

const AT_ONCE = 500;
const MEGABYTE = 1024 * 1024;

const [seed, count, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const report = await soak({
  seeds: seedsFrom(seed, count || Infinity),
  duration: seconds * 1000,
  atOnce: AT_ONCE,
  log: count === 1 ? console.log : undefined,
});

const { scenarios, bytes, frames, failures } = report;
const [halfway, end] = report.memory.map((used) => Math.round(used / MEGABYTE));
console.log(
  `${scenarios} scenarios from seed ${seed} on, ${2 * scenarios} chats, ` +
    `${Math.round(bytes / MEGABYTE)} MiB, ${frames} frames; ` +
    `${halfway} MiB of memory after half of the time, ${end} MiB at the end`,
);
for (const played of [report.transports, report.endings]) {
  console.log([...played].map(([what, times]) => `${times} ${what}`).sort().join("; "));
}
for (const { seed, what } of failures) {
  console.log(seed === undefined ? `FAILED ${what}` : `FAILED seed ${seed} ${what}`);
}
process.exitCode = failures.length === 0 ? 0 : 1;
