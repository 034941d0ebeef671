import type { Registry } from "prom-client";
import { addGauge } from "../watching/numbers.ts";
import { JobCounts } from "./counts.ts";
import { failed, type Outcome } from "./job.ts";
import type { JobQueue, QueueListener } from "./queue.ts";

export interface IngestOptions {
  /** How many jobs may be in the queue before clients have to wait. */
  readonly maxDepth: number;
  /** Where its numbers are shown. */
  readonly registry: Registry;
}

/** How many bytes of bodies this process keeps before clients have to wait. */
const MOST_BYTES = 64 * 1024 * 1024;
/** The part of a limit below which those who wait may go on: not all of them are woken for each job that is done. */
const LOW = 0.9;

/**
 * What stands between clients and a queue: it gives each job a name of its own, and knows who waits for its outcome.
 *
 * A job that was done twice has two outcomes. The first one counts.
 */
export class Ingest implements QueueListener {
  readonly counts: JobCounts;
  readonly #maxDepth: number;
  readonly #waiting: Map<string, (outcome: Outcome) => void> = new Map();
  readonly #wakes: Set<() => void> = new Set();
  #queue!: JobQueue;
  #lastRef = 0;

  private constructor({ maxDepth, registry }: IngestOptions) {
    this.#maxDepth = maxDepth;
    this.counts = new JobCounts(registry);
    addGauge(
      registry,
      "queue_depth",
      "Jobs in the queue, with those that workers have.",
      () => this.#queue.depth,
    );
    addGauge(
      registry,
      "jobs_awaited",
      "Jobs whose result is waited for.",
      () => this.#waiting.size,
    );
  }

  /** @param open Opens the queue, which is to tell the ingest what becomes of its jobs. */
  static async open(
    options: IngestOptions,
    open: (listener: QueueListener) => JobQueue | Promise<JobQueue>,
  ): Promise<Ingest> {
    const ingest = new Ingest(options);
    ingest.#queue = await open(ingest);
    return ingest;
  }

  /** Whether clients have to wait before they hand in more. */
  get isFull(): boolean {
    return this.#queue.depth >= this.#maxDepth || this.#queue.bytes >= MOST_BYTES;
  }

  /** Calls back, once, when there is room again. */
  whenRoom(wake: () => void): void {
    this.#wakes.add(wake);
  }

  /**
   * Puts a job into the queue.
   * @param onOutcome Is told what has become of it, once, and not if this rejects.
   * @returns Resolves when the queue has it; rejects if that is not known.
   */
  async submit(
    kind: string,
    body: Uint8Array,
    onOutcome: (outcome: Outcome) => void,
  ): Promise<void> {
    const ref = String(++this.#lastRef);
    this.#waiting.set(ref, onOutcome);
    try {
      await this.#queue.add({ ref, kind, body });
      this.counts.accepted.inc();
    } catch (error) {
      this.counts.refused.inc();
      this.#waiting.delete(ref);
      throw error;
    } finally {
      this.onShrunk(); // where another process keeps the job, this one does no longer
    }
  }

  onOutcome(ref: string, outcome: Outcome, deliveries: number): void {
    const tell = this.#waiting.get(ref);
    if (tell === undefined) return this.counts.unexpected.inc();
    this.#waiting.delete(ref);
    if (deliveries > 1) this.counts.retried.inc();
    this.#settle(tell, outcome);
  }

  onLost(reason: string): void {
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const tell of lost) this.#settle(tell, failed(reason));
  }

  onShrunk(): void {
    if (this.#wakes.size === 0) return;
    const { depth, bytes } = this.#queue;
    if (depth > LOW * this.#maxDepth || bytes > LOW * MOST_BYTES) return;
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }

  #settle(tell: (outcome: Outcome) => void, outcome: Outcome): void {
    (outcome.isDone ? this.counts.done : this.counts.failed).inc();
    tell(outcome);
  }
}
