import { Counter, Gauge, type Registry } from "prom-client";

/** A number that is asked for when somebody wants to know it. One that cannot be had is not shown. */
export function addGauge(
  registry: Registry,
  name: string,
  help: string,
  measure: () => number | Promise<number>,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(await Promise.resolve().then(measure).catch(() => NaN));
    },
  });
}

export function addCounter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

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
