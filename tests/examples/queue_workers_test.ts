/** The programs of the queue with a real Redis, which workers share, and in which they may die. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertMatch, assertStrictEquals } from "@std/assert";
import { Redis } from "ioredis";
import { QueueClient } from "../../examples/queue/client.ts";
import { text } from "../support/bytes.ts";
import { named, needs } from "../support/peers.ts";
import { Program } from "../support/programs.ts";
import { doAll, program, type Running, withServer } from "../support/queue_programs.ts";
import { RedisServer } from "../support/redis.ts";

const peer = needs("redis-server");

/** Runs a server whose jobs are in Redis, and so many workers. */
async function withWorkers(
  count: number,
  work: (
    running: Running & { redis: Redis; workers: Program[]; kill: () => Promise<void> },
  ) => Promise<void>,
  args: { readonly server?: string[]; readonly worker?: string[] } = {},
): Promise<void> {
  const store = await RedisServer.start();
  const redis = new Redis(store.port, "127.0.0.1", { retryStrategy: () => null });
  redis.on("error", () => {}); // it may be killed
  const workers: Program[] = [];
  try {
    await withServer(
      async (running) => {
        for (let i = 1; i <= count; i++) {
          const more = ["--name", `worker ${i}`, ...args.worker ?? []];
          workers.push(new Program(program("worker", "--redis", store.url, ...more)));
        }
        await Promise.all(workers.map((worker) => worker.line(/^working as worker \d$/)));
        await work({ ...running, redis, workers, kill: () => store.kill() });
      },
      "--redis",
      store.url,
      ...args.server ?? [],
    );
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
    redis.disconnect();
    await store.kill();
  }
}

/** How many jobs a worker has that it has not finished. */
async function pendingOf(redis: Redis, name: string): Promise<number> {
  const [, , , workers] = await redis.xpending("jobs", "workers") as [
    unknown,
    unknown,
    unknown,
    [string, string][] | null,
  ];
  return Number(workers?.find(([each]) => each === name)?.[1] ?? 0);
}

/** Kills a worker that has jobs in its hands, and returns how many; gives up when there is nothing more to do. */
async function killBusy(
  redis: Redis,
  worker: Program,
  name: string,
  isOver: () => boolean,
): Promise<number> {
  while (!isOver()) {
    if (await pendingOf(redis, name) === 0) continue;
    process.kill(worker.pid, "SIGSTOP");
    // What it had sent by now comes to Redis before several more answers to somebody else have come from there.
    let held = 0;
    for (let i = 0; i < 10; i++) held = await pendingOf(redis, name);
    if (held > 0) {
      await worker[Symbol.asyncDispose](); // SIGKILL
      return held;
    }
    process.kill(worker.pid, "SIGCONT");
  }
  throw new Error(`${name} had no job in its hands when it was looked at`);
}

const JOBS = 100_000;
test(
  named(
    `${JOBS} jobs through Redis are each done at least once, though a worker is killed in the middle`,
    peer,
  ),
  peer,
  () =>
    withWorkers(3, async ({ server, port, number, redis, workers }) => {
      const start = performance.now();
      let done = 0;
      let killed: Promise<number> | undefined;
      await doAll(port, JOBS, (results) => {
        done = results;
        if (results !== Math.floor(JOBS / 3)) return;
        killed = killBusy(redis, workers[0]!, "worker 1", () => done === JOBS);
        killed.catch(() => {}); // it is told below
      });
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      const inHand = await killed!;
      assertEquals(await number("jobs_done_total"), JOBS);
      assertEquals(await number("jobs_failed_total"), 0);
      const retried = await number("jobs_retried_total");
      assertLess(0, inHand);
      assert(
        retried >= inHand,
        `${retried} were retried of the ${inHand} that were in the hands of the dead`,
      );

      const ended = await Promise.all(workers.slice(1).map((worker) => worker.interrupt()));
      let noted = 0;
      for (const { code, lines, stderr } of ended) {
        assertEquals([code, stderr], [0, ""]);
        noted += Number(
          lines.at(-1)!.match(/^stopped: (\d+) done, 0 failed, \d+ of them claimed$/)![1],
        );
      }
      assertLess(0, noted);
      assertEquals(await redis.xlen("jobs"), 0);
      assertEquals((await redis.xpending("jobs", "workers") as [number])[0], 0);
      const twice = await number("results_unexpected_total");
      const { code, stderr } = await server.interrupt();
      assertEquals([code, stderr], [0, ""]);
      assertEquals(await redis.keys("*"), ["jobs"]);
      console.log(
        `${JOBS} jobs: ${JOBS} done at least once, ${twice} of them twice; a worker was killed with ${inHand} ` +
          `in its hands, and ${retried} were retried (${seconds} s)`,
      );
    }, { server: ["--max-in-flight", "5000"], worker: ["--claim-after", "2000"] }),
);

test(
  named("a worker that is stopped finishes what it has, and leaves nothing to others", peer),
  peer,
  () =>
    withWorkers(2, async ({ port, number, redis, workers }) => {
      const client = await QueueClient.connect({ port });
      const jobs = await Promise.all(
        Array.from({ length: 8 }, () => client.submit("sleep", "300")),
      );
      await Promise.all(jobs.map(({ queued }) => queued));
      const { code, lines, stderr } = await workers[0]!.interrupt();
      assertEquals([code, stderr], [0, ""]);
      assertMatch(lines.at(-1)!, /^stopped: \d done, 0 failed, 0 of them claimed$/);
      assertEquals(await pendingOf(redis, "worker 1"), 0);
      assertEquals((await redis.xinfo("CONSUMERS", "jobs", "workers") as unknown[]).length, 1);
      for (const { outcome } of jobs) assert((await outcome).isDone);
      assertEquals([await number("workers"), await number("jobs_retried_total")], [1, 0]);
      await client.close();
    }),
);

test(
  named("a queue server says so when Redis is away: it refuses jobs, and goes on", peer),
  peer,
  () =>
    withWorkers(1, async ({ server, port, number, workers, kill }) => {
      const client = await QueueClient.connect({ port });
      const { outcome } = await client.submit("upper", "before");
      assertStrictEquals(text((await outcome).data), "BEFORE");
      await kill();
      await server.line(/^Redis is away: /);
      await workers[0]!.line(/^Redis is away: /);
      const refused = await client.submit("upper", "after");
      const { isDone, data } = await refused.outcome;
      assertEquals([isDone, text(data)], [false, "Redis is away"]);
      assertEquals([await number("jobs_refused_total"), await number("jobs_pending")], [1, NaN]);
      await client.close();
      for (const each of [server, workers[0]!]) {
        const { code, stderr } = await each.interrupt();
        assertEquals([code, stderr], [0, ""]);
      }
    }),
);

test(
  named("a queue server can do jobs of Redis itself", peer),
  peer,
  () =>
    withWorkers(0, async ({ port, number, redis, server }) => {
      await doAll(port, 200);
      assertEquals([await number("workers"), await number("jobs_done_total")], [1, 200]);
      await server.interrupt();
      assertEquals(await redis.keys("*"), ["jobs"]);
      assertEquals(await redis.xinfo("CONSUMERS", "jobs", "workers"), []);
    }, { server: ["--workers", "2"] }),
);
