// A deadline for what the peer should do: it counts only what the program could have seen.

import { afterTurnOfIo } from "./turns.ts";

/*
 * A timer fires as soon as a busy program comes back to its event loop. What the peer has sent meanwhile waits in the
 * system still, and the program is to blame, not the peer. So when the timer has fired, one turn of I/O passes: the
 * sockets are polled, and what they bring is delivered. If that clears the deadline, it is not called.
 */
export class Deadline {
  readonly #call: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isCleared = false;

  /**
   * @param milliseconds How long it takes, at least.
   * @param call Is called then, unless the deadline was cleared.
   * @param turns How many turns of I/O what is waited for takes, if the peer is quick: a handshake goes back and forth.
   * The time is divided by them, and each part ends with a turn.
   */
  constructor(milliseconds: number, call: () => void, turns: number = 1) {
    this.#call = call;
    this.#start(Math.ceil(milliseconds / turns), turns);
  }

  /** Gives it up. Harmless when repeated, and when it has been called. */
  clear(): void {
    this.#isCleared = true;
    clearTimeout(this.#timer);
  }

  #start(milliseconds: number, turns: number): void {
    const onTurn = (): void => {
      if (this.#isCleared) return;
      if (turns > 1) this.#start(milliseconds, turns - 1);
      else this.#call();
    };
    this.#timer = setTimeout(() => afterTurnOfIo(onTurn), milliseconds);
  }
}
