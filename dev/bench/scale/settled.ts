/** What a process takes when nothing is left in it to be collected. */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

interface Collectors {
  /** With `--expose-gc` on Node, and `--v8-flags=--expose-gc` on Deno. */
  readonly gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

const { gc, Bun } = globalThis as unknown as Collectors;

export interface Sizes {
  /** The resident size. */
  readonly resident: number;
  /** What of it JavaScript uses, its buffers included. */
  readonly inUse: number;
}

/** Collects the garbage, and what becomes garbage by that, and measures what is left. */
export async function settledSizes(): Promise<Sizes> {
  if (gc === undefined && Bun === undefined) {
    throw new Error("the garbage collector is not exposed");
  }
  for (let i = 0; i < 5; i++) {
    Bun?.gc(true);
    gc?.();
    await delay(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, inUse: heapUsed + external };
}
