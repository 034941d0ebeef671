// A time by which something must have happened.
import { inNextTurn } from "./turns.ts";

export class Deadline {
  #timer: ReturnType<typeof setTimeout>;
  #isCleared = false;
  constructor(milliseconds: number, call: () => void) {
    this.#timer = setTimeout(() =>
      inNextTurn(() => {
        if (!this.#isCleared) call();
      }), milliseconds);
  }
  clear(): void {
    this.#isCleared = true;
    clearTimeout(this.#timer);
  }
}
