import type { Registry } from "prom-client";
import type { RedisClient, RedisOptions } from "../redis/client.ts";
import { arrayOf, entriesRead, mapOf, textOf } from "../redis/replies.ts";
import { addGauge } from "../watching/numbers.ts";
import type { Job } from "./job.ts";
import type { JobQueue, QueueListener } from "./queue.ts";
import { addJob, AT_ONCE, createGroup, GROUP, StreamNames, toResult } from "./redis_jobs.ts";
import { BLOCK, RedisLink } from "./redis_link.ts";

export interface RedisQueueOptions {
  readonly redis: RedisOptions;
  /** The name of the queue. */
  readonly queue: string;
  readonly log: (line: string) => void;
}

/** How often Redis is asked how many jobs there are, in milliseconds. */
const LOOK_EVERY = 1_000;
/** How long the outcomes for a server are kept that does not say that it is still there, in seconds. */
const KEPT_FOR = 3_600;
/** Who was not heard of for that long is no worker any more, in milliseconds. */
const HEARD_WITHIN = 60_000;

/**
 * Jobs in a stream of Redis, as a server sees them that takes them from clients; the outcomes come in a stream of its own.
 *
 * While Redis is away, jobs are refused; when it is back, the outcomes that have come meanwhile are read. If it has come back without
 * that stream, it has lost the jobs as well, and who waits for them is told.
 */
export class RedisQueue implements JobQueue {
  readonly #names: StreamNames;
  readonly #results: string;
  readonly #listener: QueueListener;
  #link!: RedisLink;
  #reading: Promise<void> | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  /** The last outcome that was read. */
  #lastId = "";
  #depth = 0;
  #bytes = 0;

  private constructor(queue: string, listener: QueueListener) {
    this.#names = new StreamNames(queue);
    this.#results = this.#names.results(crypto.randomUUID());
    this.#listener = listener;
  }

  static async open(
    { redis, queue: name, log }: RedisQueueOptions,
    listener: QueueListener,
  ): Promise<RedisQueue> {
    const queue = new RedisQueue(name, listener);
    const prepare = (commands: RedisClient): Promise<void> => queue.#prepare(commands);
    queue.#link = await RedisLink.open({ redis, prepare, log });
    queue.#reading = queue.#readResults();
    queue.#looking = setInterval(() => void queue.#look(), LOOK_EVERY);
    return queue;
  }

  get depth(): number {
    return this.#depth;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async add(job: Job): Promise<void> {
    const { commands } = this.#link;
    this.#depth++;
    this.#bytes += job.body.length;
    try {
      await commands.call(...addJob(this.#names.jobs, job, this.#results));
    } catch (error) {
      this.#depth--;
      throw error;
    } finally {
      this.#bytes -= job.body.length;
    }
  }

  /** Jobs stay in Redis, and are done: their outcomes are dropped, as nobody is there who could be told. */
  async close(): Promise<void> {
    clearInterval(this.#looking);
    if (this.#link.isConnected) {
      await this.#link.commands.call("DEL", this.#results).catch(() => {});
    }
    await this.#link.close();
    await this.#reading;
  }

  /** Shows what is known of the workers. */
  showWorkers(registry: Registry): void {
    addGauge(
      registry,
      "workers",
      "Workers that were heard of within a minute.",
      async () => (await this.#workers()).filter(({ idle }) => idle < HEARD_WITHIN).length,
    );
    addGauge(
      registry,
      "jobs_pending",
      "Jobs that workers have, and that are not done.",
      async () => (await this.#workers()).reduce((sum, { pending }) => sum + pending, 0),
    );
  }

  async #workers(): Promise<{ idle: number; pending: number }[]> {
    const { commands } = this.#link;
    const consumers = arrayOf(await commands.call("XINFO", "CONSUMERS", this.#names.jobs, GROUP));
    return consumers.map(mapOf).map((consumer) => ({
      idle: Number(textOf(consumer.get("idle"))),
      pending: Number(textOf(consumer.get("pending"))),
    }));
  }

  async #prepare(commands: RedisClient): Promise<void> {
    await createGroup(commands, this.#names.jobs);
    if (await commands.call("EXISTS", this.#results) === 0) {
      // A stream is there, also when it is empty, once there was an entry in it.
      const isFirst = this.#lastId === "";
      const [id] = await commands.multi([
        ["XADD", this.#results, "*", "opened", 1],
        ["XTRIM", this.#results, "MAXLEN", 0],
        ["EXPIRE", this.#results, KEPT_FOR],
      ]);
      this.#lastId = textOf(id);
      if (!isFirst) this.#listener.onLost("Redis has lost it: it may have been done");
    }
    this.#depth = Number(await commands.call("XLEN", this.#names.jobs));
  }

  async #look(): Promise<void> {
    if (!this.#link.isConnected) return;
    const clients = (await this.#link.connected())!;
    try {
      const [depth, isThere] = await Promise.all([
        clients.commands.call("XLEN", this.#names.jobs),
        clients.commands.call("EXPIRE", this.#results, KEPT_FOR),
      ]);
      if (isThere === 0) this.#link.drop(clients, new Error("what was in it is gone"));
      this.#depth = Number(depth);
      this.#listener.onShrunk();
    } catch {
      // The connection has broken: the link says so.
    }
  }

  async #readResults(): Promise<void> {
    for (;;) {
      const clients = await this.#link.connected();
      if (clients === null) return;
      try {
        const read = ["XREAD", "COUNT", AT_ONCE, "BLOCK", BLOCK, "STREAMS", this.#results];
        const entries = entriesRead(await clients.reader.call(...read, this.#lastId));
        if (entries.length === 0) continue;
        this.#lastId = entries.at(-1)!.id;
        clients.commands.call("XTRIM", this.#results, "MINID", after(this.#lastId)).catch(() => {});
        for (const entry of entries) {
          const { ref, outcome, deliveries } = toResult(entry);
          this.#depth = Math.max(0, this.#depth - 1);
          this.#listener.onOutcome(ref, outcome, deliveries);
        }
        this.#listener.onShrunk();
      } catch (error) {
        this.#link.drop(clients, error as Error);
      }
    }
  }
}

/** The first id behind an id. */
function after(id: string): string {
  const [time, number = "0"] = id.split("-");
  return `${time}-${BigInt(number) + 1n}`;
}
