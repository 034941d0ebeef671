import type { Results } from "./results.ts";

/** By workload, contest and figure, and runtime: the least ratio that is no news. Far below what was measured, for noise. */
export type Floors = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>
>;

/** The figures that are below their floors, in words; a floor whose figure was not measured is one, too. */
export function belowFloor(
  { workloads }: Results,
  floors: Floors,
  runtimes: readonly string[],
): string[] {
  const problems: string[] = [];
  for (const [workload, figures] of Object.entries(floors)) {
    for (const [name, byRuntime] of Object.entries(figures)) {
      for (const runtime of runtimes) {
        const floor = byRuntime[runtime];
        if (floor === undefined) continue;
        const met = workloads[workload]?.[runtime]
          ?.flatMap((contest) => contest.figures.map((each) => ({ contest, each })))
          .find(({ contest, each }) => `${contest.name}: ${each.name}` === name)?.each.ratio.median;
        if (met === undefined) problems.push(`${runtime}: ${name}: not measured`);
        else if (met < floor) {
          problems.push(`${runtime}: ${name}: ${met.toFixed(2)}, and the floor is ${floor}`);
        }
      }
    }
  }
  return problems;
}
