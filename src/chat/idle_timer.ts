// The `idleTimeout` of a chat.

import { Deadline } from "../common/deadline.ts";

/** What the peer is waited for. */
export type Waiting = "read" | "write";

/**
 * Tells when the peer is silent: when something has been waited for that it should send or take, and nothing of it has
 * come or gone, for so long. While nothing is waited for, no time passes.
 */
export class IdleTimer {
  /** For all chats whose peers may be silent: it keeps nothing of them. */
  static readonly NEVER: IdleTimer = new IdleTimer(Infinity, () => {});

  readonly #timeout: number;
  readonly #onIdle: () => void;
  readonly #waiting: Set<Waiting> = new Set();
  #isStopped = false;
  #deadline: Deadline | undefined;

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
    this.#deadline?.clear();
  }

  #restart(): void {
    this.#deadline?.clear();
    if (this.#waiting.size === 0 || this.#isStopped) return;
    this.#deadline = new Deadline(this.#timeout, this.#onIdle);
  }
}
