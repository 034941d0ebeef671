import { Deferred } from "./deferred.ts";

/** Somebody who waits for frames. */
export interface Reader {
  /** Takes what it wants, if that is here. */
  serve(): Served;
  /** Is told that nothing more will come: the end, or what broke. */
  finish(end: Error | null): void;
  /** Is told that what had arrived was dropped. Returns whether that leaves it nothing to wait for. */
  discard(): boolean;
}

/** `"done"`: the next reader's turn. `"hungry"`: more bytes are needed. `"resting"`: its caller asks for nothing yet. */
export type Served = "done" | "hungry" | "resting";

/** Somebody who waits for one frame. */
export class FrameReader<T> extends Deferred<T | null> implements Reader {
  isSettled = false;
  readonly #take: () => T | undefined;
  #whenSettled: (() => void)[] | undefined;

  constructor(take: () => T | undefined) {
    super();
    this.#take = take;
  }

  /** Calls back when the read is answered, or given up. */
  onSettled(call: () => void): void {
    (this.#whenSettled ??= []).push(call);
  }

  serve(): Served {
    try {
      const frame = this.#take();
      if (frame === undefined) return "hungry";
      this.#settle();
      this.resolve(frame);
    } catch (error) {
      this.giveUp(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end !== null) return this.giveUp(end);
    this.#settle();
    this.resolve(null);
  }

  discard(): boolean {
    return false;
  }

  giveUp(reason: unknown): void {
    this.#settle();
    this.reject(reason);
  }

  #settle(): void {
    this.isSettled = true;
    for (const call of this.#whenSettled ?? []) call();
  }
}
