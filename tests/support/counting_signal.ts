/** An `AbortSignal` that counts its listeners. */
export class CountingSignal extends EventTarget {
  aborted = false;
  reason: unknown = undefined;
  listeners = 0;

  override addEventListener(type: string, listener: () => void): void {
    this.listeners++;
    super.addEventListener(type, listener);
  }

  override removeEventListener(type: string, listener: () => void): void {
    this.listeners--;
    super.removeEventListener(type, listener);
  }

  /** Aborts, and tells those who listen. */
  abort(reason?: unknown): void {
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event("abort"));
  }
}
