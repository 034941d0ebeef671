/** What conversations are played in: it sees what they leave behind. */
import process from "node:process";
import { nextTurn } from "../turn.ts";
import { withTurnClock } from "../turn_clock.ts";

/** What was left behind since it was asked last. */
export type Problems = () => string[];

/** Lets the work run, and see the rejections and exceptions that were not handled. */
export async function withoutUnhandled<T>(work: (problems: Problems) => Promise<T>): Promise<T> {
  const unhandled: string[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(`not handled: ${reason instanceof Error ? reason.stack : reason}`);
  };
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  try {
    return await work(() => unhandled.splice(0));
  } finally {
    await nextTurn(); // a runtime says so when the turn ends
    process.off("unhandledRejection", note);
    process.off("uncaughtException", note);
  }
}

/** The same with timers that count turns, and none of which may be left. */
export async function inTurns<T>(work: (problems: Problems) => Promise<T>): Promise<T> {
  return await withTurnClock((timersLeft) =>
    withoutUnhandled((unhandled) =>
      work(() => {
        const left = timersLeft();
        return left === 0 ? unhandled() : [`${left} timers are left`, ...unhandled()];
      })
    )
  );
}
