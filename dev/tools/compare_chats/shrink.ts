// Makes a script shorter, as long as it shows a difference.

import type { Script, Step } from "./script.ts";

/** More than so many scripts are not tried. */
const MOST_TRIES = 600;

/** The shortest script found for which the check still says yes. */
export async function shrink(
  script: Script,
  differs: (script: Script) => Promise<boolean>,
): Promise<Script> {
  let best = script;
  let tries = 0;
  const attempt = async (candidate: Script): Promise<boolean> => {
    if (tries++ >= MOST_TRIES || !await differs(candidate)) return false;
    best = candidate;
    return true;
  };
  for (
    let length = Math.ceil(best.steps.length / 2);
    length >= 1;
    length = Math.floor(length / 2)
  ) {
    for (let at = best.steps.length - length; at >= 0; at--) {
      await attempt({ ...best, steps: best.steps.toSpliced(at, length) });
    }
  }
  for (let at = 0; at < best.steps.length; at++) {
    for (let goesOn = true; goesOn;) {
      goesOn = false;
      for (const simpler of makeSimpler(best.steps[at]!)) {
        goesOn = await attempt({ ...best, steps: best.steps.with(at, simpler) });
        if (goesOn) break;
      }
    }
  }
  for (const part of ["options", "behaviour"] as const) {
    for (const name of Object.keys(best[part])) {
      if (name === "terminator") continue;
      await attempt({ ...best, [part]: { ...best[part], [name]: undefined } });
    }
  }
  return best;
}

/** The step without one of its details, for each that it can do without. */
function makeSimpler(step: Step): Step[] {
  const simpler = OPTIONAL.filter((name) => name in step).map((name) => {
    const { [name as keyof Step]: _, ...rest } = step;
    return rest as Step;
  });
  if (step.does === "push" && step.items.length > 1) {
    for (const index of step.items.keys()) {
      simpler.push({ ...step, items: step.items.toSpliced(index, 1) });
    }
  }
  return simpler;
}

const OPTIONAL: readonly string[] = [
  ...["terminator", "signal", "timeout", "unwatched", "leaves", "sets", "ofEach", "isSlow"],
  ...["isBatches", "then", "ahead", "asBytes", "reason", "throws", "beside"],
];
