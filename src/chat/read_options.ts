// When a read is given up.

import type { AbortSignalLike } from "../common/abort.ts";
import { checkOptions, checkSignal, checkTimeout } from "../common/checks.ts";

/** When a read is given up. What has arrived then goes to the next read. */
export interface ReadOptions {
  /** Rejects the read with its reason when it is aborted. */
  signal?: AbortSignalLike | undefined;
  /**
   * Rejects the read with a `TimeoutError` after so many milliseconds, 0 to 2,147,483,647, or never: `Infinity`, the
   * default. With 0 it takes what is here, and does not wait for the peer.
   */
  timeout?: number | undefined;
}

/**
 * Checks the options of a read.
 * @throws {TypeError} If one is of a wrong type.
 * @throws {RangeError} If the timeout is none that a timer can wait.
 */
export function checkReadOptions(options: ReadOptions): void {
  const { signal, timeout } = checkOptions(options);
  checkSignal(signal);
  checkTimeout("timeout", timeout);
}
