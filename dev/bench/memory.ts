/** What a process takes when nothing is left in it to be collected. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { collectGarbage } from "./contest.ts";

/** In bytes: what JavaScript uses, its buffers included. */
export async function memoryInUse(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await delay(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
