/** One scenario of the soak: two chats with each other, all of it drawn from a seed. */
import type { CountingSignal } from "../counting_signal.ts";
import { findWrongs } from "./checks.ts";
import { eventually } from "./delay.ts";
import type { Ending } from "./endings.ts";
import { describe, SoakFailure } from "./failure.ts";
import { connectSides, type Link, TCP, type Transport } from "./links.ts";
import { describePlan, makePlans } from "./plan.ts";
import { Random } from "./random.ts";
import { Side } from "./side.ts";

/** What a scenario came to. */
export interface Outcome {
  readonly endings: readonly Ending[];
  readonly transport: Transport;
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
 * @param signal One that the chats of many scenarios listen to at once, and that is never aborted.
 * @param log Is told what happens.
 */
export async function playScenario(
  seed: number,
  signal: CountingSignal,
  log: (line: string) => void = () => {},
): Promise<Outcome> {
  const random = new Random(seed);
  const transport = random.chance(0.5) ? random.pick(TCP) : "memory";
  const [planA, planB] = makePlans(random);
  log(`${transport}, ${JSON.stringify([planA.chaos, planB.chaos])}`);
  for (const plan of [planA, planB]) log(describePlan(plan));
  const a = new Side(planA, signal, random.fork(), log);
  const b = new Side(planB, signal, random.fork(), log);
  [a.peer, b.peer] = [b, a];
  const failure = await failureOf([a, b], () => connectSides(transport, a, b));
  return {
    endings: [planA.ending, planB.ending],
    transport,
    bytes: a.stats.bytesIn + b.stats.bytesIn,
    frames: a.stats.framesIn + b.stats.framesIn,
    failure,
  };
}

/** Lets both play their parts, and returns what went wrong. */
async function failureOf(
  sides: readonly Side[],
  connect: () => Promise<Link>,
): Promise<string | undefined> {
  let link: Link | undefined;
  const play = async (): Promise<void> => {
    link = await connect();
    await Promise.all(sides.map((side) => side.play()));
    await settled(sides);
    const wrongs = [...await link.end(), ...findWrongs(sides)];
    if (wrongs.length > 0) throw new SoakFailure(wrongs.join("\n  "));
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hangs = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new SoakFailure(`it hangs:\n  ${sides.map(({ state }) => state).join("\n  ")}`));
    }, PATIENCE);
  });
  try {
    await Promise.race([play(), hangs]);
    return undefined;
  } catch (error) {
    // Nothing is to stay behind all the same; elsewhere, it would hide what does.
    for (const side of sides) side.abandon();
    link?.abandon();
    return error instanceof SoakFailure ? error.message : describe(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for what ends by itself a little later: reads and writes that a close interrupts, producers that are told. */
async function settled(sides: readonly Side[]): Promise<void> {
  await Promise.all(sides.map(({ connection }) => connection.closed));
  await eventually(() =>
    sides.every(({ connection, writer }) =>
      connection.isOver && writer.producers.wrongs.length === 0
    )
  );
}
