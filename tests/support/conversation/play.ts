/**
 * Two chats with each other, on which any operations are played in any order, and what must hold whatever they are: nothing
 * throws that is not documented to, or that there is no reason for; every promise settles once both ends are closed; what
 * arrives is what was sent, in order, and all of it unless an end broke off; each producer ends, or is stopped, once;
 * and no listener, and no call of the connection, stays behind.
 */
import type { MakePair } from "../../../src/testing/mod.ts";
import { PATIENCE } from "../limits.ts";
import { nextTurn } from "../turn.ts";
import { End } from "./end.ts";
import { comesToAnEnd, type Script } from "./script.ts";

/** How many turns the orderly end has where it does not come about. */
const TURNS = 30;

/** Plays a script, and checks what must hold. */
export async function play(makePair: MakePair, script: Script): Promise<void> {
  const { options, weather = [], steps, finale } = script;
  const pair = await makePair();
  const ends = pair.map((connection, i) => new End(connection, options[i]!, weather[i]));
  const [left, right] = ends as [End, End];
  [left.peer, right.peer] = [right, left];
  try {
    for (const { end, does, isStale, then } of steps) {
      const result = ends[end]!.perform(does, isStale);
      if (then === undefined) continue;
      if (then === "await") await Promise.race([result?.catch(() => {}), nextTurn()]);
      else if ("turns" in then) await turns(then.turns);
      else for (let i = 0; i < then.ticks; i++) await Promise.resolve();
    }
    if (finale === "in order") {
      for (const end of ends) end.endInOrder();
      if (comesToAnEnd(script)) {
        await settled(ends);
        for (const end of ends) end.checkWhole();
      } else await turns(TURNS);
    }
  } finally {
    for (const end of ends) end.close();
  }
  await settled(ends);
  await nextTurn(); // producers are stopped
  for (const end of ends) end.check();
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

/** Resolves when nothing is waited for any more. */
async function settled(ends: readonly End[]): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hangs = new Promise<never>((_, reject) => {
    const fail = (): void => {
      reject(new Error(`it hangs: ${ends.map(({ waiting }) => waiting.join(", "))}`));
    };
    timer = setTimeout(fail, PATIENCE);
  });
  try {
    await Promise.race([Promise.all(ends.map((end) => end.settled())), hangs]);
  } finally {
    clearTimeout(timer);
  }
}
