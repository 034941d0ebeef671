import { createHash } from "node:crypto";
import { pause } from "../backoff.ts";

/**
 * Does what is to be done with a body. What it throws is why the job has failed. It may be called twice for the same job (a worker
 * may die, or lose its connection, after the work and before that is noted), so doing it twice must do no harm.
 *
 * @param signal Is aborted when nobody waits for it any more.
 */
export type Handler = (body: Uint8Array, signal: AbortSignal) => Uint8Array | Promise<Uint8Array>;

/** What workers can do, by the kinds of jobs. */
export const handlers: Map<string, Handler> = new Map();

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The longest sleep, in milliseconds. */
const LONGEST_SLEEP = 3_600_000;

/** A handler of text. */
function registerText(
  kind: string,
  handle: (text: string, signal: AbortSignal) => string | Promise<string>,
): void {
  handlers.set(
    kind,
    async (body, signal) => encoder.encode(await handle(decoder.decode(body), signal)),
  );
}

registerText("upper", (text) => text.toUpperCase());
registerText("reverse", (text) => [...text].reverse().join(""));
registerText("sleep", async (text, signal) => {
  const milliseconds = /^\d+\s*$/.test(text) ? Number(text) : NaN;
  if (!(milliseconds <= LONGEST_SLEEP)) {
    throw new RangeError(
      `sleep takes 0 to ${LONGEST_SLEEP} milliseconds, not ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
  await pause(milliseconds, signal);
  signal.throwIfAborted();
  return `slept for ${milliseconds} ms`;
});
registerText("fail", (text) => {
  throw new Error(text);
});
handlers.set("sha256", (body) => encoder.encode(createHash("sha256").update(body).digest("hex")));
