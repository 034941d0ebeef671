// What is printed of a script: its steps, and what they have led to.

import type { TurnLines } from "./difference.ts";
import { describeStep, type Script } from "./script.ts";
import { inspectBriefly } from "./describe.ts";

/**
 * The script, turn by turn, each followed by what it has led to, up to the first difference: `=` is told of both versions,
 * `-` of the old one, and `+` of the new one.
 */
export function printScript(script: Script, turns: readonly TurnLines[]): string {
  const { steps, ...rest } = script;
  const lines = Object.entries(rest).map(([name, value]) => `${name}: ${inspectBriefly(value)}`);
  const firstDifferent = turns.find(({ isSame }) => !isSame);
  const tell = (which: (turn: number) => boolean): void => {
    for (const told of turns.filter(({ turn }) => which(turn))) {
      if (firstDifferent !== undefined && told.turn > firstDifferent.turn) return;
      lines.push(...told.lines.map((line) => `      ${line}`));
      if (told === firstDifferent) lines.push("      ^^^ here they differ");
    }
  };
  let now = 0;
  lines.push("turn 0");
  for (const [index, step] of steps.entries()) {
    if (step.does !== "turn") {
      lines.push(`  #${index} ${describeStep(step)}`);
      continue;
    }
    tell((turn) => turn === now);
    lines.push(`turn ${++now}`);
  }
  tell((turn) => turn >= now); // that of the last steps, and what is left when all is over
  return lines.join("\n");
}
