// What a call gives, where it is nobody's trouble that it throws.

import { quiet } from "./deferred.ts";

/** What the call gives; `undefined` if it throws. */
export function unlessThrown<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** Calls somebody who is told that it is over, and whose own trouble with that, now or later, is nobody's any more. */
export function tell(call: () => unknown): void {
  void quiet(Promise.resolve(unlessThrown(call)));
}
