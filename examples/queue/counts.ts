import type { Counter, Registry } from "prom-client";
import { addCounter } from "../watching/numbers.ts";

/** What has become of jobs. */
export class JobCounts {
  readonly accepted: Counter;
  readonly refused: Counter;
  readonly done: Counter;
  readonly failed: Counter;
  readonly retried: Counter;
  readonly unexpected: Counter;
  readonly undelivered: Counter;

  constructor(registry: Registry) {
    const counter = (name: string, help: string): Counter => addCounter(registry, name, help);
    this.accepted = counter("jobs_accepted_total", "Jobs that the queue has taken.");
    this.refused = counter("jobs_refused_total", "Jobs of which the queue did not say so.");
    this.done = counter("jobs_done_total", "Jobs that were done.");
    this.failed = counter("jobs_failed_total", "Jobs that have failed.");
    this.retried = counter(
      "jobs_retried_total",
      "Jobs that a second worker had to take before they were done.",
    );
    this.unexpected = counter(
      "results_unexpected_total",
      "Results that nobody waits for any more, as of jobs that were done twice.",
    );
    this.undelivered = counter(
      "results_undelivered_total",
      "Results whose client was gone before them.",
    );
  }
}
