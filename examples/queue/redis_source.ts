import { Deferred } from "../deferred.ts";
import type { RedisClient, RedisOptions } from "../redis/client.ts";
import { arrayOf, entriesOf, entriesRead, mapOf, textOf } from "../redis/replies.ts";
import { failed, type Outcome, type TakenJob } from "./job.ts";
import type { JobSource } from "./queue.ts";
import {
  addDead,
  addResult,
  AT_ONCE,
  createGroup,
  GROUP,
  type Origin,
  removeJobs,
  StreamNames,
  toJob,
} from "./redis_jobs.ts";
import { BLOCK, type Clients, RedisLink } from "./redis_link.ts";

export interface RedisSourceOptions {
  readonly redis: RedisOptions;
  /** The name of the queue. */
  readonly queue: string;
  /** The name of the worker, which no other has. */
  readonly name: string;
  /** How long nobody may have heard of a job that a worker has before another one takes it, in milliseconds. */
  readonly claimAfter: number;
  /** How often a job is given to a worker before it is given up. */
  readonly maxDeliveries: number;
  readonly log: (line: string) => void;
}

/** What is usual. */
export const PATIENCE: Pick<RedisSourceOptions, "claimAfter" | "maxDeliveries"> = {
  claimAfter: 30_000,
  maxDeliveries: 5,
};

interface Finished {
  readonly job: TakenJob;
  readonly origin: Origin;
  readonly outcome: Outcome;
  readonly noted: Deferred;
}

/** A job that a worker has, as Redis knows it. */
interface Pending {
  readonly entry: string;
  readonly deliveries: number;
}

/** How often it is tried to end a wait for a job, in milliseconds. */
const UNBLOCK_EVERY = 10;

/** A worker that was not heard of for so long, and has no job, is forgotten, in milliseconds. */
const FORGOTTEN_AFTER = 24 * 3_600_000;

/** Removes a worker, unless it has jobs: they would be removed with it. */
const FORGET = `
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1`;

/**
 * Jobs from a stream of Redis, for one worker of a group.
 *
 * ```text
 *   XREADGROUP: new ones ──────┐                       ┌─ finish ──▶ MULTI: result, XACK, XDEL
 *                              ├──▶ held: renewed ─────┤
 *   XCLAIM: of those who  ─────┘    again and again    └─ abandon, or death ──▶ stale after `claimAfter`
 *   have not renewed theirs ◀──────────────────────────────────────────────────────┘
 * ```
 *
 * A job that was claimed once may be what its worker has died of. It is claimed alone the next time, so that no other is given up
 * with it, and given up itself when it was delivered too often.
 */
export class RedisSource implements JobSource {
  readonly #options: RedisSourceOptions;
  readonly #names: StreamNames;
  /** The jobs that are neither finished nor abandoned. */
  readonly #held: Map<TakenJob, Origin> = new Map();
  #finished: Finished[] = [];
  #link!: RedisLink;
  #renewing: ReturnType<typeof setInterval> | undefined;
  #reporting: Promise<void> | undefined;
  #nextClaim = 0;
  #isStopped = false;

  private constructor(options: RedisSourceOptions) {
    this.#options = options;
    this.#names = new StreamNames(options.queue);
  }

  static async open(options: RedisSourceOptions): Promise<RedisSource> {
    const { redis, log, claimAfter } = options;
    const source = new RedisSource(options);
    const prepare = (commands: RedisClient): Promise<void> => source.#prepare(commands);
    source.#link = await RedisLink.open({ redis, prepare, log });
    source.#renewing = setInterval(() => source.#renew(), claimAfter / 3);
    return source;
  }

  async take(most: number): Promise<readonly TakenJob[] | null> {
    const count = Math.min(most, AT_ONCE);
    while (!this.#isStopped) {
      const clients = await this.#link.connected();
      if (clients === null) return null;
      try {
        const claimed = await this.#claim(clients.commands, count);
        const jobs = claimed.length > 0 ? claimed : await this.#read(clients, count);
        if (jobs.length > 0) return jobs;
      } catch (error) {
        this.#link.drop(clients, error as Error);
      }
    }
    return null;
  }

  /** Those that end at the same time are noted together. */
  finish(job: TakenJob, outcome: Outcome): Promise<void> {
    const origin = this.#held.get(job);
    if (origin === undefined) return Promise.reject(new Error("the job was left to others"));
    const noted = new Deferred();
    this.#finished.push({ job, origin, outcome, noted });
    this.#reporting ??= this.#report();
    return noted.promise;
  }

  abandon(job: TakenJob): void {
    this.#held.delete(job);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#link.isConnected) this.#unblock().catch(() => {}); // then it takes as long as it blocks
    else void this.#link.close(); // nothing can be noted, and nobody need wait for Redis
  }

