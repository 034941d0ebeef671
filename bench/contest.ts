/** What is measured: contestants that do the same work, one after the other, round by round. */

/** What a contestant has counted: all must have counted the same, or they have not done the same work. */
export interface Tally {
  readonly frames: number;
  /** The length of all frames, in bytes, or in characters (which are bytes in the workloads). */
  readonly length: number;
  /** How long it took, in milliseconds, where that is not from the beginning to the end, but what a load generator says. */
  readonly milliseconds?: number;
}

/** Does the work once. */
export type Contestant = () => Tally | Promise<Tally>;

/** A ratio that is of interest: how many times as fast one contestant is as the best of others. */
export interface Figure {
  readonly name: string;
  readonly ours: string;
  readonly against: readonly string[];
  /** What it must arrive at. */
  readonly atLeast?: number;
}

export interface Contest {
  readonly name: string;
  /** What each contestant must count. */
  readonly tally: Tally;
  readonly contestants: Readonly<Record<string, Contestant>>;
  readonly figures: readonly Figure[];
  /** How many rounds are measured. Default: 7. */
  readonly rounds?: number;
}

/** The median of the rounds, and the fastest and the slowest. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface FigureResult extends Figure {
  /** The one of the others that was the fastest. */
  readonly best: string;
  readonly ratio: Spread;
}

export interface ContestResult {
  readonly name: string;
  readonly tally: Tally;
  /** Milliseconds. */
  readonly times: Readonly<Record<string, Spread>>;
  readonly figures: readonly FigureResult[];
}

const ROUNDS = 7;

/**
 * Lets all contestants do the work, in turn, so that a machine whose speed drifts does so for all of them. The first round warms
 * up, and is not measured. A ratio is the median of the rounds' ratios.
 */
export async function hold(
  { name, tally, contestants, figures, rounds = ROUNDS }: Contest,
): Promise<ContestResult> {
  const times: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [who, run] of Object.entries(contestants)) {
      const start = performance.now();
      const { frames, length, milliseconds } = await run();
      const taken = milliseconds ?? performance.now() - start;
      if (frames !== tally.frames || length !== tally.length) {
        throw new Error(
          `${name}: ${who} has counted ${frames} frames of ${length} in all, not ${tally.frames} of ${tally.length}`,
        );
      }
      if (round > 0) (times[who] ??= []).push(taken);
    }
  }
  return {
    name,
    tally,
    times: Object.fromEntries(Object.entries(times).map(([who, all]) => [who, spreadOf(all)])),
    figures: figures.map((figure) => compare(figure, times)),
  };
}

function compare(
  figure: Figure,
  times: Readonly<Record<string, readonly number[]>>,
): FigureResult {
  const timesOf = (who: string): readonly number[] => {
    const found = times[who];
    if (found === undefined) throw new TypeError(`${figure.name}: there is no ${who}`);
    return found;
  };
  const medianOf = (who: string): number => spreadOf(timesOf(who)).median;
  const best = figure.against.reduce((a, b) => medianOf(b) < medianOf(a) ? b : a);
  const ours = timesOf(figure.ours);
  return { ...figure, best, ratio: spreadOf(timesOf(best).map((time, at) => time / ours[at]!)) };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return {
    median: (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2,
    least: sorted[0]!,
    most: sorted.at(-1)!,
  };
}
