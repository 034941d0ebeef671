import { failed, type Job, type Outcome, type TakenJob } from "./job.ts";
import type { JobQueue, JobSource, QueueListener } from "./queue.ts";

/** Jobs in the memory of this process, first in, first out. When it ends, they are gone. */
export class MemoryQueue implements JobQueue, JobSource {
  readonly #listener: QueueListener;
  /** Those that came last, in order, and those that go first, in reverse: nothing is moved each time that one goes. */
  #coming: Job[] = [];
  #going: Job[] = [];
  #taken = 0;
  #bytes = 0;
  #isStopped = false;
  /** Tells those who wait for a job that something has changed. */
  #wake: (() => void)[] = [];

  constructor(listener: QueueListener) {
    this.#listener = listener;
  }

  get depth(): number {
    return this.#coming.length + this.#going.length + this.#taken;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(job: Job): Promise<void> {
    if (this.#isStopped) return Promise.reject(new Error(STOPPED));
    this.#coming.push(job);
    this.#bytes += job.body.length;
    this.#wake.shift()?.();
    return Promise.resolve();
  }

  async take(most: number): Promise<readonly TakenJob[] | null> {
    while (!this.#isStopped) {
      const jobs = this.#shift(most);
      if (jobs.length > 0) return jobs;
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return null;
  }

  finish(job: TakenJob, outcome: Outcome): Promise<void> {
    this.#taken--;
    this.#settle(job, outcome, job.deliveries);
    this.#listener.onShrunk();
    return Promise.resolve();
  }

  abandon(job: TakenJob): void {
    void this.finish(job, failed(STOPPED));
  }

  /** Those that wait will not be done: who has sent them is told. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const wake of this.#wake.splice(0)) wake();
    for (let [job] = this.#next(); job !== undefined; [job] = this.#next()) {
      this.#settle(job, failed(STOPPED), 0);
    }
  }

  close(): Promise<void> {
    this.stop();
    return Promise.resolve();
  }

  #shift(most: number): TakenJob[] {
    const jobs: TakenJob[] = [];
    for (const job of this.#next(most)) jobs.push({ ...job, deliveries: 1 });
    this.#taken += jobs.length;
    return jobs;
  }

  #next(most: number = 1): Job[] {
    const jobs: Job[] = [];
    while (jobs.length < most && this.#coming.length + this.#going.length > 0) {
      if (this.#going.length === 0) {
        this.#going = this.#coming.reverse();
        this.#coming = [];
      }
      jobs.push(this.#going.pop()!);
    }
    return jobs;
  }

  #settle(job: Job, outcome: Outcome, deliveries: number): void {
    this.#bytes -= job.body.length;
    this.#listener.onOutcome(job.ref, outcome, deliveries);
  }
}

const STOPPED = "the server was stopped before it was done";
