import type { Job, Outcome, TakenJob } from "./job.ts";

/** Where a server puts the jobs of its clients. */
export interface JobQueue {
  /** How many jobs are in it, with those that workers have, as far as is known. */
  readonly depth: number;
  /** How many bytes of their bodies this process keeps. */
  readonly bytes: number;
  /** Resolves when the queue has the job. Rejects if it has not, or nobody knows: the reason says which. */
  add(job: Job): Promise<void>;
  /** Takes no more. What becomes of the jobs that are in it depends on the queue. */
  close(): Promise<void>;
}

/** Who is told what becomes of the jobs in a queue. */
export interface QueueListener {
  /** A job has an outcome: more than once, if it was done more than once. */
  onOutcome(ref: string, outcome: Outcome, deliveries: number): void;
  /** The queue has lost every job that it had. */
  onLost(reason: string): void;
  /** There is less in the queue than there was. */
  onShrunk(): void;
}

/** Where a worker gets jobs from. */
export interface JobSource {
  /**
   * At least one job, and at most so many: waits until there is one.
   * @returns `null` when it was stopped.
   */
  take(most: number): Promise<readonly TakenJob[] | null>;
  /** A job has its outcome, and is done with. Rejects if nobody knows whether the queue has noted it. */
  finish(job: TakenJob, outcome: Outcome): Promise<void>;
  /** A job will not be finished here. */
  abandon(job: TakenJob): void;
  /** Hands out no more: what was taken can still be finished. */
  stop(): void;
  close(): Promise<void>;
}
