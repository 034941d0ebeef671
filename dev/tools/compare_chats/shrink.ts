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
  for (const candidate of simplerSteps(best)) await attempt(candidate(best));
  for (const part of ["options", "behaviour"] as const) {
    for (const name of Object.keys(best[part])) {
      if (name === "terminator") continue;
      await attempt({ ...best, [part]: { ...best[part], [name]: undefined } });
    }
  }
  return best;
}

/** Each detail of a step that can be left out. */
function simplerSteps(script: Script): ((script: Script) => Script)[] {
  return script.steps.flatMap((step, index) => {
    const without = (key: string) => ({ steps, ...rest }: Script): Script => {
      const { [key as keyof Step]: _, ...simpler } = steps[index]!;
      return { ...rest, steps: steps.with(index, simpler as Step) };
    };
    return OPTIONAL.filter((key) => key in step).map(without);
  });
}

const OPTIONAL: readonly string[] = [
  ...["terminator", "signal", "timeout", "unwatched", "leaves", "sets", "ofEach", "isSlow"],
  ...["isBatches", "then", "ahead", "asBytes", "reason", "throws"],
];
