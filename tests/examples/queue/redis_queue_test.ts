/** Jobs in a real Redis: what becomes of them when workers die, and when Redis is away. */
import { test } from "node:test";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Redis } from "ioredis";
import type { Outcome, TakenJob } from "../../../examples/queue/job.ts";
import { done } from "../../../examples/queue/job.ts";
import { RedisQueue } from "../../../examples/queue/redis_queue.ts";
import { RedisSource, type RedisSourceOptions } from "../../../examples/queue/redis_source.ts";
import { bytes, text } from "../../support/bytes.ts";
import { Cable } from "../../support/cable.ts";
import { PATIENCE } from "../../support/limits.ts";
import { peerTest } from "../../support/test_with_peer.ts";
import { RedisServer } from "../../support/redis.ts";

/** What the server of a queue is told, and promises of it. */
class Heard {
  readonly outcomes: [ref: string, isDone: boolean, data: string, deliveries: number][] = [];
  readonly lost: string[] = [];
  readonly lines: string[] = [];
  #changed: (() => void)[] = [];

  onOutcome(ref: string, { isDone, data }: Outcome, deliveries: number): void {
    this.outcomes.push([ref, isDone, text(data), deliveries]);
    this.#tell();
  }

  onLost(reason: string): void {
    this.lost.push(reason);
    this.#tell();
  }

  onShrunk(): void {
    this.#tell();
  }

  readonly log = (line: string): void => {
    this.lines.push(line);
    this.#tell();
  };

  /** Resolves when something is so that was heard. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #tell(): void {
    for (const tell of this.#changed.splice(0)) tell();
  }
}

interface Session {
  readonly heard: Heard;
  readonly queue: RedisQueue;
  /** Leads from both to Redis. */
  readonly cable: Cable;
  readonly server: RedisServer;
  /** A look at Redis by somebody else. */
  readonly look: Redis;
  /** Opens what a worker takes jobs from. */
  openSource(name: string, more?: Partial<RedisSourceOptions>): Promise<RedisSource>;
  /** Puts jobs into the queue, by the numbers that are their names. */
  add(...refs: number[]): Promise<void>;
}

/** Registers a test with a Redis of its own. */
function realTest(name: string, work: (session: Session) => Promise<void>): void {
  peerTest("redis-server", name, async () => {
    await using server = await RedisServer.start();
    using cable = await Cable.to(server.port);
    const heard = new Heard();
    const redis = { url: `redis://127.0.0.1:${cable.port}`, timeout: PATIENCE };
    const queue = await RedisQueue.open({ redis, queue: "jobs", log: heard.log }, heard);
    const look = new Redis(server.port, "127.0.0.1", { connectTimeout: PATIENCE });
    const sources: RedisSource[] = [];
    const openSource: Session["openSource"] = async (name, more = {}) => {
      const patience = { claimAfter: 10 * PATIENCE, maxDeliveries: 5 };
      const options = { redis, queue: "jobs", name, log: heard.log, ...patience, ...more };
      const source = await RedisSource.open(options);
      sources.push(source);
      return source;
    };
    const add: Session["add"] = async (...refs) => {
      const jobs = refs.map((ref) => ({ ref: `${ref}`, kind: "x", body: bytes(`body ${ref}`) }));
      await Promise.all(jobs.map((job) => queue.add(job)));
    };
    try {
      await work({ heard, queue, cable, server, look, openSource, add });
    } finally {
      for (const source of sources) await source.close();
      await queue.close();
      look.disconnect();
    }
  });
}

const refsOf = (jobs: readonly TakenJob[] | null): string[] => jobs!.map(({ ref }) => ref);
const result = (job: TakenJob): Outcome => done(bytes(`result ${job.ref}`));

