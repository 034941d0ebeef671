/** The programs of the queue: with jobs in memory, and in a real Redis, which workers share, and in which they may die. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Redis } from "ioredis";
import { QueueClient } from "../../examples/queue/client.ts";
import { text } from "../support/bytes.ts";
import { example, ExampleServer, runExample } from "../support/examples.ts";
import { PATIENCE } from "../support/limits.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { Program } from "../support/programs.ts";
import { RedisServer } from "../support/redis.ts";
import { shell, shellOutput } from "../support/shell.ts";

/** How many jobs go through the queue: `QUEUE_JOBS=100000` in the environment lets more of them. */
const JOBS = Number(process.env["QUEUE_JOBS"] ?? 3_000);

/** Starts a server with `/metrics`, of which it returns the values by their names. */
async function start(
  ...args: string[]
): Promise<[ExampleServer, (name: string) => Promise<number>]> {
  const server = await ExampleServer.start("queue_server", "--metrics", "0", ...args);
  const [, url] = await server.line(/^metrics on (http:.+)$/);
  return [server, async (name) => {
    const shown = await (await fetch(url!)).text();
    const [, value] = shown.match(new RegExp(`^${name} (\\S+)$`, "m")) ?? [];
    assert(value !== undefined, shown);
    return Number(value);
  }];
}

/** Sends so many jobs, beginning with that number, and sees to it that each has its result. */
async function doAll(client: QueueClient, from: number, count: number): Promise<void> {
  const outcomes: Promise<void>[] = [];
  for (let i = from; i < from + count; i++) {
    const { outcome } = await client.submit("upper", `job ${i}`);
    outcomes.push(outcome.then(({ isDone, data }) => {
      assertEquals([isDone, text(data)], [true, `JOB ${i}`]);
    }));
  }
  await Promise.all(outcomes);
}

