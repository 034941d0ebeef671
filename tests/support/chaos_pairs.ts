/** Tests that hold on every connection, played on one that does what it is told, and on one that does what it may. */
import { test } from "node:test";
import { type Connection, memoryPair } from "../../mod.ts";
import { chaos } from "../../src/testing/mod.ts";

export type MakePair = () => [Connection, Connection];

/** How often a test is played under chaos. */
const SEEDS = 10;

/**
 * Registers a test twice: over memory, and over memory whose first end splits and merges chunks, and is late with reads and
 * writes. What fails under chaos names its seed.
 */
export function testOverPairs(name: string, play: (makePair: MakePair) => Promise<void>): void {
  test(name, () => play(memoryPair));
  test(`${name} (under chaos)`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await play(chaoticPairs(seed)).catch((cause) => {
        throw new Error(`under chaos with the seed ${seed}: ${cause}`, { cause });
      });
    }
  });
}

function chaoticPairs(seed: number): MakePair {
  return () => {
    const [left, right] = memoryPair();
    return [chaos(left, { seed, delay: 0.3 }), right];
  };
}
