/** The property that holds chats to what they promise, whatever is done with them, in whatever order. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { memoryPair } from "../../mod.ts";
import type { MakePair } from "../../src/testing/mod.ts";
import { play } from "./conversation/play.ts";
import {
  CLOSINGS,
  type Ending,
  type GiveUp,
  type Item,
  type Operation,
  type Options,
  type ProducerPlan,
  type Script,
  type Step,
  type Weather,
} from "./conversation/script.ts";
import { inTurns, withoutUnhandled } from "./conversation/surroundings.ts";

const many = (count: number, of: fc.Arbitrary<Operation>): fc.WeightedArbitrary<Operation> => ({
  weight: count,
  arbitrary: of,
});

const maybe = <T>(of: fc.Arbitrary<T>, freq = 5): fc.Arbitrary<T | undefined> =>
  fc.option(of, { nil: undefined, freq });

const ending = fc.constantFrom<Ending[]>("line", "line", "prefixed", 0, 1, 7, 100, null);

/** How long what is sent is: some of it more than the other end of a `memoryPair()` holds that does not read. */
export const LENGTHS: readonly number[] = [0, 1, 3, 10, 50, 5_000, 70_000];

/** When a read is given up: most often not. */
const giveUp = fc.constantFrom<GiveUp[]>(undefined, undefined, "before", "timeout", 0, 1, 3, 6, 9);

const closing: fc.Arbitrary<Operation> = fc.record({ op: fc.constantFrom(...CLOSINGS) });

const plain: fc.Arbitrary<Operation> = fc.record({
  op: fc.constantFrom("flush", "send", "stats", "wrong"),
});

const setting: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant("terminator"), ending }),
  fc.record({ op: fc.constant("maxFrameLength"), limit: fc.constantFrom(Infinity, 1_000, 5, 0) }),
);

const reading: fc.Arbitrary<Operation> = fc.oneof(
  many(
    3,
    fc.record({
      op: fc.constantFrom("read", "readBytes", "readText"),
      ending: maybe(ending),
      giveUp,
    }),
  ),
  many(1, fc.record({ op: fc.constant("loop"), frames: fc.constantFrom(0, 1, 3, 200) })),
  many(1, fc.record({ op: fc.constant("next, and leave"), nexts: fc.nat({ max: 3 }) })),
  many(
    1,
    fc.record({
      op: fc.constant("batches"),
      batches: fc.constantFrom(1, 3, 20),
      frames: fc.constantFrom(0, 1, 100),
    }),
  ),
  many(
    1,
    fc.record({
      op: fc.constant("stream"),
      ending: maybe(ending),
      pieces: fc.constantFrom(0, 1, 2, 1_000),
    }),
  ),
);

const options: fc.Arbitrary<Options> = fc.record({
  encoding: fc.constantFrom(undefined, "utf-8"),
  incomplete: fc.constantFrom("throw", "yield", "drop"),
  highWaterMark: fc.constantFrom(64 * 1024, 20, 0),
  maxQueuedBytes: fc.constantFrom(...Array(4).fill(Infinity), 100_000, 200),
  idleTimeout: fc.constantFrom(...Array(6).fill(undefined), 100_000, 500),
});

const weather: fc.Arbitrary<Weather | undefined> = maybe(
  fc.record({
    seed: fc.nat(),
    resetAfter: fc.constantFrom(...Array(6).fill(Infinity), 10_000, 30, 0),
    stallAfter: fc.constantFrom(...Array(8).fill(Infinity), 10_000, 30),
  }),
  1,
);

const then: fc.Arbitrary<Step["then"]> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(undefined) },
  { weight: 10, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 10, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 10, arbitrary: fc.constant("await" as const) },
  // So long that a chat gives a silent peer up.
  { weight: 1, arbitrary: fc.constant({ turns: 110 }) },
);

/** Random scripts, in which what is sent has these lengths. */
export function scriptsWith(lengths: readonly number[]): fc.Arbitrary<Script> {
  const length = fc.constantFrom(...lengths);
  const data: fc.Arbitrary<Item> = fc.record({ length, isText: fc.boolean() });
  const push = (item: fc.Arbitrary<Item>): fc.Arbitrary<Operation> =>
    fc.record({ op: fc.constant("push"), items: fc.array(item, { maxLength: 3 }) });
  /** What a producer does to its own chat. */
  const inside = maybe(fc.oneof(closing, plain, setting, reading, push(data)), 1);
  const producer: fc.Arbitrary<ProducerPlan> = fc.record({
    kind: fc.constantFrom("sync", "async", "batches", "stream"),
    pieces: fc.array(length, { maxLength: 3 }),
    then: fc.constantFrom("ends", "ends", "ends", "throws", "goes on", "hangs", "yields nonsense"),
    does: inside,
    doesAtReturn: inside,
  });
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    many(12, reading),
    many(10, push(fc.oneof(data, producer))),
    many(6, plain),
    many(2, setting),
    many(5, closing),
    many(1, fc.constant({ op: "vanish" })),
  );
  const step: fc.Arbitrary<Step> = fc.record({
    end: fc.constantFrom(0, 1),
    does: operation,
    isStale: fc.constantFrom(...Array(9).fill(undefined), true),
    then,
  });
  return fc.record({
    options: fc.tuple(options, options),
    weather: fc.tuple(weather, weather),
    steps: fc.array(step, { minLength: 1, maxLength: 15 }),
    finale: fc.constantFrom("in order", "close"),
  });
}

/** Checks the property on random scripts over memory. `seed` and `path` repeat a failure that was reported. */
export async function checkConversations(
  numRuns: number,
  repeat: { seed?: number; path?: string } = {},
): Promise<void> {
  await inTurns((problems) => check(memoryPair, numRuns, repeat, problems));
}

/** The same over connections that take their own time. */
export async function checkConversationsOver(
  makePair: MakePair,
  numRuns: number,
  repeat: { seed?: number; path?: string } = {},
): Promise<void> {
  await withoutUnhandled((problems) => check(makePair, numRuns, repeat, problems));
}

async function check(
  makePair: MakePair,
  numRuns: number,
  repeat: { seed?: number; path?: string },
  problems: () => string[],
): Promise<void> {
  const property = fc.asyncProperty(scriptsWith(LENGTHS), async (script) => {
    await play(makePair, script);
    assertEquals(problems(), []);
  });
  await fc.assert(property, { numRuns, ...repeat });
}