realTest("jobs go through Redis, and their outcomes come back", async (session) => {
  const { heard, look, queue, openSource, add } = session;
  const source = await openSource("one");
  const taking = source.take(10); // before there is a job
  await add(1);
  assertEquals(refsOf(await taking), ["1"]);
  await add(2, 3, 4);
  const jobs = [...(await source.take(2))!, ...(await source.take(2))!];
  assertEquals(jobs.map(({ ref, body, deliveries }) => [ref, text(body), deliveries]), [
    ["2", "body 2", 1],
    ["3", "body 3", 1],
    ["4", "body 4", 1],
  ]);
  assertEquals(queue.depth, 4);
  await Promise.all(jobs.map((job) => source.finish(job, result(job))));
  await heard.until(() => heard.outcomes.length === 3);
  assertEquals(heard.outcomes, [2, 3, 4].map((ref) => [`${ref}`, true, `result ${ref}`, 1]));
  assertEquals(await look.xlen("jobs"), 1); // the first one is still under way
  assertEquals((await look.xpending("jobs", "workers"))[0], 1);
  assertEquals(heard.lines, []);
});

realTest("a job of a worker that is gone is taken by another one", async (session) => {
  const { heard, look, openSource, add } = session;
  await add(1, 2);
  const dead = await openSource("dead");
  assertEquals(refsOf(await dead.take(10)), ["1", "2"]);
  await dead.close(); // which does not finish them, and is not forgotten: they would be lost with it
  assertEquals((await look.xinfo("CONSUMERS", "jobs", "workers") as unknown[]).length, 1);
  const heir = await openSource("heir", { claimAfter: 1 });
  const jobs = (await heir.take(10))!;
  assertEquals(jobs.map(({ ref, deliveries }) => [ref, deliveries]), [["1", 2], ["2", 2]]);
  await Promise.all(jobs.map((job) => heir.finish(job, result(job))));
  await heard.until(() => heard.outcomes.length === 2);
  assertEquals(heard.outcomes, [1, 2].map((ref) => [`${ref}`, true, `result ${ref}`, 2]));
  assertEquals(await look.xlen("jobs"), 0);
});

realTest("a worker renews what it has, which is no delivery", async (session) => {
  const { look, openSource, add } = session;
  await add(1);
  const busy = await openSource("busy", { claimAfter: 90 });
  const [job] = (await busy.take(1))!;
  // Each time, it is as if it had just been taken: its idle time begins anew.
  let renewed = 0;
  for (let last = 0; renewed < 5;) {
    const [[, owner, idle, deliveries]] = await look.xpending("jobs", "workers", "-", "+", 1) as [
      [string, string, number, number],
    ];
    assertEquals([owner, deliveries], ["busy", 1]);
    if (idle < last) renewed++;
    last = idle;
  }
  await busy.finish(job!, result(job!));
  assertEquals(await look.xlen("jobs"), 0);
});

realTest("a job that no worker finishes is given up, and no other", async (session) => {
  const { heard, look, openSource, add } = session;
  const options = { claimAfter: 1, maxDeliveries: 3 };
  await add(1, 2, 3);
  // Each worker dies of the first job, with what it has taken with it.
  const taken: string[][] = [];
  for (const name of ["a", "b", "c"]) {
    const source = await openSource(name, options);
    taken.push(refsOf(await source.take(10)));
    await source.close();
  }
  assertEquals(taken, [["1", "2", "3"], ["1", "2", "3"], ["1"]]);
  const last = await openSource("last", options);
  for (let i = 0; i < 2; i++) {
    for (const job of (await last.take(1))!) await last.finish(job, result(job));
  }
  await heard.until(() => heard.outcomes.length === 3);
  const told = heard.outcomes.toSorted(([one], [other]) => one.localeCompare(other));
  assertEquals(told, [
    ["1", false, "given up: 3 workers had it, and none has finished it", 3],
    ["2", true, "result 2", 3],
    ["3", true, "result 3", 3],
  ]);
  const [[, fields]] = await look.xrange("jobs:dead", "-", "+") as [[string, string[]]];
  assertEquals(fields, ["ref", "1", "kind", "x", "body", "body 1", "deliveries", "3"]);
  assertEquals(await look.xlen("jobs"), 0);
  assertMatch(heard.lines.join("\n"), /^gave up a job of the kind "x": 3 deliveries$/);
});

