/** One scenario of the soak: two chats with each other, all of it drawn from a seed. */
import { type Connection, memoryPair } from "../../../mod.ts";
import { chaos } from "../../../testing.ts";
import type { CountingSignal } from "../counting_signal.ts";
import { findWrongs } from "./checks.ts";
import { delay } from "./delay.ts";
import type { Ending } from "./endings.ts";
import { describePlan, makePlans } from "./plan.ts";
import { Random } from "./random.ts";
import { Side } from "./side.ts";

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
  const plans = makePlans(random);
  log(`${isTcp ? "TCP" : "memory"}, ${JSON.stringify(plans.map(({ chaos }) => chaos))}`);
  for (const plan of plans) log(describePlan(plan));
  const raws = isTcp ? await surroundings.pair() : memoryPair();
  const [a, b] = [0, 1].map((at) => {
    const [plan, raw] = [plans[at]!, raws[at]!];
    const vanish = (): void => raw.close();
    return new Side(plan, chaos(raw, plan.chaos), vanish, surroundings.signal, random.fork(), log);
  }) as [Side, Side];
  [a.peer, b.peer] = [b, a];

  const failure = await failureOf([a, b], raws);
  // Where something went wrong, nothing is to stay behind all the same; elsewhere, it would hide what does.
  if (failure !== undefined) {
    for (const raw of raws) raw.close();
    for (const { chat } of [a, b]) chat.close();
  }
  const [aStats, bStats] = [a.stats, b.stats];
  return {
    endings: plans.map(({ ending }) => ending),
    isTcp,
    bytes: aStats.bytesIn + bStats.bytesIn,
    frames: aStats.framesIn + bStats.framesIn,
    failure,
  };
}

/** Lets both play their parts, and returns what went wrong. */
async function failureOf(
  sides: readonly Side[],
  raws: readonly Connection[],
): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hangs = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`it hangs:\n  ${sides.map(({ state }) => state).join("\n  ")}`));
    }, PATIENCE);
  });
  try {
    await Promise.race([Promise.all(sides.map((side) => side.play())), hangs]);
    await Promise.race([settled(sides, raws), hangs]);
    const wrongs = findWrongs(sides);
    return wrongs.length === 0 ? undefined : wrongs.join("\n  ");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for what ends by itself a little later: reads and writes that a close interrupts, producers that are told. */
async function settled(sides: readonly Side[], raws: readonly Connection[]): Promise<void> {
  await Promise.all(raws.map(({ closed }) => closed));
  const isSettled = (): boolean =>
    sides.every(({ connection, writer }) =>
      connection.isOver && writer.producers.wrongs.length === 0
    );
  for (let turns = 0; turns < 100 && !isSettled(); turns++) await delay(turns);
}
