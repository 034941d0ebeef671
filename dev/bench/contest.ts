/** What is measured: contestants that do the same work, one after the other, round by round. */
import { digestOf } from "./digest.ts";
import { type Figure, figureOf, type FigureResult } from "./figures.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** What a contestant has counted: all must have counted the same, and the same frames, or they have not done the same work. */
export interface Tally {
  readonly frames: number;
  /** The length of all frames, in bytes, or in characters (which are bytes in the workloads). */
  readonly length: number;
  /** What was measured, in the contest's unit, where that is not the time from the beginning to the end. */
  readonly measured?: number;
}

/** Does the work once. */
export type Contestant = () => Tally | Promise<Tally>;

export interface Contest {
  readonly name: string;
  /** What each contestant must count. */
  readonly tally: Tally;
  readonly contestants: Readonly<Record<string, Contestant>>;
  readonly figures: readonly Figure[];
  /** What is measured, of which less is better. Default: `"ms"`. */
  readonly unit?: string;
  /** What the work comes to, to be told by the second: 136, "MB". */
  readonly work?: Work;
  /** Whether it is about frames, which all contestants must give alike. */
  readonly isOfFrames?: boolean;
  /** How many rounds are measured, unless that takes too long. Default: 5. */
  readonly rounds?: number;
  /** Whether a round comes first that is not measured. Not where each round begins in a new process. Default: `true`. */
  readonly warmUp?: boolean;
}

/** An amount of work, and its unit. */
export interface Work {
  readonly amount: number;
  readonly unit: string;
}

export interface ContestResult {
  readonly name: string;
  readonly unit: string;
  readonly work?: Work;
  readonly rounds: number;
  readonly measured: Readonly<Record<string, Spread>>;
  readonly figures: readonly FigureResult[];
}

const ROUNDS = 5;
/** On a slow machine fewer will do, so that all contests on all runtimes take less than half an hour. In milliseconds. */
const LONGEST = 15_000;
const LEAST_ROUNDS = 3;

/**
 * Lets all contestants do the work, in turn, so that a machine whose speed drifts does so for all of them. A round before those
 * that are measured warms up; one behind them sees that the frames are the same: what it looks at, engines would not forget.
 */
export async function hold(contest: Contest, mostRounds: number): Promise<ContestResult> {
  const { name, contestants, unit = "ms", work, warmUp = true } = contest;
  const wanted = Math.min(contest.rounds ?? ROUNDS, mostRounds);
  const measured: Record<string, number[]> = {};
  const begin = performance.now();
  let rounds = 0;
  for (let round = warmUp ? 0 : 1; round <= wanted; round++) {
    if (round > LEAST_ROUNDS && performance.now() - begin > LONGEST) break;
    for (const [who, run] of Object.entries(contestants)) {
      const start = performance.now();
      const tally = await run();
      const taken = tally.measured ?? performance.now() - start;
      checkTally(`${name}: ${who}`, tally, contest.tally);
      if (round > 0) (measured[who] ??= []).push(taken);
    }
    rounds = round;
  }
  await checkFrames(contest);
  return {
    name,
    unit,
    ...work === undefined ? {} : { work },
    rounds,
    measured: Object.fromEntries(
      Object.entries(measured).map(([who, all]) => [who, spreadOf(all)]),
    ),
    figures: contest.figures.map((figure) => figureOf(figure, measured, unit)),
  };
}

/** Throws unless all contestants whose frames can be looked at give the same ones. */
async function checkFrames({ name, contestants, isOfFrames }: Contest): Promise<void> {
  if (!isOfFrames) return;
  const values = new Map<string, number>();
  for (const [who, run] of Object.entries(contestants)) {
    const digest = await digestOf(run);
    if (digest.frames > 0) values.set(who, digest.value);
  }
  if (new Set(values.values()).size !== 1) {
    throw new Error(`${name}: not all give the same frames: ${JSON.stringify([...values])}`);
  }
}

/** Throws if something else was counted than must be. */
export function checkTally(who: string, counted: Tally, expected: Tally): void {
  if (counted.frames === expected.frames && counted.length === expected.length) return;
  throw new Error(
    `${who} has counted ${counted.frames} frames of ${counted.length} in all, not ${expected.frames} of ${expected.length}`,
  );
}