  async close(): Promise<void> {
    this.stop();
    clearInterval(this.#renewing);
    await this.#reporting;
    try {
      await this.#forget(this.#link.commands, this.#options.name);
    } catch {
      // Redis is away: another worker will forget this one.
    }
    await this.#link.close();
  }

  async #prepare(commands: RedisClient): Promise<void> {
    const { jobs } = this.#names;
    await createGroup(commands, jobs);
    const consumers = arrayOf(await commands.call("XINFO", "CONSUMERS", jobs, GROUP)).map(mapOf);
    const gone = consumers.filter((each) => Number(textOf(each.get("idle"))) > FORGOTTEN_AFTER);
    await Promise.all(gone.map((each) => this.#forget(commands, textOf(each.get("name")))));
  }

  async #forget(commands: RedisClient, name: string): Promise<void> {
    await commands.call("EVAL", FORGET, 1, this.#names.jobs, GROUP, name);
  }

  /** Lets the command that waits for a job wait no longer; it may not have come to Redis yet. */
  async #unblock(): Promise<void> {
    const clients = await this.#link.connected();
    if (clients === null) return;
    const { commands, reader, readerId } = clients;
    while (reader.waiting > 0 && await commands.call("CLIENT", "UNBLOCK", readerId) === 0) {
      await new Promise((resolve) => setTimeout(resolve, UNBLOCK_EVERY));
    }
  }

  /** New jobs: waits for one, but not longer than until it is time to look for old ones. */
  async #read({ reader }: Clients, count: number): Promise<TakenJob[]> {
    const block = Math.ceil(Math.min(BLOCK, this.#options.claimAfter / 2));
    const group = ["XREADGROUP", "GROUP", GROUP, this.#options.name];
    const streams = ["STREAMS", this.#names.jobs, ">"];
    const answer = await reader.call(...group, "COUNT", count, "BLOCK", block, ...streams);
    return entriesRead(answer).map((entry) => this.#hold(...toJob(entry, 1)));
  }

  /** The jobs of workers that were not heard of for too long. */
  async #claim(commands: RedisClient, count: number): Promise<TakenJob[]> {
    const { claimAfter, maxDeliveries, name } = this.#options;
    if (Date.now() < this.#nextClaim) return [];
    const stale = await this.#findStale(commands, count);
    this.#nextClaim = stale.length > 0 ? 0 : Date.now() + claimAfter / 2; // there may be more
    if (stale.length === 0) return [];
    const deliveries = new Map(stale.map((each) => [each.entry, each.deliveries]));
    const claim = ["XCLAIM", this.#names.jobs, GROUP, name, claimAfter, ...deliveries.keys()];
    const entries = entriesOf(await commands.call(...claim)); // those that nobody else has claimed
    const jobs: TakenJob[] = [];
    for (const entry of entries) {
      const before = deliveries.get(entry.id) ?? 0;
      const [job, origin] = toJob(entry, before + 1);
      if (before >= maxDeliveries) {
        await this.#giveUp(commands, { ...job, deliveries: before }, origin);
      } else jobs.push(this.#hold(job, origin));
    }
    return jobs;
  }

  /** `XAUTOCLAIM` would claim them at once, without telling how often they were delivered. */
  async #findStale(commands: RedisClient, count: number): Promise<Pending[]> {
    const { claimAfter } = this.#options;
    const mine = new Set([...this.#held.values()].map(({ entry }) => entry));
    const range = ["IDLE", claimAfter, "-", "+", count];
    const pending = arrayOf(await commands.call("XPENDING", this.#names.jobs, GROUP, ...range))
      .map((each): Pending => {
        const [entry, _worker, _idle, deliveries] = arrayOf(each);
        return { entry: textOf(entry), deliveries: Number(deliveries) };
      })
      .filter(({ entry }) => !mine.has(entry));
    const [first] = pending;
    return first !== undefined && first.deliveries > 1
      ? [first]
      : pending.filter(({ deliveries }) => deliveries <= 1);
  }

  async #giveUp(commands: RedisClient, job: TakenJob, { entry, results }: Origin): Promise<void> {
    const outcome = failed(`given up: ${job.deliveries} workers had it, and none has finished it`);
    await commands.multi([
      addDead(this.#names.dead, job),
      ...results === "" ? [] : [addResult(results, job, outcome)],
      ...removeJobs(this.#names.jobs, [entry]),
    ]);
    this.#options.log(
      `gave up a job of the kind ${JSON.stringify(job.kind)}: ${job.deliveries} deliveries`,
    );
  }

  #hold(job: TakenJob, origin: Origin): TakenJob {
    this.#held.set(job, origin);
    return job;
  }

  /** Says of the jobs that are under way that they are. This does not count as a delivery (`JUSTID`). */
  #renew(): void {
    if (this.#held.size === 0 || !this.#link.isConnected) return;
    const entries = [...this.#held.values()].map(({ entry }) => entry);
    const { name } = this.#options;
    const claim = ["XCLAIM", this.#names.jobs, GROUP, name, 0, ...entries, "JUSTID"];
    this.#link.commands.call(...claim).catch(() => {}); // the connection has broken: the link says so
  }

  async #report(): Promise<void> {
    await Promise.resolve(); // others may end in this turn, too
    while (this.#finished.length > 0) {
      const batch = this.#finished.splice(0, AT_ONCE);
      try {
        await this.#note(batch);
        for (const { noted } of batch) noted.resolve();
      } catch (error) {
        for (const { noted } of batch) noted.reject(error as Error);
      }
      for (const { job } of batch) this.#held.delete(job);
    }
    this.#reporting = undefined;
  }

  /** Results and acknowledgements are one transaction: whoever dies before it has done nothing, and after it everything. */
  async #note(batch: readonly Finished[]): Promise<void> {
    const { commands } = this.#link;
    const results = batch.filter(({ origin }) => origin.results !== "")
      .map(({ job, origin, outcome }) => addResult(origin.results, job, outcome));
    const entries = batch.map(({ origin }) => origin.entry);
    await commands.multi([...results, ...removeJobs(this.#names.jobs, entries)]);
  }
}
