// Turns of the event loop: the end of one is waited for, and work that goes on and on leaves some to others.

/*
 * What the system takes at once is known at once, on Node and Bun: a promise is resolved, and no event loop needed. So
 * whoever reads as fast as a producer produces would have all the time that there is, and everybody else none.
 */

/** How long may be worked before everything else gets a turn, in milliseconds. */
const LONGEST_RUN = 10;

/** So many steps of a turn are free, before the clock is looked at: so few hold nobody up. */
const FREE_STEPS = 16;

type Later = (call: () => void) => unknown;

/** The runtime's own, also in a test that has put other timers in their place. */
const { setTimeout, queueMicrotask, setImmediate, process } = globalThis as typeof globalThis & {
  setImmediate?: Later;
  process?: { nextTick?: Later };
};
const later: Later = setImmediate ?? ((call) => setTimeout(call, 0));
/** (A timer is no substitute here: a browser makes a program wait for it, a second in a tab that is not seen.) */
const endOfTurn: Later = setImmediate ?? queueMicrotask;

/** Calls back in the next turn of the event loop. */
export function inNextTurn(call: () => void): void {
  later(call);
}

/**
 * After how many turns of the event loop the sockets have been polled for certain, and what they brought was delivered.
 * Node polls before each immediate, Bun between two. Deno, while there is always something to run, polls at every 61st
 * task only (the `event_interval` of its scheduler, tokio).
 */
const TURNS_OF_IO = "Deno" in globalThis ? 80 : 2;

/** Calls back when the sockets have been polled, and what they brought was delivered. */
export function afterTurnOfIo(call: () => void, turns: number = TURNS_OF_IO): void {
  later(turns > 1 ? () => afterTurnOfIo(call, turns - 1) : call);
}

const afterPromises: Later = process?.nextTick ?? endOfTurn;

/**
 * Calls back when all is done that can be done before something happens outside: no promise is left that is settled and
 * not answered. Where nothing tells that, it is the end of the turn.
 */
export function afterMicrotasks(call: () => void): void {
  afterPromises(call);
}

/** What is to be called when this turn of the event loop ends. */
let calls: (() => void)[] = [];

/** Calls back when this turn of the event loop ends, or, where nobody tells that, when what the turn is about has been done. */
export function atEndOfTurn(call: () => void): void {
  if (calls.push(call) === 1) endOfTurn(callAll);
}

function callAll(): void {
  const due = calls;
  calls = [];
  for (const call of due) call();
}

/** The number of this turn of the event loop, as far as anybody asked, the next one, and since when it is waited for. */
let turn = 0;
let next: Promise<void> | undefined;
let since = 0;

function awaitNext(): Promise<void> {
  since = performance.now();
  return new Promise((resolve) => {
    later(() => {
      turn++;
      next = undefined;
      resolve();
    });
  });
}

/** Work that goes on step by step, and leaves everything else its turns. */
export class Yielder {
  #turn = 0;
  #made = 0;

  /** Is asked before each step: a promise to wait for first, if it is time that the event loop has a turn. */
  maybeYield(): Promise<void> | undefined {
    if (++this.#made <= FREE_STEPS) return undefined;
    next ??= awaitNext();
    if (this.#turn !== turn) {
      this.#turn = turn;
      this.#made = 0;
    }
    return performance.now() - since > LONGEST_RUN ? next : undefined;
  }
}
