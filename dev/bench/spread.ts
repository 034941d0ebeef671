/** The median of what was measured, round by round, and the least and the most of it. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Of that many digits a measurement is worth. */
const DIGITS = 4;

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return { median: round(median), least: round(sorted[0]!), most: round(sorted.at(-1)!) };
}

function round(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
