// Where two traces differ.

import type { Trace } from "./trace.ts";

/** What is not compared: aspects, or `"turns"`: then it does not matter in which turn something happens. */
export type Ignored = ReadonlySet<string>;

/**
 * What one turn has led to: lines that begin with `=` where both traces tell the same, and with `-` or `+` where only the
 * first or the second tells it.
 */
export interface TurnLines {
  readonly turn: number;
  readonly lines: readonly string[];
  readonly isSame: boolean;
}

/** Compares two traces, turn by turn. Within a turn, what is about different things may come in any order. */
export function compare(old: Trace, other: Trace, ignored: Ignored): TurnLines[] {
  const [before, after] = [old, other].map((trace) => group(trace, ignored));
  const turns = [...new Set([...before!.keys(), ...after!.keys()])].sort((a, b) => a - b);
  return turns.map((turn) => {
    const [mine, theirs] = [before, after].map((turns) => turns!.get(turn) ?? new Map());
    const lines = [...new Set([...mine!.keys(), ...theirs!.keys()])].flatMap((about) =>
      diff(about, mine!.get(about) ?? [], theirs!.get(about) ?? [])
    );
    return { turn, lines, isSame: lines.every((line) => line.startsWith("=")) };
  });
}

/** What was told, by turn, and by what it is about. */
function group(trace: Trace, ignored: Ignored): Map<number, Map<string, string[]>> {
  const turns: Map<number, Map<string, string[]>> = new Map();
  for (const entry of trace.entries) {
    if (ignored.has(entry.aspect)) continue;
    const turn = ignored.has("turns") ? Infinity : entry.turn;
    const abouts = turns.get(turn) ?? new Map<string, string[]>();
    turns.set(turn, abouts);
    const told = abouts.get(entry.about) ?? [];
    abouts.set(entry.about, told);
    told.push(entry.what);
  }
  return turns;
}

function diff(about: string, mine: readonly string[], theirs: readonly string[]): string[] {
  const lines: string[] = [];
  let same = 0;
  while (same < Math.min(mine.length, theirs.length) && mine[same] === theirs[same]) same++;
  for (const what of mine.slice(0, same)) lines.push(`= ${about}: ${what}`);
  for (const what of mine.slice(same)) lines.push(`- ${about}: ${what}`);
  for (const what of theirs.slice(same)) lines.push(`+ ${about}: ${what}`);
  return lines;
}
