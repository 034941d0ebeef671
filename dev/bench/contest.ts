/**
 * What is measured: contestants that do the same work, one after the other, round by round, in one process. So a ratio holds on a
 * machine that does other work as well, where times do not. Each hands every frame to `add`: a contest in which two have not
 * given the same frames fails.
 */

/** A frame as a library gives it. */
export type Frame = string | Uint8Array;
export type Add = (frame: Frame) => void;

/** Does the work once. Returns what it took, if that is not the time from the beginning to the end. */
export type Contestant = (add: Add) => Promise<number | void> | number | void;

export interface Figure {
  /** The same name on each runtime: its floors are found by it. */
  readonly name: string;
  readonly ours: string;
  /** What ours is compared with: the one of these that takes the least. Without it, the figure is what ours takes. */
  readonly against?: readonly string[];
  /** How much more ours takes. Default: a ratio, how many times as fast ours is. */
  readonly as?: "difference";
  /** What a ratio must reach. */
  readonly atLeast?: number;
  /** What a value or a difference may be. */
  readonly atMost?: number;
  /** The row of the chart: what people would use instead, and the contestant that is the limit. */
  readonly chart?: { readonly row: string; readonly limit?: string };
}

export interface Contest {
  readonly name: string;
  readonly contestants: Readonly<Record<string, Contestant>>;
  readonly figures: readonly Figure[];
  /** What is measured; less is better. Default: `"ms"`. */
  readonly unit?: string;
  /** How many frames each must give. */
  readonly frames?: number;
  /** Default: 5. */
  readonly rounds?: number;
  /** Whether a round comes first that is not measured. Default: `true`. */
  readonly warmUp?: boolean;
}

export interface FigureResult extends Figure {
  /** Whom it was compared with. */
  readonly best?: string;
  readonly unit: string;
  /** The median of the rounds' figures, and the least and the most of them. */
  readonly value: Spread;
  /** How many times as fast as that the limit is. */
  readonly limit?: number;
}

export type Spread = readonly [median: number, least: number, most: number];

export interface ContestResult {
  readonly name: string;
  readonly unit: string;
  readonly measured: Readonly<Record<string, Spread>>;
  readonly figures: readonly FigureResult[];
}

/** A contest of slow contestants has fewer rounds. In milliseconds. */
const LONGEST = 15_000;
const LEAST_ROUNDS = 3;

/** Holds a contest. `most` limits the rounds. */
export async function hold(contest: Contest, most: number): Promise<ContestResult> {
  const { name, contestants, unit = "ms", rounds = 5, warmUp = true } = contest;
  const measured: Record<string, number[]> = {};
  const begin = performance.now();
  for (let round = warmUp ? 0 : 1; round <= Math.min(rounds, most); round++) {
    if (round > LEAST_ROUNDS && performance.now() - begin > LONGEST) break;
    let expected: string | undefined;
    // Each comes after another one every other round, whose garbage it may have to collect. (To collect it before is no way:
    // V8 drops the code of functions that were not called during several collections, and all would begin cold.)
    const order = Object.entries(contestants);
    for (const [who, run] of round % 2 === 0 ? order : order.toReversed()) {
      // The first round looks at every byte, which would change the times of the others.
      const counter = round === 0 ? new Digest() : new Counter();
      const start = performance.now();
      const taken = await run((frame) => counter.add(frame)) ?? performance.now() - start;
      const summary = counter.summary;
      if (contest.frames !== undefined && counter.frames !== contest.frames) {
        throw new Error(`${name}: ${who} gave ${summary}, not ${contest.frames} frames`);
      }
      if (counter.frames > 0 && summary !== (expected ??= summary)) {
        throw new Error(`${name}: ${who} gave ${summary}, others ${expected}`);
      }
      if (round > 0) (measured[who] ??= []).push(taken);
    }
  }
  const spreads = Object.entries(measured).map(([who, all]) => [who, spreadOf(all)]);
  return {
    name,
    unit,
    measured: Object.fromEntries(spreads),
    figures: contest.figures.map((figure) => ({
      ...figure,
      ...figureOf(figure, measured, unit),
    })),
  };
}

/** Counts frames, and how long they are together. */
class Counter {
  frames = 0;
  length = 0;

  add(frame: Frame): void {
    this.frames++;
    this.length += frame.length;
  }

  get summary(): string {
    return `${this.frames} frames of ${this.length} in all`;
  }
}

/** Counts, and hashes every byte (FNV-1a, 32 bits). */
class Digest extends Counter {
  #hash = 0x811c9dc5;

  override add(frame: Frame): void {
    super.add(frame);
    const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
    this.#hash ^= bytes.length;
    for (const byte of bytes) this.#hash = Math.imul(this.#hash ^ byte, 0x01000193);
  }

  override get summary(): string {
    return `${super.summary} (digest ${this.#hash >>> 0})`;
  }
}

type Measured = Readonly<Record<string, readonly number[]>>;

function figureOf(
  { name, ours, against = [], as, chart }: Figure,
  measured: Measured,
  unit: string,
): Pick<FigureResult, "best" | "unit" | "value" | "limit"> {
  const roundsOf = (who: string): readonly number[] => {
    const found = measured[who];
    if (found === undefined) throw new TypeError(`${name}: there is no contestant ${who}`);
    return found;
  };
  if (against.length === 0) return { unit, value: spreadOf(roundsOf(ours)) };
  const best = against.toSorted((a, b) => median(roundsOf(a)) - median(roundsOf(b)))[0]!;
  const theirs = roundsOf(best);
  const ratioOf = (who: string): readonly number[] =>
    roundsOf(who).map((taken, at) => theirs[at]! / taken);
  if (as === "difference") {
    const more = roundsOf(ours).map((taken, at) => taken - theirs[at]!);
    return { best, unit, value: spreadOf(more) };
  }
  const limit = chart?.limit === undefined ? {} : { limit: median(ratioOf(chart.limit)) };
  return { best, unit: "x", value: spreadOf(ratioOf(ours)), ...limit };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

function spreadOf(values: readonly number[]): Spread {
  return [median(values), Math.min(...values), Math.max(...values)];
}

/** Whether a figure is as good as it must be; `undefined` where nothing is asked of it. */
export function isMet({ atLeast, atMost, value: [value] }: FigureResult): boolean | undefined {
  if (atLeast !== undefined) return value >= atLeast;
  return atMost === undefined ? undefined : value <= atMost;
}
