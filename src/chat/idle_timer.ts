// The `idleTimeout` of a chat.

import { afterTurnOfIo, atEndOfTurn } from "../common/turns.ts";

/** What the peer is waited for. */
export type Waiting = "read" | "write";

/**
 * Tells when the peer is silent: when something has been waited for that it should send or take, and nothing of it has
 * come or gone, for so long. While nothing is waited for, no time passes.
 *
 * A server waits, and waits no more, several times for each request. So the timer that runs is left alone: when it has
 * fired, the time that is left is waited for. It is cleared when a turn of the event loop ends in which nothing is waited
 * for any more. (With a timer for each wait a request of HTTP took 36.3 µs on Node, and 32.5 without an `idleTimeout`.)
 *
 * As a `Deadline` does, it lets one turn of I/O pass before it blames the peer.
 */
export class IdleTimer {
  /** For all chats whose peers may be silent: it keeps nothing of them. */
  static readonly NEVER: IdleTimer = new IdleTimer(Infinity, () => {});

  readonly #timeout: number;
  readonly #onIdle: () => void;
  readonly #waiting: Set<Waiting> = new Set();
  #isStopped = false;
  /** Since when the peer is silent, if something is waited for. */
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isChecked = false;

  /**
   * @param timeout How long that is, in milliseconds; `Infinity` for ever.
   * @param onIdle Is called when it has passed.
   */
  constructor(timeout: number, onIdle: () => void) {
    this.#timeout = timeout;
    this.#onIdle = onIdle;
  }

  /** Whether there is a limit. */
  get isNeeded(): boolean {
    return this.#timeout !== Infinity;
  }

  /** The peer is waited for, to send or to take something. Harmless when repeated. */
  begin(what: Waiting): void {
    if (!this.isNeeded || this.#waiting.has(what)) return;
    this.#waiting.add(what);
    this.#restart();
  }

  /** It has sent or taken something, or it is not waited for any more. */
  end(what: Waiting): void {
    if (this.isNeeded && this.#waiting.delete(what)) this.#restart();
  }

  /** Waits no more: the peer may be silent from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#clear();
  }

  get #isWaiting(): boolean {
    return !this.#isStopped && this.#waiting.size > 0;
  }

  #restart(): void {
    if (!this.#isWaiting) return this.#clearSoon();
    this.#since = performance.now();
    if (this.#timer === undefined) this.#start(this.#timeout);
  }

  #start(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#onTime(), milliseconds);
  }

  #onTime(): void {
    this.#timer = undefined;
    if (!this.#isWaiting) return;
    const left = Math.ceil(this.#since + this.#timeout - performance.now());
    if (left > 0) return this.#start(left);
    afterTurnOfIo(() => {
      // What has come or gone meanwhile has begun a time of its own.
      if (this.#isWaiting && this.#timer === undefined) this.#onIdle();
    });
  }

  #clearSoon(): void {
    if (this.#timer === undefined || this.#isChecked) return;
    this.#isChecked = true;
    atEndOfTurn(() => {
      this.#isChecked = false;
      if (!this.#isWaiting) this.#clear();
    });
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