realTest("a source that is stopped is forgotten when it has nothing", async (session) => {
  const { look, openSource, add } = session;
  const source = await openSource("one");
  await add(1);
  const [job] = (await source.take(1))!;
  const taking = source.take(1);
  source.stop();
  assertEquals(await taking, null);
  assertEquals(await source.take(1), null);
  await source.finish(job!, result(job!));
  await source.close();
  assertEquals(await look.xinfo("CONSUMERS", "jobs", "workers"), []);
});

realTest("what others put into the stream is a job of no kind", async (session) => {
  const { look, openSource } = session;
  await look.xadd("jobs", "*", "hello", "world");
  const source = await openSource("one");
  const [job] = (await source.take(1))!;
  assertEquals([job!.ref, job!.kind, job!.body.length], ["", "", 0]);
  await source.finish(job!, result(job!));
  assertEquals(await look.xlen("jobs"), 0);
});

realTest("outcomes for a server that is gone are dropped", async (session) => {
  const { look, heard, queue, openSource, add } = session;
  await add(1);
  const source = await openSource("one");
  const [job] = (await source.take(1))!;
  await queue.close();
  await source.finish(job!, result(job!));
  assertEquals(await look.keys("*"), ["jobs"]);
  assertEquals([await look.xlen("jobs"), heard.outcomes], [0, []]);
});

realTest("a queue whose streams were removed says that jobs are lost", async (session) => {
  const { look, heard, openSource, add } = session;
  const source = await openSource("one");
  await add(1);
  assertEquals(refsOf(await source.take(1)), ["1"]);
  await look.flushall();
  await heard.until(() => heard.lost.length > 0);
  assertEquals(heard.lost, ["Redis has lost it: it may have been done"]);
  await heard.until(() => heard.lines.includes("Redis is back"));
  await add(2);
  const [job] = (await source.take(1))!;
  await source.finish(job!, result(job!));
  await heard.until(() => heard.outcomes.length === 1);
  assertEquals(heard.outcomes, [["2", true, "result 2", 1]]);
});

realTest("a queue and its workers go on when Redis is back", async (session) => {
  const { heard, cable, server, openSource, add } = session;
  const isBack = (line: string): boolean => line === "Redis is back";
  const source = await openSource("one", { claimAfter: 100, maxDeliveries: 1_000 });
  await add(1, 2);
  const [first] = (await source.take(1))!;
  cable.cut();
  await heard.until(() => heard.lines.length >= 2); // both have noticed
  await assertRejects(() => add(3), Error, "Redis is away");
  await assertRejects(() => source.finish(first!, result(first!)), Error, "Redis is away");
  const taking = source.take(10);
  cable.mend(server.port);
  await heard.until(() => heard.lines.filter(isBack).length >= 2);
  await add(4);
  // The first one is taken again, as it was not noted that it was done.
  const refs = new Set<string>();
  for (let jobs = await taking; jobs !== null;) {
    for (const job of jobs) {
      refs.add(job.ref);
      await source.finish(job, result(job));
    }
    jobs = refs.size < 3 ? await source.take(10) : null;
  }
  await heard.until(() => new Set(heard.outcomes.map(([ref]) => ref)).size === 3);
  assertEquals([...refs].sort(), ["1", "2", "4"]);
  assertEquals(heard.lost, []);
  for (const line of heard.lines) assertMatch(line, /^Redis is (back$|away: )/);
  cable.cut();
  await heard.until(() => heard.lines.at(-1)!.startsWith("Redis is away"));
  // Nobody has to wait for Redis to be back: not those who close them now.
});

test("a queue and its workers do not begin without Redis", async () => {
  const heard = new Heard();
  const options = { redis: { url: "redis://127.0.0.1:1" }, queue: "jobs", log: heard.log };
  await assertRejects(() => RedisQueue.open(options, heard), Error, "refused");
  const more = { name: "one", claimAfter: 1, maxDeliveries: 1 };
  await assertRejects(() => RedisSource.open({ ...options, ...more }), Error, "refused");
});
