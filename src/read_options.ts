import { describe, nameOf } from "./checks.ts";

/** What a read needs to know of an `AbortSignal`, which is one. */
export interface AbortSignalLike {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Listens for that. */
  addEventListener(type: "abort", listener: () => void): void;
  /** Listens no more. */
  removeEventListener(type: "abort", listener: () => void): void;
}

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

/** The longest time that a timer can wait: a longer one would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/**
 * Checks the options of a read.
 * @throws {TypeError} If one is of a wrong type.
 * @throws {RangeError} If the timeout is none that a timer can wait.
 */
export function checkReadOptions({ signal, timeout }: ReadOptions): void {
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new TypeError(`signal must be an AbortSignal, not ${nameOf(signal)}`);
  }
  if (timeout === undefined || timeout === Infinity) return;
  if (typeof timeout !== "number") {
    throw new TypeError(`timeout must be a number of milliseconds, not ${nameOf(timeout)}`);
  }
  if (timeout >= 0 && timeout <= LONGEST_TIMEOUT) return;
  throw new RangeError(
    `timeout must be 0 to ${LONGEST_TIMEOUT} milliseconds, or Infinity, not ${describe(timeout)}`,
  );
}
