/**
 * A worker: takes jobs from a queue in Redis, does them, and says what has become of them. See "Messages and queues" in the README
 * beside this.
 *
 *     npx tsx examples/queue_worker.ts --redis redis://127.0.0.1:6379
 *     npx deno run --allow-net examples/queue_worker.ts --redis redis://127.0.0.1:6379
 *     npx bun examples/queue_worker.ts --redis redis://127.0.0.1:6379
 */
import { Registry } from "prom-client";
import { readOptions, runProgram, stopSignal, toNumber, UserError } from "./command_line.ts";
import { addCounter } from "./watching/numbers.ts";
import { handlers } from "./queue/handlers.ts";
import { PATIENCE, RedisSource } from "./queue/redis_source.ts";
import { Worker } from "./queue/worker.ts";
import { serveMetricsAt } from "./watching/serve_metrics.ts";

const USAGE = `usage: queue_worker --redis URL [--queue NAME] [--name NAME] ...

  --redis URL          where the queue is: redis://user:password@host:port/database
  --queue NAME         its name (jobs)
  --name NAME          a name that no other worker has (made up)
  --concurrency N      how many jobs are worked on at a time (64)
  --claim-after MS     when the job of a worker that is not heard of is taken from it (${PATIENCE.claimAfter})
  --max-deliveries N   how many workers may have a job before it is given up (${PATIENCE.maxDeliveries})
  --metrics PORT       serves /metrics, for Prometheus`;
const options = readOptions(USAGE, {
  redis: "",
  queue: "jobs",
  name: "",
  concurrency: "64",
  "claim-after": String(PATIENCE.claimAfter),
  "max-deliveries": String(PATIENCE.maxDeliveries),
  metrics: "",
});

/** How long the jobs under way may still take when the worker is stopped, in milliseconds. */
const GRACE = 30_000;

/** A number that must not be 0. */
function toLimit(name: "concurrency" | "claim-after" | "max-deliveries"): number {
  return toNumber(name, options[name], 1);
}

await runProgram(async () => {
  if (options.redis === "") throw new UserError("--redis is missing");
  const concurrency = toLimit("concurrency");
  const name = options.name || `worker-${crypto.randomUUID()}`;
  const registry = new Registry();
  const done = addCounter(registry, "jobs_done_total", "Jobs that were done.");
  const failed = addCounter(registry, "jobs_failed_total", "Jobs that have failed.");
  const claimed = addCounter(
    registry,
    "jobs_claimed_total",
    "Jobs that another worker had before.",
  );
  const abandoned = addCounter(registry, "jobs_abandoned_total", "Jobs that were not noted.");
  const source = await RedisSource.open({
    redis: { url: options.redis },
    queue: options.queue,
    name,
    claimAfter: toLimit("claim-after"),
    maxDeliveries: toLimit("max-deliveries"),
    log: console.log,
  });
  const worker = new Worker(source, handlers, {
    concurrency,
    onFinished({ deliveries }, { isDone }) {
      (isDone ? done : failed).inc();
      if (deliveries > 1) claimed.inc();
    },
    onAbandoned(_job, error) {
      abandoned.inc();
      console.log(`a job is left to others: ${error.message}`);
    },
  });
  const metrics = await serveMetricsAt(options.metrics, "127.0.0.1", registry);
  const stopped = stopSignal().then(() => worker.stop(GRACE));
  console.log(`working as ${name}`);
  await Promise.all([stopped, worker.finished]);
  await source.close();
  await metrics?.shutdown({ grace: 0 });
  const counts = await Promise.all([done, failed, claimed].map(async (counter) => {
    const { values: [{ value } = { value: 0 }] } = await counter.get();
    return value;
  }));
  console.log(`stopped: ${counts[0]} done, ${counts[1]} failed, ${counts[2]} of them claimed`);
});
