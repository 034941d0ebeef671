/** What a process takes when nothing is left in it to be collected. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** Node with `--expose-gc`, Deno with `--v8-flags=--expose-gc`, and Bun. */
function collectGarbage(): void {
  const { gc, Bun } = globalThis as unknown as {
    readonly gc?: () => void;
    readonly Bun?: { gc(force: boolean): void };
  };
  if (Bun !== undefined) Bun.gc(true);
  else if (gc !== undefined) gc();
  else throw new Error("the garbage collector is not exposed");
}

/** In bytes: what JavaScript uses, its buffers included. */
export async function memoryInUse(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await delay(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
