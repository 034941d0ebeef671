/**
 * A server that takes jobs from many clients, lets workers do them, and sends the results back. See "Messages and queues" in the
 * README beside this.
 *
 *     npx tsx examples/queue_server.ts --port 7000
 *     npx deno run --allow-net examples/queue_server.ts --port 7000
 *     npx bun examples/queue_server.ts --port 7000
 *
 * Try it: `printf 'JOB 1 upper 5\nhello' | nc -N 127.0.0.1 7000`
 */
import { serve } from "../mod.ts";
import {
  readOptions,
  runProgram,
  serveUntilStopped,
  stopSignal,
  toNumber,
  toPort,
  UserError,
} from "./command_line.ts";
import { handlers } from "./queue/handlers.ts";
import { Ingest, type IngestOptions } from "./queue/ingest.ts";
import { LONGEST_BODY } from "./queue/job.ts";
import { MemoryQueue } from "./queue/memory_queue.ts";
import type { JobQueue, JobSource } from "./queue/queue.ts";
import { RedisQueue } from "./queue/redis_queue.ts";
import { PATIENCE, RedisSource } from "./queue/redis_source.ts";
import { JOBS, serveJobs } from "./queue/session.ts";
import { Worker } from "./queue/worker.ts";
import { serveMetricsAt } from "./watching/serve_metrics.ts";
import { Watch } from "./watching/watch.ts";

const USAGE = `usage: queue_server [--hostname HOST] [--port PORT] ...

  --hostname HOST      where to listen (127.0.0.1)
  --port PORT          (7000; 0: the system chooses one)
  --redis URL          keeps jobs in Redis: redis://user:password@host:port/database
  --queue NAME         under which name it keeps them (jobs)
  --workers N          how many jobs are worked on at a time in this process (4; 0 with --redis)
  --max-depth N        how many jobs may be in the queue before clients have to wait (100000)
  --max-in-flight N    how many of one client may be under way before it has to wait (1000)
  --max-queued BYTES   how much may wait for a client that does not read before it is cut (4194304)
  --metrics PORT       serves /metrics, for Prometheus
  --trace              shows each frame`;
const options = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "7000",
  redis: "",
  queue: "jobs",
  workers: "",
  "max-depth": "100000",
  "max-in-flight": "1000",
  "max-queued": String(4 * 1024 * 1024),
  metrics: "",
  trace: false,
});

/**
 * How long the jobs under way may still take when the server is stopped, in milliseconds: less than the clients' chats are left open
 * for, so that they are told.
 */
const GRACE = 500;
/** How long a client may neither send nor take anything, in milliseconds. */
const LONGEST_SILENCE = 600_000;

/** A number that must not be 0. */
function toLimit(name: keyof typeof options): number {
  return toNumber(name, String(options[name]), 1);
}

/** How many jobs are worked on at a time here. */
function toWorkers(): number {
  if (options.workers === "") return options.redis === "" ? 4 : 0;
  return toNumber("workers", options.workers);
}

interface Opened {
  readonly ingest: Ingest;
  readonly queue: JobQueue;
  /** Where the workers of this process get jobs from, if there are any. */
  readonly source: JobSource | undefined;
}

async function openMemory(ingestOptions: IngestOptions): Promise<Opened> {
  if (toWorkers() === 0) throw new UserError("--workers 0 needs --redis: nobody would do the jobs");
  let memory!: MemoryQueue;
  const ingest = await Ingest.open(ingestOptions, (listener) => memory = new MemoryQueue(listener));
  return { ingest, queue: memory, source: memory };
}

async function openRedis(ingestOptions: IngestOptions): Promise<Opened> {
  const where = { redis: { url: options.redis }, queue: options.queue, log: console.log };
  let queue!: RedisQueue;
  const ingest = await Ingest.open(
    ingestOptions,
    async (listener) => queue = await RedisQueue.open(where, listener),
  );
  queue.showWorkers(ingestOptions.registry);
  const name = `server-${crypto.randomUUID()}`;
  const source = toWorkers() === 0
    ? undefined
    : await RedisSource.open({ ...where, name, ...PATIENCE });
  return { ingest, queue, source };
}

await runProgram(async () => {
  const { hostname } = options;
  const watch = new Watch({ trace: options.trace });
  const { registry } = watch;
  const ingestOptions = { maxDepth: toLimit("max-depth"), registry };
  const { ingest, queue, source } = options.redis === ""
    ? await openMemory(ingestOptions)
    : await openRedis(ingestOptions);
  const limits = { maxInFlight: toLimit("max-in-flight"), maxJob: LONGEST_BODY };
  const server = await serve({
    hostname,
    port: toPort(options.port),
    ...JOBS,
    maxQueuedBytes: toLimit("max-queued"),
    maxConnections: 10_000,
    idleTimeout: LONGEST_SILENCE,
    onError(error, chat) { // what has ended a chat is in the line about its end
      if (chat === undefined) console.log((error as Error).message);
    },
  }, (chat) => {
    watch.begin(chat);
    return serveJobs(chat, ingest, watch, limits);
  });
  const metrics = await serveMetricsAt(options.metrics, hostname, registry);
  const worker = source && new Worker(source, handlers, { concurrency: toWorkers() });
  const stopped = stopSignal().then(() => worker?.stop(GRACE));
  await Promise.all([serveUntilStopped(server), worker?.finished]);
  await stopped;
  await source?.close();
  await queue.close();
  await metrics?.shutdown({ grace: 0 });
});
