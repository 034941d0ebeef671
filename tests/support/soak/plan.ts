/** What happens in a scenario, all of it drawn from its seed. */
import type { ChatOptions } from "../../../mod.ts";
import type { ChaosOptions } from "../../../testing.ts";
import { DISORDERLY, type Ending, ORDERLY, PASSIVE } from "./endings.ts";
import { makeKinds, makeScript, type Script } from "./messages.ts";
import type { Random } from "./random.ts";

/** When an ending begins that begins at any moment. */
export interface Moment {
  readonly after: "sent" | "received" | "milliseconds";
  readonly count: number;
}

/** What one end does. */
export interface SidePlan {
  readonly name: string;
  readonly outgoing: Script;
  readonly incoming: Script;
  /** Whether frames are read by the terminator that is set, or each by one of its own. */
  readonly isSticky: boolean;
  readonly options: Omit<ChatOptions, "terminator" | "signal" | "encoding">;
  /** The encodings of its chats, one after the other. */
  readonly encodings: readonly (string | undefined)[];
  readonly ending: Ending;
  readonly moment: Moment;
  readonly detaches: boolean;
  /** What its connection suffers. */
  readonly chaos: ChaosOptions;
}

/** The plans of both ends. */
export function makePlans(random: Random): [SidePlan, SidePlan] {
  const isHeavy = random.chance(0.03);
  const isOrderly = random.chance(0.4);
  const kinds = makeKinds(random);
  const scriptA = makeScript(random, kinds, isHeavy);
  const otherKinds = random.chance(0.5) ? kinds : makeKinds(random);
  const scriptB = makeScript(random, otherKinds, isHeavy);
  const endings = makeEndings(random, isOrderly);
  const a = makePlan(random, "A", [scriptA, scriptB], endings);
  const b = makePlan(random, "B", [scriptB, scriptA], [endings[1], endings[0]]);
  return [
    { ...a, chaos: makeChaos(random, a.ending) },
    { ...b, chaos: makeChaos(random, b.ending) },
  ];
}

function makeEndings(random: Random, isOrderly: boolean): [Ending, Ending] {
  const endings: [Ending, Ending] = [random.pick(ORDERLY), random.pick(ORDERLY)];
  if (!isOrderly) {
    endings[random.below(2)] = random.pick(DISORDERLY);
    if (random.chance(0.3)) endings[random.below(2)] = random.pick(DISORDERLY);
  }
  // Two who wait for each other would do so for ever.
  if (endings.every((ending) => PASSIVE.includes(ending))) endings[1] = "close()";
  return endings;
}

function makePlan(
  random: Random,
  name: string,
  [outgoing, incoming]: readonly [Script, Script],
  [ending, peersEnding]: readonly [Ending, Ending],
): Omit<SidePlan, "chaos"> {
  const mustTimeOut = ending === "stall" || PASSIVE.includes(peersEnding);
  const encoding = (): string | undefined => random.pick([undefined, "utf-8", "utf-16le"]);
  const idleTimeout = mustTimeOut
    ? 20 + random.below(100)
    : random.chance(0.2)
    ? 100_000
    : undefined;
  return {
    name,
    outgoing,
    incoming,
    isSticky: random.chance(0.7),
    options: {
      incomplete: random.pick(["throw", "yield", "drop"] as const),
      highWaterMark: random.pick([0, 1, 1000, undefined, undefined, undefined]),
      maxQueuedBytes: ending === "too much queued" ? random.below(10_000) : 100_000_000,
      idleTimeout,
    },
    encodings: [encoding(), encoding(), encoding()],
    ending,
    // Behind a producer without an end nothing is sent.
    moment: makeMoment(random, ending === "producer without an end, close()"),
    // A chat that was detached is not ended by whoever holds it.
    detaches: ending !== "await using" && random.chance(0.2),
  };
}

function makeMoment(random: Random, mustPass: boolean): Moment {
  const after = mustPass
    ? "milliseconds"
    : random.pick(["sent", "received", "milliseconds"] as const);
  return { after, count: random.below(random.pick([1, 5, 30])) };
}

function makeChaos(random: Random, ending: Ending): ChaosOptions {
  const after = random.below(random.pick([1, 100, 10_000, 200_000]));
  return {
    seed: random.below(2 ** 32),
    split: random.pick([0, 0.1, 0.5, 0.9]),
    merge: random.pick([0, 0.1, 0.5, 0.9]),
    delay: random.pick([0, 0.01, 0.1]),
    ...ending === "reset" ? { resetAfter: after } : {},
    ...ending === "stall" ? { stallAfter: after } : {},
  };
}

export function describePlan(plan: SidePlan): string {
  const { name, outgoing, options, encodings, ending, moment, isSticky, detaches } = plan;
  const messages = outgoing.messages.map(({ name, length }) => `${name} ${length}`).join(", ");
  return `${name}: ${ending}, ${moment.count} ${moment.after}, sticky ${isSticky}, ` +
    `detaches ${detaches}, encodings ${encodings.join(", ")}, ${JSON.stringify(options)}\n` +
    `  sends ${messages || "nothing"}, tail ${outgoing.tail?.length ?? "none"}`;
}
