/** One scenario of the soak: two chats with each other, all of it drawn from a seed. */
import { type Connection, memoryPair } from "../../../mod.ts";
import { chaos, type ChaosOptions } from "../../../testing.ts";
import type { CountingSignal } from "../counting_signal.ts";
import { makeKinds, makeScript } from "./messages.ts";
import { Random } from "./random.ts";
import { DISORDERLY, type Ending, type Moment, ORDERLY, Side, type SidePlan } from "./side.ts";

/** What scenarios have in common. */
export interface Surroundings {
  /** A signal that many chats listen to at once, and that is never aborted. */
  readonly signal: CountingSignal;
  /** Two connections with each other, over a transport of the runtime. */
  pair(): Promise<[Connection, Connection]>;
}

/** What a scenario came to. */
export interface Outcome {
  readonly endings: readonly Ending[];
  readonly isTcp: boolean;
  readonly bytes: number;
  readonly frames: number;
  /** What went wrong, and what there is to know about it; nothing if all was well. */
  readonly failure: string | undefined;
}

/** How long a scenario may take, in milliseconds, on a machine that is busy with a thousand others. */
const PATIENCE = 60_000;

/**
 * Plays the scenario of a seed, and checks all that can be known of it.
 * @param seed A whole number.
 * @param surroundings What it has in common with others.
 * @param log Is told what happens.
 */
export async function playScenario(
  seed: number,
  surroundings: Surroundings,
  log: (line: string) => void = () => {},
): Promise<Outcome> {
  const random = new Random(seed);
  const isTcp = random.chance(0.5);
  const [planA, planB, chaosA, chaosB] = makePlans(random);
  log(`${isTcp ? "TCP" : "memory"}, ${JSON.stringify([chaosA, chaosB])}`);
  for (const plan of [planA, planB]) log(describePlan(plan));
  const [rawA, rawB] = isTcp ? await surroundings.pair() : memoryPair();

  const { signal } = surroundings;
  const a = new Side(planA, chaos(rawA, chaosA), () => rawA.close(), signal, random.fork(), log);
  const b = new Side(planB, chaos(rawB, chaosB), () => rawB.close(), signal, random.fork(), log);
  a.peer = b;
  b.peer = a;
  const sides = [a, b];
  let failure: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const hangs = new Promise<never>((_, reject) => {
      const tell = (): void =>
        reject(
          new Error(`it hangs:\n  ${sides.map(({ state }) => state).join("\n  ")}`),
        );
      timer = setTimeout(tell, PATIENCE);
    });
    await Promise.race([Promise.all([a.play(), b.play()]), hangs]);
    await Promise.race([settled(sides, [rawA, rawB]), hangs]);
    failure = check(sides);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    // Where something went wrong, nothing is to stay behind all the same; elsewhere, it would hide what does.
    if (failure !== undefined) {
      for (const raw of [rawA, rawB]) raw.close();
      for (const { chat } of sides) chat.close();
    }
  }
  const [aStats, bStats] = [a.stats, b.stats];
  return {
    endings: [planA.ending, planB.ending],
    isTcp,
    bytes: aStats.bytesIn + bStats.bytesIn,
    frames: aStats.framesIn + bStats.framesIn,
    failure,
  };
}

/** Waits for what ends by itself a little later: reads and writes that a close interrupts, producers that are told. */
async function settled(sides: readonly Side[], raws: readonly Connection[]): Promise<void> {
  await Promise.all(raws.map(({ closed }) => closed));
  const isSettled = (): boolean =>
    sides.every(({ connection, producers }) => connection.isOver && producers.wrongs.length === 0);
  for (let turns = 0; turns < 100 && !isSettled(); turns++) {
    await new Promise((resolve) => setTimeout(resolve, turns));
  }
}

