// A source that gives one piece after the other, each when it is asked for.

import { bytesOf, plainBytes } from "../common/bytes.ts";
import { typeName } from "../common/checks.ts";
import { Yielder } from "../common/turns.ts";
import type { Source, SourceEvents } from "./duplex.ts";

/** What such a source gives: the next piece, whatever it is, or the end. */
export interface Step {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

export abstract class PulledSource implements Source {
  abstract readonly name: string;
  #events!: SourceEvents;
  #state: "idle" | "asking" | "over" = "idle";

  /** The next piece. It is not called while it is under way, nor after the end or an error. */
  protected abstract next(): Promise<Step>;

  /** Nothing more will be asked for, though `next()` may be under way. */
  protected abstract giveUp(reason: unknown): void;

  open(events: SourceEvents): void {
    this.#events = events;
  }

  pull(): void {
    if (this.#state !== "idle") return;
    this.#state = "asking";
    void this.#ask();
  }

  cancel(reason: unknown): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.giveUp(reason);
  }

  async #ask(): Promise<void> {
    const yielder = new Yielder();
    try {
      while (this.#state === "asking") {
        const { done, value } = await this.next();
        if (this.#state !== "asking") return;
        if (done) return this.#end(() => this.#events.onEnd());
        const bytes = bytesOf(value);
        if (bytes === undefined) return this.#refuse(value);
        if (bytes.length > 0) {
          this.#state = "idle";
          return this.#events.onChunk(plainBytes(bytes));
        }
        await yielder.maybeYield(); // it may give nothing for ever
      }
    } catch (cause) {
      this.#end(() => this.#events.onFailure(cause));
    }
  }

  #refuse(value: unknown): void {
    const error = new TypeError(`${this.name} must give Uint8Arrays, not ${typeName(value)}`);
    this.cancel(error);
    this.#events.onFailure(error, error);
  }

  #end(tell: () => void): void {
    if (this.#state === "over") return;
    this.#state = "over";
    tell();
  }
}
