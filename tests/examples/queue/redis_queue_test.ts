/** Jobs in a real Redis: what becomes of them when workers die, and when Redis is away. */
import {
  type AddressInfo,
  connect as connectSocket,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { Redis } from "ioredis";
import type { Outcome, TakenJob } from "../../../examples/queue/job.ts";
import { done } from "../../../examples/queue/job.ts";
import { RedisQueue } from "../../../examples/queue/redis_queue.ts";
import { RedisSource, type RedisSourceOptions } from "../../../examples/queue/redis_source.ts";
import { bytes, text } from "../../support/bytes.ts";
import { named, needs } from "../../support/peers.ts";
import { RedisServer } from "../../support/redis.ts";

const peer = needs("redis-server");

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
  readonly url: string;
  readonly heard: Heard;
  readonly queue: RedisQueue;
  /** A look at Redis by somebody else. */
  readonly look: Redis;
  /** Opens what a worker takes jobs from. */
  openSource(name: string, more?: Partial<RedisSourceOptions>): Promise<RedisSource>;
  /** Puts jobs into the queue, by the numbers that are their names. */
  add(...refs: number[]): Promise<void>;
}

/** Runs with a Redis of one's own, which is reached by that URL, or another. */
async function withRedis(
  work: (session: Session) => Promise<void>,
  reach: (server: RedisServer) => string = ({ url }) => url,
  protocol: 2 | 3 = 3,
): Promise<void> {
  await using server = await RedisServer.start();
  const heard = new Heard();
  const url = reach(server);
  const redis = { url, protocol };
  const queue = await RedisQueue.open({ redis, queue: "jobs", log: heard.log }, heard);
  const look = new Redis(server.port, "127.0.0.1");
  const sources: RedisSource[] = [];
  try {
    await work({
      url,
      heard,
      queue,
      look,
      async openSource(name, more = {}) {
        const patience = { claimAfter: 60_000, maxDeliveries: 5 };
        const options = { redis, queue: "jobs", name, log: heard.log, ...patience, ...more };
        const source = await RedisSource.open(options);
        sources.push(source);
        return source;
      },
      async add(...refs) {
        const jobs = refs.map((ref) => ({
          ref: String(ref),
          kind: "x",
          body: bytes(`body ${ref}`),
        }));
        await Promise.all(jobs.map((job) => queue.add(job)));
      },
    });
  } finally {
    for (const source of sources) await source.close();
    await queue.close();
    look.disconnect();
  }
}

function realTest(name: string, work: (session: Session) => Promise<void>): void {
  test(named(name, peer), peer, () => withRedis(work));
}

const refsOf = (jobs: readonly TakenJob[] | null): string[] => jobs!.map(({ ref }) => ref);
const result = (job: TakenJob): Outcome => done(bytes(`result ${job.ref}`));

for (const protocol of [2, 3] as const) {
  test(
    named(`jobs go through Redis, and their outcomes come back (RESP${protocol})`, peer),
    peer,
    () =>
      withRedis(
        async ({ heard, look, queue, openSource, add }) => {
          const source = await openSource("one");
          const taking = source.take(10); // before there is a job
          await add(1);
          assertEquals(refsOf(await taking), ["1"]);
          await add(2, 3, 4);
          const jobs = [...(await source.take(2))!, ...(await source.take(2))!];
          assertEquals(refsOf(jobs), ["2", "3", "4"]);
          assertEquals(jobs.map(({ body, deliveries }) => [text(body), deliveries]), [
            ["body 2", 1],
            ["body 3", 1],
            ["body 4", 1],
          ]);
          assertStrictEquals(queue.depth, 4);
          await Promise.all(jobs.map((job) => source.finish(job, result(job))));
          await heard.until(() => heard.outcomes.length === 3);
          assertEquals(
            heard.outcomes,
            [2, 3, 4].map((ref) => [`${ref}`, true, `result ${ref}`, 1]),
          );
          assertStrictEquals(await look.xlen("jobs"), 1); // the first one is still under way
          const [pending] = await look.xpending("jobs", "workers") as [number];
          assertEquals(pending, 1);
          assertEquals(heard.lines, []);
        },
        undefined,
        protocol,
      ),
  );
}

realTest(
  "a job of a worker that is gone is taken by another one, and counted as delivered twice",
  async (session) => {
    const { heard, look, openSource, add } = session;
    await add(1, 2);
    const dead = await openSource("dead");
    assertEquals(refsOf(await dead.take(10)), ["1", "2"]);
    await dead.close(); // which does not finish them, and is not forgotten: they would be lost with it
    assertStrictEquals((await look.xinfo("CONSUMERS", "jobs", "workers") as unknown[]).length, 1);
    const heir = await openSource("heir", { claimAfter: 1 });
    const jobs = (await heir.take(10))!;
    assertEquals(jobs.map(({ ref, deliveries }) => [ref, deliveries]), [["1", 2], ["2", 2]]);
    await Promise.all(jobs.map((job) => heir.finish(job, result(job))));
    await heard.until(() => heard.outcomes.length === 2);
    assertEquals(heard.outcomes, [1, 2].map((ref) => [`${ref}`, true, `result ${ref}`, 2]));
    assertStrictEquals(await look.xlen("jobs"), 0);
  },
);

realTest(
  "a worker says again and again of a job that it is under way, which is no delivery",
  async (session) => {
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
    assertStrictEquals(await look.xlen("jobs"), 0);
  },
);

