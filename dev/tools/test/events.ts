/**
 * What a process that runs tests tells the runner: a line of JSON for each test that begins, and for each that ends. The lines
 * go to a file as it happens, so that what had passed is known of a process that had to be ended, and what it was doing.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import process from "node:process";

export type TestEvent =
  | { readonly type: "begin" | "unwanted"; readonly name: string }
  | {
    readonly type: "passed" | "failed" | "skipped";
    readonly name: string;
    /** How long it took, in milliseconds. */
    readonly time: number;
    /** What went wrong, where the runtime does not print it. */
    readonly detail?: string;
  }
  | { readonly type: "note"; readonly text: string };

/** Names the file for the lines, in the environment of the process. */
export const EVENTS = "TEST_EVENTS";
/** Names the pattern of the tests that are wanted, in the environment of the process. */
export const WANTED = "TEST_WANTED";

/** Writes one event. */
export function report(event: TestEvent): void {
  const file = process.env[EVENTS];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(event)}\n`);
}

/** Reads the events of a process. A line that was cut off is left out. */
export function readEvents(file: string): TestEvent[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** Whether a test of this name is wanted. */
export function isWanted(name: string): boolean {
  return new RegExp(process.env[WANTED] ?? "").test(name);
}

/** Makes a test of another that reports its beginning and its end. */
export function reported<This, Args extends unknown[]>(
  name: string,
  body: (this: This, ...args: Args) => unknown,
): (this: This, ...args: Args) => Promise<void> {
  const { performance } = globalThis; // tests replace what is global
  return async function (...args) {
    report({ type: "begin", name });
    const start = performance.now();
    const end = (type: "passed" | "failed"): void =>
      report({ type, name, time: performance.now() - start });
    try {
      await body.apply(this, args);
    } catch (error) {
      end("failed");
      throw error;
    }
    end("passed");
  };
}
