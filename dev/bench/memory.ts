/** What a process takes when nothing is left in it to be collected. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

/** Node with `--expose-gc`, Deno with `--v8-flags=--expose-gc`. */
const { gc, Bun } = globalThis as unknown as {
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
};

/** In bytes: what JavaScript uses, its buffers included. */
export async function memoryInUse(): Promise<number> {
  if (gc === undefined && Bun === undefined) {
    throw new Error("the garbage collector is not exposed");
  }
  for (let i = 0; i < 5; i++) {
    Bun?.gc(true);
    gc?.();
    await delay(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
