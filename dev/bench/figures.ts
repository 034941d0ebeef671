/** What is of interest in what was measured: a ratio, a difference or a value, and what it must arrive at. */
import { type Spread, spreadOf } from "./spread.ts";

/** How figures come about. Of a ratio more is better, of the others less. */
const WAYS = {
  /** How many times as fast ours is: what the other takes, divided by what ours takes. */
  ratio: (ours: number, other: number): number => other / ours,
  /** How much more ours takes. */
  difference: (ours: number, other: number): number => ours - other,
  /** What ours takes. */
  value: (ours: number): number => ours,
} as const;

export interface Figure {
  readonly name: string;
  readonly ours: string;
  /** What it is compared with: the one of them that takes the least. A value is compared with none. */
  readonly against: readonly string[];
  /** Default: `"ratio"`. */
  readonly as?: keyof typeof WAYS;
  /** What a ratio must arrive at. */
  readonly atLeast?: number;
  /** What a difference or a value may be. */
  readonly atMost?: number;
  /** Whether it is the same in each run, as a size is. */
  readonly isExact?: boolean;
  /** Whether the chart shows it. */
  readonly inChart?: boolean;
}

export interface FigureResult extends Figure {
  /** The one that it was compared with. */
  readonly best?: string;
  /** `"x"` of a ratio, or what was measured. */
  readonly unit: string;
  /** The median of the rounds' figures, not the figure of the medians. */
  readonly value: Spread;
}

/** What each has measured, round by round. */
export type Measured = Readonly<Record<string, readonly number[]>>;

export function figureOf(figure: Figure, measured: Measured, unit: string): FigureResult {
  const roundsOf = (who: string): readonly number[] => {
    const found = measured[who];
    if (found === undefined) throw new TypeError(`${figure.name}: there is no ${who}`);
    return found;
  };
  const medianOf = (who: string): number => spreadOf(roundsOf(who)).median;
  const [first, ...others] = figure.against;
  const best = first === undefined
    ? undefined
    : others.reduce((a, b) => medianOf(b) < medianOf(a) ? b : a, first);
  const way = figure.as ?? "ratio";
  const theirs = roundsOf(best ?? figure.ours);
  return {
    ...figure,
    ...best === undefined ? {} : { best },
    unit: way === "ratio" ? "x" : unit,
    value: spreadOf(roundsOf(figure.ours).map((ours, at) => WAYS[way](ours, theirs[at]!))),
  };
}

/** Whether a figure is as good as it must be; `undefined` where nothing is asked of it. */
export function isMet({ atLeast, atMost, value }: FigureResult): boolean | undefined {
  if (atLeast !== undefined) return value.median >= atLeast;
  return atMost === undefined ? undefined : value.median <= atMost;
}
