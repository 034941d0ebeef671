// Who waits in the queue of readers; of them, the one who wants one frame.

import { Deferred } from "../common/deferred.ts";
import type { Steps } from "../common/turns.ts";
import type { Framer } from "../framer.ts";
import type { Frame } from "../framer/frame_text.ts";

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

/** What is taken from the framer: a frame, or something of several; `undefined` if that needs more bytes. */
export type Take<F extends Frame, T> = (framer: Framer<F>) => T | undefined;

export class FrameReader<F extends Frame, T, Result> extends Deferred<Result> implements Reader {
  isSettled = false;
  /** The loop that waits for it, which may be left. */
  readonly loop: Steps | undefined;
  readonly #framer: Framer<F>;
  readonly #take: Take<F, T>;
  readonly #toResult: (frame: T | null) => Result;
  #whenSettled: (() => void)[] | undefined;

  /**
   * @param toResult Makes of the frame, or of `null` at the end, what the promise gives.
   * @param loop The loop that waits for it, if one does.
   */
  constructor(
    framer: Framer<F>,
    take: Take<F, T>,
    toResult: (frame: T | null) => Result,
    loop?: Steps,
  ) {
    super();
    this.#framer = framer;
    this.#take = take;
    this.#toResult = toResult;
    this.loop = loop;
  }

  /** Calls back when the read is answered, or given up. */
  onSettled(call: () => void): void {
    (this.#whenSettled ??= []).push(call);
  }

  serve(): Served {
    try {
      const frame = this.#take(this.#framer);
      if (frame === undefined) return "hungry";
      this.#settle();
      this.resolve(this.#toResult(frame));
    } catch (error) {
      this.giveUp(error);
    }
    return "done";
  }

  finish(end: Error | null): void {
    if (end !== null) return this.giveUp(end);
    this.#settle();
    this.resolve(this.#toResult(null));
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
