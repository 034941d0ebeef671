// Time, as the script lets it pass: the library's timers and clocks are put under its control.

import { afterTurnOfIo } from "../../../src/common/turns.ts";

interface Timer {
  readonly call: () => void;
  readonly due: number;
}

export class VirtualTime {
  #now = 0;
  readonly #timers: Map<object, Timer> = new Map();

  /** Replaces the timers and clocks of the runtime, for good. */
  install(): void {
    Object.assign(globalThis, {
      setTimeout: (call: () => void, after: number = 0) => {
        const timer = { ref: () => timer, unref: () => timer, hasRef: () => true };
        this.#timers.set(timer, { call, due: this.#now + after });
        return timer;
      },
      clearTimeout: (timer: object) => void this.#timers.delete(timer),
    });
    performance.now = () => this.#now;
    Date.now = () => this.#now;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Forgets the timers that wait. */
  clear(): void {
    this.#timers.clear();
  }

  /** Lets time pass. After each timer that falls due, everything that follows from it happens. */
  async pass(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [id, next] = [...this.#timers].reduce<[object?, Timer?]>(
        (first, other) => first[1] === undefined || other[1].due < first[1].due ? other : first,
        [],
      );
      if (id === undefined || next === undefined || next.due > end) break;
      this.#timers.delete(id);
      this.#now = next.due;
      next.call();
      // A deadline that has passed lets a turn of I/O pass: this one ends after that.
      await new Promise<void>((resolve) => afterTurnOfIo(resolve));
      await settle();
    }
    this.#now = end;
  }
}
