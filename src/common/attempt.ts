// What a call gives, where it is nobody's trouble that it throws.

import { ignoreRejection } from "./deferred.ts";

/** What the call gives; `undefined` if it throws. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** Calls somebody who is told that it is over, and whose own trouble with that, now or later, is nobody's any more. */
export function notify(call: () => unknown): void {
  void ignoreRejection(Promise.resolve(attempt(call)));
}
