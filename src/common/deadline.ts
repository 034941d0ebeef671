// A deadline for what somebody else should do: it counts only what the program could have seen.

import { afterTurnOfIo } from "./turns.ts";

/*
 * A timer fires as soon as a busy program comes back to its event loop. What the peer has sent meanwhile waits in the
 * system still, and the program is to blame, not the peer. So when the timer has fired, one turn of I/O passes: the
 * sockets are polled, and whoever waits for what they bring has it. If that clears the deadline, it is not called.
 */
export class Deadline {
  readonly #timer: ReturnType<typeof setTimeout>;
  #isCleared = false;

  /**
   * @param milliseconds How long it takes, at least.
   * @param call Is called then, unless the deadline was cleared.
   */
  constructor(milliseconds: number, call: () => void) {
    const callUnlessCleared = (): void => {
      if (!this.#isCleared) call();
    };
    this.#timer = setTimeout(() => afterTurnOfIo(callUnlessCleared), milliseconds);
  }

  /** Gives it up. Harmless when repeated, and when it has been called. */
  clear(): void {
    this.#isCleared = true;
    clearTimeout(this.#timer);
  }
}