realTest(
  "a job that nobody finishes is given up in the end, and takes no other along",
  async (session) => {
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
    await last.take(1).then((jobs) =>
      Promise.all(jobs!.map((job) => last.finish(job, result(job))))
    );
    await last.take(1).then((jobs) =>
      Promise.all(jobs!.map((job) => last.finish(job, result(job))))
    );
    await heard.until(() => heard.outcomes.length === 3);
    const told = heard.outcomes.toSorted(([one], [other]) => one.localeCompare(other));
    assertEquals(told, [
      ["1", false, "given up: 3 workers had it, and none has finished it", 3],
      ["2", true, "result 2", 3],
      ["3", true, "result 3", 3],
    ]);
    const [[, fields]] = await look.xrange("jobs:dead", "-", "+") as [[string, string[]]];
    assertEquals(fields, ["ref", "1", "kind", "x", "body", "body 1", "deliveries", "3"]);
    assertStrictEquals(await look.xlen("jobs"), 0);
    assertMatch(heard.lines.join("\n"), /^gave up a job of the kind "x": 3 deliveries$/);
  },
);

realTest(
  "a source that is stopped waits no longer, and is forgotten when it has nothing",
  async (session) => {
    const { look, openSource, add } = session;
    const source = await openSource("one");
    await add(1);
    const [job] = (await source.take(1))!;
    const taking = source.take(1);
    source.stop();
    assertStrictEquals(await taking, null);
    assertStrictEquals(await source.take(1), null);
    await source.finish(job!, result(job!));
    await source.close();
    assertEquals(await look.xinfo("CONSUMERS", "jobs", "workers"), []);
  },
);

realTest(
  "what somebody else has put into the stream is a job of no kind",
  async ({ look, openSource }) => {
    await look.xadd("jobs", "*", "hello", "world");
    const source = await openSource("one");
    const [job] = (await source.take(1))!;
    assertEquals([job!.ref, job!.kind, job!.body.length], ["", "", 0]);
    await source.finish(job!, result(job!));
    assertStrictEquals(await look.xlen("jobs"), 0);
  },
);

realTest(
  "outcomes for a server that is gone are dropped, and its stream is not made again",
  async (session) => {
    const { look, heard, queue, openSource, add } = session;
    await add(1);
    const source = await openSource("one");
    const [job] = (await source.take(1))!;
    await queue.close();
    await source.finish(job!, result(job!));
    assertEquals(await look.keys("*"), ["jobs"]);
    assertEquals([await look.xlen("jobs"), heard.outcomes], [0, []]);
  },
);

realTest(
  "a queue whose streams were removed says that it has lost the jobs, and goes on",
  async (session) => {
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
  },
);

/** Stands between a client and Redis, and breaks their connections when it is told to. */
class Cable {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  #isCut = false;

  private constructor(port: number) {
    this.#server = createServer((client) => {
      if (this.#isCut) return void client.destroy();
      const upstream = connectSocket(port, "127.0.0.1");
      for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
        this.#sockets.add(from);
        from.on("error", () => {});
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }

  static async to(port: number): Promise<Cable> {
    const cable = new Cable(port);
    cable.#server.listen(0, "127.0.0.1");
    await once(cable.#server, "listening");
    return cable;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks all connections, and takes no more until it is mended. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

test(
  named(
    "a queue and its workers go on when Redis is back, and nothing is lost that was queued",
    peer,
  ),
  peer,
  async () => {
    await using server = await RedisServer.start();
    const cable = await Cable.to(server.port);
    const heard = new Heard();
    const redis = { url: cable.url };
    const queue = await RedisQueue.open({ redis, queue: "jobs", log: heard.log }, heard);
    const options = { redis, queue: "jobs", name: "one", maxDeliveries: 5, log: heard.log };
    const source = await RedisSource.open({ ...options, claimAfter: 100 });
    const add = (ref: number): Promise<void> =>
      queue.add({ ref: `${ref}`, kind: "x", body: bytes("") });
    try {
      await Promise.all([add(1), add(2)]);
      const [first] = (await source.take(1))!;
      cable.cut();
      await heard.until(() => heard.lines.length >= 2); // both have noticed
      await assertRejects(() => add(3), Error, "Redis is away");
      await assertRejects(() => source.finish(first!, result(first!)), Error, "Redis is away");
      const taking = source.take(10);
      cable.mend();
      await heard.until(() => heard.lines.filter((line) => line === "Redis is back").length >= 2);
      await add(4);
      // The first one is taken again, as it was not noted that it was done.
      const refs = new Set<string>();
      for (
        let jobs = await taking;
        jobs !== null;
        jobs = refs.size < 3 ? await source.take(10) : null
      ) {
        for (const job of jobs) {
          refs.add(job.ref);
          await source.finish(job, result(job));
        }
      }
      await heard.until(() => new Set(heard.outcomes.map(([ref]) => ref)).size === 3);
      assertEquals([...refs].sort(), ["1", "2", "4"]);
      assertEquals(heard.lost, []);
      assert(
        heard.lines.every((line) => /^Redis is (back$|away: )/.test(line)),
        heard.lines.join("\n"),
      );

      cable.cut();
      await heard.until(() => heard.lines.at(-1)!.startsWith("Redis is away"));
    } finally {
      // Nobody has to wait for Redis to be back.
      await source.close();
      await queue.close();
      cable.close();
    }
  },
);

test("a queue and its workers do not begin without Redis", async () => {
  const redis = { url: "redis://127.0.0.1:1" };
  const heard = new Heard();
  const options = { redis, queue: "jobs", log: heard.log };
  await assertRejects(() => RedisQueue.open(options, heard), Error, "refused");
  const more = { name: "one", claimAfter: 1, maxDeliveries: 1 };
  await assertRejects(() => RedisSource.open({ ...options, ...more }), Error, "refused");
});