function check(sides: readonly Side[]): string | undefined {
  const wrongs: string[] = [];
  for (const side of sides) {
    const { peer, plan, connection, stats } = side;
    const { messages, tail } = plan.incoming;
    const claim = (isTrue: boolean, what: string): void => {
      if (!isTrue) wrongs.push(`${plan.name}: ${what}`);
    };
    const same = (found: number, expected: number, what: string): void =>
      claim(found === expected, `${what}: ${found}, not ${expected}`);

    wrongs.push(...side.failures);
    wrongs.push(...connection.wrongs.map((wrong) => `${plan.name}: ${wrong}`));
    wrongs.push(...side.producers.wrongs.map((wrong) => `${plan.name}: ${wrong}`));
    claim(connection.isOver, `the connection still has ${connection.underWay}`);
    const listeners = side.signals.reduce((sum, each) => sum + each.listeners, 0);
    same(listeners, 0, "listeners on signals");

    same(stats.framesOut, side.framesSent, "stats.framesOut");
    if (side.framesAreKnown) same(stats.framesIn, side.framesRead, "stats.framesIn");
    same(stats.bytesOut, connection.bytesWritten, "stats.bytesOut");
    claim(stats.bytesIn <= connection.bytesRead, `stats.bytesIn: ${stats.bytesIn}`);
    claim(
      connection.bytesRead <= peer.connection.bytesOffered,
      `${connection.bytesRead} bytes were read, ${peer.connection.bytesOffered} written`,
    );
    same(side.chat.stats.queued, 0, "stats.queued");
    if (!side.isWhole) continue;
    same(side.received, messages.length, "messages received");
    same(side.tailReceived, tail?.length ?? 0, "bytes of the tail received");
    same(connection.bytesRead, peer.connection.bytesWritten, "bytes read");
    if (side.isBetweenFrames) same(stats.bytesIn, peer.stats.bytesOut, "stats.bytesIn");
  }
  return wrongs.length === 0 ? undefined : wrongs.join("\n  ");
}

type Plans = [SidePlan, SidePlan, ChaosOptions, ChaosOptions];

function makePlans(random: Random): Plans {
  const isHeavy = random.chance(0.03);
  const isOrderly = random.chance(0.4);
  const kinds = makeKinds(random);
  const scriptA = makeScript(random, kinds, isHeavy);
  const otherKinds = random.chance(0.5) ? kinds : makeKinds(random);
  const scriptB = makeScript(random, otherKinds, isHeavy);
  const endings = [random.pick(ORDERLY), random.pick(ORDERLY)];
  if (!isOrderly) {
    endings[random.below(2)] = random.pick(DISORDERLY);
    if (random.chance(0.3)) endings[random.below(2)] = random.pick(DISORDERLY);
  }
  // Two who are silent would be so for ever.
  if (endings[0] === "silence" && endings[1] === "silence") endings[1] = "close()";

  const encoding = (): string | undefined => random.pick([undefined, "utf-8", "utf-16le"]);
  const planOf = (at: 0 | 1): SidePlan => {
    const ending = endings[at]!;
    const peersEnding = endings[1 - at]!;
    const mustTimeOut = ending === "stall" || peersEnding === "silence";
    const idleTimeout = mustTimeOut
      ? 20 + random.below(100)
      : random.chance(0.2)
      ? 100_000
      : undefined;
    return {
      name: at === 0 ? "A" : "B",
      outgoing: at === 0 ? scriptA : scriptB,
      incoming: at === 0 ? scriptB : scriptA,
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
  };
  const chaosOf = (at: 0 | 1): ChaosOptions => {
    const after = random.below(random.pick([1, 100, 10_000, 200_000]));
    return {
      seed: random.below(2 ** 32),
      split: random.pick([0, 0.1, 0.5, 0.9]),
      merge: random.pick([0, 0.1, 0.5, 0.9]),
      delay: random.pick([0, 0.01, 0.1]),
      ...endings[at] === "reset" ? { resetAfter: after } : {},
      ...endings[at] === "stall" ? { stallAfter: after } : {},
    };
  };
  return [planOf(0), planOf(1), chaosOf(0), chaosOf(1)];
}

function makeMoment(random: Random, mustPass: boolean): Moment {
  const after = mustPass
    ? "milliseconds"
    : random.pick(["sent", "received", "milliseconds"] as const);
  return { after, count: random.below(random.pick([1, 5, 30])) };
}

function describePlan(plan: SidePlan): string {
  const { name, outgoing, options, encodings, ending, moment, isSticky, detaches } = plan;
  const messages = outgoing.messages.map(({ name, length }) => `${name} ${length}`).join(", ");
  return `${name}: ${ending}, ${moment.count} ${moment.after}, sticky ${isSticky}, ` +
    `detaches ${detaches}, encodings ${encodings.join(", ")}, ${JSON.stringify(options)}\n` +
    `  sends ${messages || "nothing"}, tail ${outgoing.tail?.length ?? "none"}`;
}
