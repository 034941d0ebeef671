// The `idleTimeout` of a chat.

/**
 * Tells when the peer is silent: when something has been waited for that it should send or take, and nothing of it has
 * come or gone, for so long. While nothing is waited for, no time passes.
 */
export class IdleTimer {
  /** For all chats whose peers may be silent: it keeps nothing of them. */
  static readonly NEVER: IdleTimer = new IdleTimer(Infinity, () => {});

  readonly #timeout: number;
  readonly #onIdle: () => void;
  #waits = 0;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param timeout How long that is, in milliseconds; `Infinity` for ever.
   * @param onIdle Is called when it has passed.
   */
  constructor(timeout: number, onIdle: () => void) {
    this.#timeout = timeout;
    this.#onIdle = onIdle;
  }

  /** Waits with the others until the promise settles: then the peer was not silent. */
  during<T>(promise: Promise<T>): Promise<T> {
    return this.#timeout === Infinity ? promise : this.#during(promise);
  }

  async #during<T>(promise: Promise<T>): Promise<T> {
    this.#waits++;
    this.#restart();
    try {
      return await promise;
    } finally {
      this.#waits--;
      this.#restart();
    }
  }

  /** Waits no more: the peer may be silent from now on. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #restart(): void {
    clearTimeout(this.#timer);
    if (this.#waits > 0 && !this.#isStopped) this.#timer = setTimeout(this.#onIdle, this.#timeout);
  }
}