peerTest("nc", "nc hands in jobs to the queue server, which curl watches", async () => {
  const [started, number] = await start("--trace", "--workers", "1");
  await using server = started;
  const { port } = server;
  const said = await shellOutput(`printf 'JOB 1 upper 5\\nhello' | nc -N 127.0.0.1 ${port}`);
  assertEquals(said, "QUEUED 1\nDONE 1 5\nHELLO\n");
  assertMatch(await shellOutput(`echo hello | nc -N 127.0.0.1 ${port}`), /^ERR [^\n]*"hello"\n$/);
  const lines = ["begins", 'received  13 bytes  "JOB 1 upper 5"', 'received  5 bytes  "hello"'];
  for (const line of [...lines, 'sent  9 bytes  "QUEUED 1\\\\n"', "ends: in order"]) {
    await server.line(new RegExp(`^127\\.0\\.0\\.1:\\d+  ${line}$`));
  }
  const names = ["jobs_accepted_total", "jobs_done_total", "queue_depth", "connections_total"];
  assertEquals(await Promise.all(names.map(number)), [1, 1, 0, 2]);
  const [, url] = await server.line(/^metrics on (http:.+)$/);
  const shown = await shellOutput(`curl --silent --fail --show-error ${url}`);
  assertMatch(shown, /^# TYPE queue_depth gauge\nqueue_depth 0$/m);
  assertMatch(shown, /^# TYPE jobs_retried_total counter\njobs_retried_total 0$/m);

  const client = await QueueClient.connect({ port });
  const jobs = [await client.submit("sleep", "3600000"), await client.submit("upper", "x")];
  await Promise.all(jobs.map(({ queued }) => queued));
  const stopped = server.stop();
  for (const { outcome } of jobs) {
    const { isDone, data } = await outcome;
    assertEquals([isDone, text(data)], [false, "the server was stopped before it was done"]);
  }
  await client.close();
  await stopped;
});

test("queue_client sends words, or lines, and prints their results", async () => {
  await using server = await ExampleServer.start("queue_server", "--max-depth", "100");
  const args = ["--port", String(server.port), "--kind"];
  const words = await runExample(
    "queue_client",
    ...args,
    "reverse",
    "--in-flight",
    "1",
    "abc",
    "ä b",
  );
  assertEquals(words.lines, ["1  done  cba", "2  done  b ä", "2 done, 0 failed"]);
  assertEquals([words.code, words.stderr], [0, ""]);
  const failing = await runExample("queue_client", ...args, "fail", "why");
  assertEquals([failing.code, failing.lines], [1, ["1  failed  why", "0 done, 1 failed"]]);
  const line = `seq 1 ${JOBS} | $PROGRAM --port ${server.port}`;
  const { stdout } = await shell(line, "examples/queue_client.ts");
  const results = stdout.trimEnd().split("\n");
  assertEquals(results.pop(), `${JOBS} done, 0 failed`);
  const expected = Array.from({ length: JOBS }, (_, i) => `${i + 1}  done  ${i + 1}`);
  assertEquals(results.sort(), expected.sort());
});

interface Shared {
  readonly server: ExampleServer;
  readonly client: QueueClient;
  readonly number: (name: string) => Promise<number>;
  readonly store: RedisServer;
  /** A look at Redis by somebody else. */
  readonly redis: Redis;
  readonly workers: readonly Program[];
}

/** Registers a test of a server whose jobs are in Redis, and of so many workers. */
function sharedTest(
  name: string,
  { workers: count, server: serverArgs = [], worker: workerArgs = [] }: {
    readonly workers: number;
    readonly server?: string[];
    readonly worker?: string[];
  },
  work: (shared: Shared) => Promise<void>,
): void {
  peerTest("redis-server", name, async () => {
    await using store = await RedisServer.start();
    const [started, number] = await start("--redis", store.url, ...serverArgs);
    await using server = started;
    const redis = new Redis(store.port, "127.0.0.1", {
      connectTimeout: PATIENCE,
      retryStrategy: () => null,
    });
    redis.on("error", () => {}); // it may be killed
    await using client = await QueueClient.connect({ port: server.port });
    const workers = Array.from({ length: count }, (_, i) =>
      new Program(
        example("queue_worker", "--redis", store.url, "--name", `worker ${i}`, ...workerArgs),
      ));
    try {
      await Promise.all(workers.map((worker) => worker.line(/^working as worker \d$/)));
      await work({ server, client, number, store, redis, workers });
    } finally {
      for (const worker of workers) await worker[Symbol.asyncDispose]();
      redis.disconnect();
    }
  });
}

/** How many jobs a worker has that it has not finished. */
async function pendingOf(redis: Redis, name: string): Promise<number> {
  const [, , , workers] = await redis.xpending("jobs", "workers");
  return Number((workers as [string, string][] | null)?.find(([each]) => each === name)?.[1] ?? 0);
}

sharedTest(
  `jobs through Redis are each done at least once, though a worker is killed in the middle`,
  // Whoever has a job is not given up, however slow it is; and one that is taken from it is done twice.
  { workers: 3, worker: ["--claim-after", "1000", "--max-deliveries", "1000000"] },
  async ({ server, client, number, redis, workers: [victim, ...others] }) => {
    const third = Math.floor(JOBS / 3);
    await doAll(client, 0, third);
    // A worker that is held still has its place in the queue of those who wait in Redis: jobs are given to it.
    let inHand = 0;
    const results: Promise<void>[] = [];
    let sent = third;
    while (inHand === 0) {
      process.kill(victim!.pid, "SIGSTOP");
      for (let i = 0; i < 20 && inHand === 0; i++) {
        const { queued, outcome } = await client.submit("upper", `job ${sent++}`);
        results.push(outcome.then(({ isDone }) => assert(isDone)));
        await queued;
        inHand = await pendingOf(redis, "worker 0");
      }
      if (inHand === 0) process.kill(victim!.pid, "SIGCONT"); // it did not wait just then
    }
    await victim![Symbol.asyncDispose](); // SIGKILL
    await doAll(client, sent, third);
    await Promise.all(results);
    assertEquals([await number("jobs_done_total"), await number("jobs_failed_total")], [
      sent + third,
      0,
    ]);
    assert(await number("jobs_retried_total") >= inHand, `${inHand} were in its hands`);

    const ended = await Promise.all(others.map((worker) => worker.interrupt()));
    for (const { code, lines, stderr } of ended) {
      assertEquals([code, stderr], [0, ""]);
      assertMatch(lines.at(-1)!, /^stopped: \d+ done, 0 failed, \d+ of them claimed$/);
    }
    assertEquals([await redis.xlen("jobs"), (await redis.xpending("jobs", "workers"))[0]], [0, 0]);
    await client.close();
    await server.stop();
    assertEquals(await redis.keys("*"), ["jobs"]);
  },
);

sharedTest(
  "a worker that is stopped finishes what it has, and leaves nothing to others",
  { workers: 2, worker: ["--concurrency", "4"] },
  async ({ client, number, redis, workers: [worker] }) => {
    const submitted = Array.from({ length: 8 }, () => client.submit("sleep", "500"));
    const jobs = await Promise.all(submitted);
    await Promise.all(jobs.map(({ queued }) => queued));
    const { code, lines, stderr } = await worker!.interrupt();
    assertEquals([code, stderr], [0, ""]);
    assertMatch(lines.at(-1)!, /^stopped: \d done, 0 failed, 0 of them claimed$/);
    assertEquals(await pendingOf(redis, "worker 0"), 0);
    for (const { outcome } of jobs) assert((await outcome).isDone);
    assertEquals((await redis.xinfo("CONSUMERS", "jobs", "workers") as unknown[]).length, 1);
    assertEquals([await number("workers"), await number("jobs_retried_total")], [1, 0]);
  },
);

sharedTest(
  "a queue server that does jobs of Redis itself says so when that is away: it refuses jobs, and goes on",
  { workers: 1, server: ["--workers", "2"] },
  async ({ server, client, number, store, workers: [worker] }) => {
    await doAll(client, 0, 200);
    assertEquals([await number("workers"), await number("jobs_done_total")], [2, 200]);
    await store.kill();
    for (const each of [server, worker!]) await each.line(/^Redis is away: /);
    const { isDone, data } = await (await client.submit("upper", "after")).outcome;
    assertEquals([isDone, text(data)], [false, "Redis is away"]);
    assertEquals([await number("jobs_refused_total"), await number("jobs_pending")], [1, NaN]);
    await client.close();
    for (const each of [server, worker!]) {
      const { code, stderr } = await each.interrupt();
      assertEquals([code, stderr], [0, ""]);
    }
  },
);
