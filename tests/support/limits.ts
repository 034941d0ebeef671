/**
 * How long something may take before it counts as hanging. No other limit stands in the tests: time decides nothing, and a
 * limit is only there so that a test which hangs is named, and ends.
 */
import process from "node:process";

/** How many times as long everything takes as on an idle machine: `npm test` measures that when it starts. */
const slowness = Number(process.env["TEST_SLOWNESS"] ?? 1);

/** What anything that a test waits for may take, in milliseconds. Nothing that works takes a tenth of it. */
export const PATIENCE: number = 60_000 * slowness;

/** What a file of tests, or a check of the sources, may take on an idle machine, in milliseconds. */
export const LONGEST_JOB = 300_000;
