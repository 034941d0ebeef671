import { builtin } from "./builtin.ts";

/**
 * Node and Bun do not say when they cannot accept because too many files are open. Node closes the connections that wait;
 * Bun asks the system for them again and again, which takes all the time that there is. So neither is let come to that: a
 * listener that has accepted a connection asks whether a file could still be opened, and closes the connection if it took
 * the last descriptor. Then there is one for the next, which is closed in the same way, and for the program's own files.
 * (When it is these that take the last, it is as it would be without this, until one of them is closed.)
 *
 * @returns A function that gives the system's error when no file can be opened. (It takes some microseconds.)
 */
export function descriptorCheck(): () => Error | undefined {
  const { closeSync, openSync } = builtin("node:fs");
  const { devNull } = builtin("node:os");
  return () => {
    try {
      closeSync(openSync(devNull, "r"));
    } catch (error) {
      // That this file cannot be opened for another reason says nothing of sockets.
      const { code } = error as { code?: string };
      if (code === "EMFILE" || code === "ENFILE") return error as Error;
    }
    return undefined;
  };
}
