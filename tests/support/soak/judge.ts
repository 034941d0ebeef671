import { ChatError, ClosedError, ConnectionError, IncompleteFrameError } from "../../../mod.ts";
import { ORDERLY } from "./endings.ts";
import { describe, SoakFailure } from "./failure.ts";
import type { Side } from "./side.ts";

/** What a producer throws that fails. */
export const BROKEN: Error = new Error("broken by the producer");

/** How long a peer may take until the other may close on it, in milliseconds: closeWhenDone() waits 2 s. */
const SLOW = 1_500;

/** Knows what may happen to one end, given how both of them end. */
export class Judge {
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  /** Whether it ends in order. */
  get isOrderly(): boolean {
    return ORDERLY.includes(this.#side.plan.ending);
  }

  /** Whether it reads to the end of what is sent. */
  get readsAll(): boolean {
    return this.#side.plan.ending !== "closeWhenDone() early";
  }

  /** Whether all that the peer sends must have been read. */
  get isWhole(): boolean {
    return this.readsAll && !this.mayBeCut;
  }

  /** Whether what the peer sends may be read in part only. */
  get mayBeCut(): boolean {
    return !this.isOrderly || !this.#peer.isOrderly || this.#isSlow;
  }

  /** Whether a frame may be a part of what was sent: where that is asked for, and after discardBuffers(). */
  get mayBePart(): boolean {
    const { hasDiscarded, plan } = this.#side;
    return hasDiscarded || (plan.options.incomplete === "yield" && this.mayBeCut);
  }

  /** Throws, unless the chat may have ended with this. */
  allowEnd(error: unknown, what: string): void {
    if (error instanceof SoakFailure) throw error;
    if (!this.#mayEndWith(error)) this.fail(`${what}: ${describe(error)}`);
  }

  /** Throws, unless a read may have rejected with this, and nothing more be read. */
  allowReadEnd(error: unknown, what: string): void {
    if (this.#side.hasDiscarded && error instanceof ChatError) return;
    if (error instanceof IncompleteFrameError && this.mayBeCut) return;
    if (error instanceof ClosedError && (!this.isOrderly || !this.readsAll)) return;
    this.allowEnd(error, what);
  }

  /** Whether what was pushed may be refused with this. */
  mayRefuseWith(error: unknown): boolean {
    const { code } = error as { code?: string };
    if (code === "discarded") return this.#side.plan.ending.startsWith("discardBuffers()");
    if (code === "closed") return !this.isOrderly;
    return this.#mayEndWith(error);
  }

  fail(message: string): never {
    throw new SoakFailure(`${this.#side.plan.name}: ${message}`);
  }

  /** Whether the program, or what happens to it, may end the chat with this. */
  #mayEndWith(error: unknown): boolean {
    const { plan: { ending, options }, reason } = this.#side;
    const { code, cause } = error as { code?: string; cause?: unknown };
    if (error instanceof ConnectionError) {
      if (code === "timeout") return (options.idleTimeout ?? Infinity) < 1000;
      if (code !== "reset") return false;
      // A peer that waits for our end in vain for 2 s closes, or for anything else, if it has an idleTimeout.
      // A connection that is taken away while there is something to send has broken.
      return /^(reset|idle|vanish|idle, vanish)$/.test(ending) || !this.#peer.isOrderly ||
        this.#isSlow;
    }
    if (code === "producer") return ending === "producer that throws" && cause === BROKEN;
    if (code === "backpressure") return ending === "too much queued";
    if (ending === "vanish" || ending === "idle, vanish") return error instanceof ClosedError;
    return error === reason && (ending === "close(reason)" || ending === "signal");
  }

  get #peer(): Judge {
    return this.#side.peer.judge;
  }

  /** Whether one of both, who reads no more frames, may have lost patience with what the other sends. */
  get #isSlow(): boolean {
    const areReading = this.#readsOn && this.#peer.#readsOn;
    return !areReading && performance.now() - this.#side.started > SLOW;
  }

  /** Whether it reads to the end: not, if it has skipped the rest of the last message. */
  get #readsOn(): boolean {
    return this.readsAll && this.#side.reader.isBetweenFrames;
  }
}
