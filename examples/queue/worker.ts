import { Deferred } from "../deferred.ts";
import type { Handler } from "./handlers.ts";
import { done, failed, type Outcome, type TakenJob } from "./job.ts";
import type { JobSource } from "./queue.ts";

export interface WorkerOptions {
  /** How many jobs are worked on at a time. */
  readonly concurrency: number;
  /** Is told of each job that was finished, and noted as such. */
  readonly onFinished?: (job: TakenJob, outcome: Outcome) => void;
  /** Is told why a job could not be finished: somebody else will have to do it. */
  readonly onAbandoned?: (job: TakenJob, error: Error) => void;
}

/**
 * Takes jobs, does them, several at a time, and says what has become of them.
 *
 *     take ──▶ is there a handler of its kind? ──▶ handler ──▶ finish: DONE
 *      ▲         └ no: finish: FAILED                └ throws: finish: FAILED
 *      └── one more may be taken ◀── finished, or abandoned
 */
export class Worker {
  readonly #source: JobSource;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #options: WorkerOptions;
  readonly #underWay: Map<TakenJob, Promise<void>> = new Map();
  readonly #abort: AbortController = new AbortController();
  readonly #gaveUp: Deferred = new Deferred();
  readonly #running: Promise<void>;
  #wake: () => void = () => {};

  constructor(source: JobSource, handlers: ReadonlyMap<string, Handler>, options: WorkerOptions) {
    this.#source = source;
    this.#handlers = handlers;
    this.#options = options;
    this.#running = this.#run();
    this.#running.catch(() => {}); // whoever waits for the end is told
  }

  /** Resolves when it was stopped; rejects if it cannot go on. */
  get finished(): Promise<void> {
    return this.#running;
  }

  /**
   * Takes no more, and finishes what it has.
   * @param grace For how long, in milliseconds: what is not done by then is given up.
   */
  async stop(grace: number): Promise<void> {
    this.#source.stop();
    const giveUp = setTimeout(() => this.#giveUp(), grace);
    try {
      await this.#running;
    } finally {
      clearTimeout(giveUp);
    }
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#free <= 0) await new Promise<void>((resolve) => this.#wake = resolve);
      const jobs = await this.#source.take(this.#free);
      if (jobs === null) break;
      for (const job of jobs) this.#start(job);
    }
    await Promise.race([Promise.all(this.#underWay.values()), this.#gaveUp.promise]);
  }

  /** What handlers do from now on is nobody's business. */
  #giveUp(): void {
    this.#abort.abort(new Error("the worker was stopped"));
    const jobs = [...this.#underWay.keys()];
    this.#underWay.clear();
    for (const job of jobs) this.#source.abandon(job);
    this.#gaveUp.resolve();
    this.#wake();
  }

  get #free(): number {
    return this.#options.concurrency - this.#underWay.size;
  }

  #start(job: TakenJob): void {
    const working = this.#work(job).finally(() => {
      this.#underWay.delete(job);
      this.#wake();
    });
    this.#underWay.set(job, working);
  }

  async #work(job: TakenJob): Promise<void> {
    const { signal } = this.#abort;
    const outcome = await perform(job, this.#handlers, signal);
    if (signal.aborted) return; // it was given up
    try {
      await this.#source.finish(job, outcome);
      this.#options.onFinished?.(job, outcome);
    } catch (error) {
      this.#options.onAbandoned?.(job, error as Error);
    }
  }
}

/** Does a job: whatever the handler does, there is an outcome. */
async function perform(
  { kind, body }: TakenJob,
  handlers: ReadonlyMap<string, Handler>,
  signal: AbortSignal,
): Promise<Outcome> {
  const handler = handlers.get(kind);
  if (handler === undefined) {
    return failed(`no worker knows how to do ${kind}: ${[...handlers.keys()].join(", ")}`);
  }
  try {
    return done(await handler(body, signal));
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}
