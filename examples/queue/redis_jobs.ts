/**
 * How jobs lie in Redis, for a queue of the name `jobs`:
 *
 *     jobs                     a stream of jobs, each with its kind, its body, and where its outcome is to go; the workers are a
 *                              consumer group of it, so that each job has one worker, and is known as not done until it is
 *     jobs:results:SERVER      a stream of outcomes for each server that takes jobs from clients
 *     jobs:dead                the last jobs that were given up
 *
 * ```text
 *   server ──XADD──▶ jobs ──XREADGROUP──▶ worker ──┐ MULTI, EXEC:
 *     ▲                 ▲   (or XCLAIM)            ├─XADD──▶ jobs:results:SERVER ──XREAD──▶ server
 *     │                 └──────────XACK, XDEL──────┘
 *     └── clients
 * ```
 */
import type { RedisClient, Word } from "../redis/client.ts";
import { RedisError } from "../redis/error.ts";
import { type Entry, textOf } from "../redis/replies.ts";
import type { Job, Outcome, TakenJob } from "./job.ts";

export const GROUP = "workers";

/** How many jobs or outcomes come in one answer, at most: so many of the longest are half of what a client takes. */
export const AT_ONCE = 128;

/** How many jobs that were given up are kept, about. */
const MOST_DEAD = 10_000;

/** The names of a queue's streams. */
export class StreamNames {
  readonly jobs: string;
  readonly dead: string;

  constructor(queue: string) {
    this.jobs = queue;
    this.dead = `${queue}:dead`;
  }

  results(server: string): string {
    return `${this.jobs}:results:${server}`;
  }
}

/** An outcome as it comes from the stream of a server. */
export interface Result {
  readonly ref: string;
  readonly outcome: Outcome;
  readonly deliveries: number;
}

/** Where the outcome of a job goes, and under which name the job lies in its stream. */
export interface Origin {
  readonly entry: string;
  readonly results: string;
}

/** Makes the group of workers, and the stream, where they are not there yet. */
export async function createGroup(commands: RedisClient, jobs: string): Promise<void> {
  try {
    await commands.call("XGROUP", "CREATE", jobs, GROUP, 0, "MKSTREAM");
  } catch (error) {
    if (!(error instanceof RedisError && error.code === "BUSYGROUP")) throw error;
  }
}

export function addJob(jobs: string, { ref, kind, body }: Job, results: string): Word[] {
  return ["XADD", jobs, "*", "kind", kind, "body", body, "to", results, "ref", ref];
}

/** The job of an entry. What somebody else has put there, and is none, is one of no kind. */
export function toJob({ id, fields }: Entry, deliveries: number): [TakenJob, Origin] {
  const job = {
    ref: textOf(fields.get("ref")),
    kind: textOf(fields.get("kind")),
    body: toBytes(fields.get("body")),
    deliveries,
  };
  return [job, { entry: id, results: textOf(fields.get("to")) }];
}

/** Sends an outcome to the server that waits for it, unless that has gone, and its stream with it. */
export function addResult(
  results: string,
  { ref, deliveries }: TakenJob,
  { isDone, data }: Outcome,
): Word[] {
  const fields = ["ref", ref, "done", isDone ? 1 : 0, "deliveries", deliveries, "data", data];
  return ["XADD", results, "NOMKSTREAM", "*", ...fields];
}

export function toResult({ fields }: Entry): Result {
  return {
    ref: textOf(fields.get("ref")),
    outcome: { isDone: textOf(fields.get("done")) === "1", data: toBytes(fields.get("data")) },
    deliveries: Number(textOf(fields.get("deliveries"))),
  };
}

/** Keeps a job that was given up, for a person to look at. */
export function addDead(dead: string, { ref, kind, body, deliveries }: TakenJob): Word[] {
  const fields = ["ref", ref, "kind", kind, "body", body, "deliveries", deliveries];
  return ["XADD", dead, "MAXLEN", "~", MOST_DEAD, "*", ...fields];
}

/** Jobs are done with: nobody is to take them any more, and they need not be kept. */
export function removeJobs(jobs: string, entries: readonly string[]): Word[][] {
  return [["XACK", jobs, GROUP, ...entries], ["XDEL", jobs, ...entries]];
}

const toBytes = (value: unknown): Uint8Array =>
  value instanceof Uint8Array ? value : new Uint8Array();
