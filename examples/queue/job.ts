/** What is to be done. */
export interface Job {
  /** By which its outcome is known to the server that has taken it from a client. */
  readonly ref: string;
  /** What is done with the body: the name of a handler. */
  readonly kind: string;
  readonly body: Uint8Array;
}

/** A job in the hands of a worker. */
export interface TakenJob extends Job {
  /** How often it was given to a worker, this time included. */
  readonly deliveries: number;
}

/** What has become of a job. */
export interface Outcome {
  readonly isDone: boolean;
  /** The result, or, if it has failed, the reason in words. */
  readonly data: Uint8Array;
}

/** The longest body of a job, and the longest result, in bytes: so many that a hundred of them are still easily held. */
export const LONGEST_BODY: number = 256 * 1024;

const encoder = new TextEncoder();
const LONGEST_REASON = 1_000;

export function done(data: Uint8Array): Outcome {
  if (data.length <= LONGEST_BODY) return { isDone: true, data };
  return failed(`the result has ${data.length} bytes: at most ${LONGEST_BODY} are taken`);
}

export function failed(reason: string): Outcome {
  return { isDone: false, data: encoder.encode(reason.slice(0, LONGEST_REASON)) };
}
