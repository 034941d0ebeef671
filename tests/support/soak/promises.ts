import { describe } from "./failure.ts";

/** The promises of one end's chats that nobody awaits. They must settle, and may reject only if something went wrong. */
export class Promises {
  /** What went wrong. */
  readonly wrongs: string[] = [];
  readonly #isCareless: boolean;
  readonly #mayRejectWith: (error: unknown) => boolean;
  readonly #waiting: Map<Promise<unknown>, string> = new Map();

  /**
   * @param isCareless Whether they are left alone: they need not be awaited, nor their rejection handled.
   * @param mayRejectWith Whether they may reject with this.
   */
  constructor(isCareless: boolean, mayRejectWith: (error: unknown) => boolean) {
    this.#isCareless = isCareless;
    this.#mayRejectWith = mayRejectWith;
  }

  /** What made those that have not settled. */
  get waiting(): string[] {
    return [...this.#waiting.values()];
  }

  note(what: string, promise: Promise<unknown>): void {
    if (this.#isCareless) return;
    this.#waiting.set(promise, what);
    promise.then(
      () => this.#waiting.delete(promise),
      (error) => {
        this.#waiting.delete(promise);
        if (!this.#mayRejectWith(error)) this.wrongs.push(`${what}: ${describe(error)}`);
      },
    );
  }

  async settled(): Promise<void> {
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting.keys());
  }
}
