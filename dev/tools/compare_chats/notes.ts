// Takes down what a script leads to, in one version of the library.

import type { Coverage } from "./coverage.ts";
import { describeError, describeValue, type Labels } from "./describe.ts";
import { type Aspect, Trace } from "./trace.ts";

/** What calls give that is neither a frame nor nothing. */
export const LEFT = "it is left";
export const THE_END = "the end";
export const A_BATCH = "a batch";
export const DETACHED = "a connection";

const STATES: readonly unknown[] = [LEFT, THE_END, A_BATCH, DETACHED];

export class Notes {
  readonly trace: Trace = new Trace();
  readonly labels: Labels = new Map();
  readonly #withMessages: boolean;
  readonly #coverage: Coverage | undefined;
  /** What was called and has not come to its end. */
  readonly #waiting: Set<string> = new Set();
  /** Frames that were handed out: they belong to the program, and must not change. */
  readonly #frames: { readonly name: string; readonly frame: Uint8Array; readonly told: string }[] =
    [];

  constructor(withMessages: boolean, coverage: Coverage | undefined) {
    this.#withMessages = withMessages;
    this.#coverage = coverage;
  }

  /** Makes an error that is known by that label. */
  makeError(label: string): Error {
    return this.label(new Error(label), label);
  }

  label<E extends object>(error: E, label: string): E {
    this.labels.set(error, label);
    return error;
  }

  /**
   * Notes something.
   * @param name What it is about.
   * @param what What it has come to.
   * @param kind What coverage counts it as, if it does.
   * @param outcome How coverage says that it ended.
   */
  tell(name: string, what: string, kind?: string, outcome?: string): void {
    this.trace.add(name, what);
    if (kind !== undefined) this.count(kind, outcome);
  }

  /** Notes a detail that some may leave out of the comparison. */
  tellDetail(name: string, what: string, aspect: Aspect): void {
    this.trace.add(name, what, aspect);
  }

  tellValue(name: string, kind: string, value: unknown): void {
    if (value instanceof Error) return this.tellError(name, kind, "gives", value);
    const outcome = STATES.includes(value)
      ? String(value)
      : value instanceof Uint8Array
      ? "a frame"
      : typeof value === "string"
      ? "a text"
      : value === null
      ? "null"
      : "done";
    this.keep(name, value);
    this.tell(name, `gives ${describeValue(value)}`, kind, outcome);
  }

  tellError(name: string, kind: string, how: string, error: unknown): void {
    const { code } = Object(error) as { code?: unknown };
    const outcome = !(error instanceof Error)
      ? "a thrown text"
      : this.labels.has(error)
      ? "an error of the script"
      : error.name === "ConnectionError" || error.name === "ChatError"
      ? `${error.name} ${code}`
      : error.name;
    const what = describeError(error, this.labels, this.#withMessages);
    this.tell(name, `${how} ${what}`, kind, outcome);
  }

  /** Notes what a promise comes to, and whether it ever does. */
  watch(name: string, kind: string, promise: Promise<unknown>): void {
    this.#waiting.add(name);
    promise.then(
      (value) => this.tellValue(name, kind, value),
      (error) => this.tellError(name, kind, "rejects with", error),
    ).finally(() => this.#waiting.delete(name));
  }

  /** Looks at the end whether a frame is still what it was. */
  keep(name: string, frame: unknown): void {
    if (!(frame instanceof Uint8Array)) return;
    this.#frames.push({ name, frame, told: describeValue(frame) });
  }

  count(kind: string, outcome: string = ""): void {
    this.#coverage?.count(kind, outcome);
  }

  /** Notes what is left when all is over. */
  finish(): void {
    for (const name of this.#waiting) this.tell(name, "waits for ever", "left", "a call");
    for (const { name, frame, told } of this.#frames) {
      if (describeValue(frame) !== told) this.tell(name, `a frame changed: ${told}`);
    }
  }
}
