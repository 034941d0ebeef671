/**
 * How many jobs a second go through the queue server, on each runtime: server, workers and client are processes of their own, all on
 * that runtime. A job is `upper` of 10 bytes. In memory, the server's process does them itself; in Redis, three workers do.
 *
 * The yardstick, in the same round, is `redis-benchmark` adding ten times as many entries of the same length to a stream, 16 at a time: a job
 * costs Redis an addition to the queue, one to the results, and the reading, acknowledging and removing of both.
 *
 *     npm run bench:queue
 *     npm run bench:queue -- --runtime bun --jobs 20000 --rounds 1
 *
 * 2026-11, Linux on x86-64 with 2 cores, 30,000 jobs, medians of 3 rounds:
 *
 * |              | Node 20.20.2   | Deno 2.9.5     | Bun 1.4.5      |
 * |              | jobs/s   ratio | jobs/s   ratio | jobs/s   ratio |
 * | ------------ | ------   ----- | ------   ----- | ------   ----- |
 * | in memory    |   7474   0.088 |   8156   0.072 |   9200   0.060 |
 * | in Redis     |   2137   0.022 |   3465   0.022 |   3153   0.021 |
 * | yardstick    |  94847       1 | 125628       1 | 141911       1 |
 *
 * The machine had other work then, four to six times as much as it has cores, so that even the yardstick, which is the same for all
 * three, differs by half, and in another run by a factor of two: these are orders of magnitude, and no comparison of the runtimes. In Redis, six processes share
 * the two cores: with half of that other work, 100,000 jobs took 13 to 15 seconds on each of the three, which is 7,000 jobs/s.
 */
import { parseArgs } from "node:util";
import { QueueClient } from "../../examples/queue/client.ts";
import { command, Program, run, type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";
import { RedisServer } from "../../tests/support/redis.ts";

const WORKERS = 3;
const IN_FLIGHT = 5_000;
const BODY = "0123456789";

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    jobs: { type: "string", default: "50000" },
    rounds: { type: "string", default: "3" },
    /** In the processes that this program starts: sends the jobs to that port, and prints how long they took. */
    port: { type: "string", default: "" },
  },
});
const unknown = options.runtime.find((name) => !(RUNTIMES as readonly string[]).includes(name));
if (unknown !== undefined) {
  throw new TypeError(`--runtime must be one of ${RUNTIMES.join(", ")}, not ${unknown}`);
}
const [jobs, rounds] = (["jobs", "rounds"] as const).map((name) => {
  const value = options[name];
  if (!/^[1-9]\d*$/.test(value)) {
    throw new TypeError(`--${name} must be a whole number from 1 on, not ${value}`);
  }
  return Number(value);
}) as [number, number];

/** Sends the jobs, waits for their results, and prints how many there were in a second. */
async function send(port: number): Promise<void> {
  const client = await QueueClient.connect({ port, maxInFlight: IN_FLIGHT });
  const start = performance.now();
  const outcomes = [];
  for (let i = 0; i < jobs; i++) outcomes.push((await client.submit("upper", BODY)).outcome);
  const failed = (await Promise.all(outcomes)).filter(({ isDone }) => !isDone).length;
  if (failed > 0) throw new Error(`${failed} jobs have failed`);
  const seconds = (performance.now() - start) / 1_000;
  await client.close();
  console.log(`rate ${Math.round(jobs / seconds)}`);
}

/** Jobs a second through a server with these options. */
async function measure(runtime: RuntimeName, ...args: string[]): Promise<number> {
  const limits = ["--port", "0", "--max-in-flight", String(IN_FLIGHT)];
  const file = "examples/queue_server.ts";
  await using server = new Program(command(runtime, file, ...limits, ...args));
  const port = await server.listening();
  const client = ["dev/bench/queue.ts", "--port", String(port), "--jobs", String(jobs)];
  await using sending = new Program(command(runtime, client[0]!, ...client.slice(1)));
  const [, rate] = await sending.line(/^rate (\d+)$/);
  await Promise.all([sending.finished(), server.interrupt()]);
  return Number(rate);
}

async function measureRedis(runtime: RuntimeName, url: string): Promise<number> {
  const workers = Array.from(
    { length: WORKERS },
    () => new Program(command(runtime, "examples/queue_worker.ts", "--redis", url)),
  );
  try {
    await Promise.all(workers.map((worker) => worker.line(/^working as/)));
    return await measure(runtime, "--redis", url);
  } finally {
    await Promise.all(workers.map((worker) => worker.interrupt()));
  }
}

/** Entries a second that `redis-benchmark` adds to a stream. */
async function measureYardstick({ port }: RedisServer): Promise<number> {
  const fields = ["kind", "upper", "body", BODY];
  const args = ["-p", String(port), "-n", String(10 * jobs), "-c", "1", "-P", "16", "--csv"];
  const { lines, stderr } = await run([
    "redis-benchmark",
    ...args,
    "xadd",
    "bench",
    "*",
    ...fields,
  ]);
  const [, rate] = lines.at(-1)?.match(/^"[^"]*","([\d.]+)"/) ?? [];
  if (rate === undefined) {
    throw new Error(`redis-benchmark says no rate: ${lines.join("\n")}${stderr}`);
  }
  return Number(rate);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function compare(runtime: RuntimeName): Promise<void> {
  const rates = { memory: [] as number[], redis: [] as number[], yardstick: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    rates.memory.push(await measure(runtime));
    await using redis = await RedisServer.start();
    rates.redis.push(await measureRedis(runtime, redis.url));
    rates.yardstick.push(await measureYardstick(redis));
  }
  const ratio = (rate: "memory" | "redis"): string =>
    median(rates[rate].map((each, round) => each / rates.yardstick[round]!)).toFixed(3);
  const [memory, redis, yardstick] = [rates.memory, rates.redis, rates.yardstick].map(median);
  console.log(
    `${runtime}: ${memory} jobs/s in memory (${ratio("memory")} of the yardstick), ` +
      `${redis} in Redis (${ratio("redis")}); the yardstick: ${Math.round(yardstick!)} entries/s`,
  );
}

if (options.port !== "") await send(Number(options.port));
else for (const runtime of RUNTIMES) if (options.runtime.includes(runtime)) await compare(runtime);
