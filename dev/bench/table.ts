/** What was measured, as a person reads it. */
import type { ContestResult } from "./contest.ts";
import { type FigureResult, isMet } from "./figures.ts";
import { figuresIn, fullName, type Results } from "./results.ts";
import type { Spread } from "./spread.ts";

/** A contest: what each contestant took, the least and the most of it, and the figures. */
export function contestTable({ name, unit, work, measured, figures }: ContestResult): string {
  const width = Math.max(...Object.keys(measured).map((who) => who.length));
  const rows = Object.entries(measured).map(([who, { median, least, most }]) => {
    const rate = work === undefined
      ? ""
      : `${number(work.amount / median * 1000)} ${work.unit}/s`.padStart(18);
    const columns = [who.padEnd(width), `${number(median)} ${unit}`.padStart(12), rate];
    return `    ${columns.join(" ")}   ${number(least)} to ${number(most)}`;
  });
  return [`\n  ${name}`, ...rows, ...figures.map((figure) => `    = ${inWords(figure)}`)].join(
    "\n",
  );
}

function inWords(figure: FigureResult): string {
  const { name, against, best, unit, value } = figure;
  const compared = against.length > 1 ? ` (${best})` : "";
  return `${number(value.median)} ${unit} [${range(value)}] ${name}${compared}${goal(figure)}`;
}

function range({ least, most }: Spread): string {
  return `${number(least)} to ${number(most)}`;
}

function goal(figure: FigureResult): string {
  const met = isMet(figure);
  return met === undefined ? "" : `; ${wanted(figure)} wanted: ${met ? "met" : "MISSED"}`;
}

export function wanted({ atLeast, atMost, unit }: FigureResult): string {
  return atLeast === undefined ? `at most ${atMost} ${unit}` : `at least ${atLeast} ${unit}`;
}

/** The figures that must arrive somewhere, and whether they did: a line for each, a column for each runtime. */
export function goalsTable(results: Results): string {
  const goals = new Map<string, { wanted: string; byPlace: Map<string, string> }>();
  const places: Set<string> = new Set();
  for (const found of figuresIn(results)) {
    const { figure, place } = found;
    const met = isMet(figure);
    if (met === undefined) continue;
    places.add(place);
    const row = goals.get(fullName(found)) ?? { wanted: wanted(figure), byPlace: new Map() };
    goals.set(fullName(found), row);
    row.byPlace.set(place, `${number(figure.value.median)} ${met ? "met" : "MISSED"}`);
  }
  const rows = [["goal", "wanted", ...places]];
  for (const [name, { wanted, byPlace }] of goals) {
    rows.push([name, wanted, ...[...places].map((place) => byPlace.get(place) ?? "")]);
  }
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
    .join("\n");
}

/** A number with as many digits as it is worth. */
export function number(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
