/** The property that holds chats to what they promise, whatever is done with them, in whatever order. */
import fc from "fast-check";
import { type Connection, memoryPair } from "../../mod.ts";
import { chaos, type MakePair } from "../../testing.ts";
import {
  CLOSINGS,
  type Ending,
  type Item,
  type Operation,
  play,
  type ProducerPlan,
  type Script,
  type Step,
} from "./conversation.ts";

/** What happens to the bytes on the way, besides. */
interface Weather {
  readonly seed: number;
  readonly resetAfter: number;
}

const many = (count: number, of: fc.Arbitrary<Operation>): fc.WeightedArbitrary<Operation> => ({
  weight: count,
  arbitrary: of,
});

const ending: fc.Arbitrary<Ending> = fc.constantFrom<Ending[]>("line", "line", 0, 1, 7, 100, null);
const ownEnding = fc.option(ending, { nil: undefined });
/** Some data is more than the other end holds that does not read. */
const length = fc.constantFrom(0, 1, 3, 10, 50, 5_000, 70_000);

const closing: fc.Arbitrary<Operation> = fc.record({ op: fc.constantFrom(...CLOSINGS) });

const data: fc.Arbitrary<Item> = fc.record({ length, isText: fc.boolean() });

const producer = (does: fc.Arbitrary<Operation>): fc.Arbitrary<ProducerPlan> =>
  fc.record({
    isAsync: fc.boolean(),
    pieces: fc.array(length, { maxLength: 3 }),
    then: fc.constantFrom("ends", "ends", "throws", "goes on", "hangs", "yields nonsense"),
    does: fc.option(does, { nil: undefined, freq: 1 }),
    doesAtReturn: fc.option(does, { nil: undefined, freq: 1 }),
  });

const push = (item: fc.Arbitrary<Item>): fc.Arbitrary<Operation> =>
  fc.record({ op: fc.constant("push"), items: fc.array(item, { maxLength: 3 }) });

const read: fc.Arbitrary<Operation> = fc.record({
  op: fc.constantFrom("read", "readBytes", "readText"),
  ending: ownEnding,
  giveUp: fc.constantFrom(undefined, undefined, "before", "at once", "soon"),
});

const setting: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant("terminator"), ending }),
  fc.record({ op: fc.constant("maxFrameLength"), limit: fc.constantFrom(0, 5, 1_000, Infinity) }),
);

const reading: fc.Arbitrary<Operation> = fc.oneof(
  many(3, read),
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
      ending: ownEnding,
      pieces: fc.constantFrom(0, 1, 2, 1_000),
    }),
  ),
);

const plain: fc.Arbitrary<Operation> = fc.record({
  op: fc.constantFrom("flush", "send", "stats", "wrong"),
});

/** What a producer does to its own chat. */
const inside = fc.oneof(closing, plain, setting, reading, push(data));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  many(6, reading),
  many(5, push(fc.oneof(data, producer(inside)))),
  many(3, plain),
  many(1, setting),
  many(3, closing),
);

const step: fc.Arbitrary<Step> = fc.record({
  end: fc.constantFrom(0, 1),
  does: operation,
  isStale: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  then: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 1, arbitrary: fc.constant("await" as const) },
  ),
});

const options: fc.Arbitrary<Script["options"][0]> = fc.record({
  incomplete: fc.constantFrom("throw", "yield", "drop"),
  highWaterMark: fc.constantFrom(0, 20, 64 * 1024),
  maxQueuedBytes: fc.constantFrom(200, 100_000, Infinity, Infinity),
});

const script: fc.Arbitrary<Script> = fc.record({
  options: fc.tuple(options, options),
  steps: fc.array(step, { minLength: 1, maxLength: 15 }),
  finale: fc.constantFrom("close", "goodbye"),
});

const weather: fc.Arbitrary<Weather | undefined> = fc.option(
  fc.record({ seed: fc.nat(), resetAfter: fc.constantFrom(0, 30, 10_000, Infinity, Infinity) }),
  { nil: undefined },
);

/** Checks the property on random scripts. `seed` and `path` repeat a failure that was reported. */
export async function checkConversations(
  numRuns: number,
  { makePair = memoryPair, ...repeat }: { makePair?: MakePair; seed?: number; path?: string } = {},
): Promise<void> {
  const property = fc.asyncProperty(script, weather, async (script, weather) => {
    const pair = async (): Promise<[Connection, Connection]> => {
      const [left, right] = await makePair();
      return [weather === undefined ? left : chaos(left, weather), right];
    };
    await play(pair, script);
  });
  await fc.assert(property, { numRuns, ...repeat });
}
