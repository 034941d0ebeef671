/** Workers, with jobs from memory. */
import { test } from "node:test";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Deferred } from "../../../examples/deferred.ts";
import { type Handler, handlers } from "../../../examples/queue/handlers.ts";
import type { Outcome } from "../../../examples/queue/job.ts";
import { MemoryQueue } from "../../../examples/queue/memory_queue.ts";
import { Worker } from "../../../examples/queue/worker.ts";
import { bytes, text } from "../../support/bytes.ts";

/** Waits for so many outcomes, in a queue that has nobody else who listens. */
class Outcomes {
  readonly all: [ref: string, isDone: boolean, data: string][] = [];
  #changed: () => void = () => {};

  onOutcome(ref: string, { isDone, data }: Outcome): void {
    this.all.push([ref, isDone, text(data)]);
    this.#changed();
  }

  onLost(): void {}
  onShrunk(): void {}

  async take(count: number): Promise<Outcomes["all"]> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => this.#changed = resolve);
    }
    return this.all.toSorted(([one], [other]) => Number(one) - Number(other));
  }
}

test("a worker does each kind of job, and says why one has failed", async () => {
  const outcomes = new Outcomes();
  const queue = new MemoryQueue(outcomes);
  const worker = new Worker(queue, handlers, { concurrency: 2 });
  const jobs: readonly (readonly [kind: string, body: string, isDone: boolean, data: RegExp])[] = [
    ["upper", "häppy", true, /^HÄPPY$/],
    ["reverse", "añb😀", true, /^😀bña$/],
    ["sha256", "abc", true, /^ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad$/],
    ["sleep", "0", true, /^slept for 0 ms$/],
    ["sleep", "long", false, /^sleep takes 0 to 3600000 milliseconds, not "long"$/],
    ["sleep", "3600001", false, /not "3600001"$/],
    ["fail", "because", false, /^because$/],
    ["paint", "", false, /^no worker knows how to do paint: upper, reverse, sleep, fail, sha256$/],
    ["toString", "", false, /^no worker knows/],
  ];
  for (const [i, [kind, body]] of jobs.entries()) {
    await queue.add({ ref: String(i), kind, body: bytes(body) });
  }
  const told = await outcomes.take(jobs.length);
  for (const [i, [kind, body, isDone, data]] of jobs.entries()) {
    assertEquals(told[i]!.slice(0, 2), [String(i), isDone], `${kind} ${body}`);
    assertMatch(told[i]![2], data);
  }
  assertEquals([queue.depth, queue.bytes], [0, 0]);
  await worker.stop(0);
  await worker.finished;
});

test("a worker has as many jobs under way as it may, and takes the next when one has ended", async () => {
  const outcomes = new Outcomes();
  const queue = new MemoryQueue(outcomes);
  const held: Deferred<Uint8Array>[] = [];
  const started = new Deferred();
  const hold: Handler = () => {
    const result = new Deferred<Uint8Array>();
    if (held.push(result) === 3) started.resolve();
    return result.promise;
  };
  const worker = new Worker(queue, new Map([["hold", hold]]), { concurrency: 3 });
  for (let i = 0; i < 10; i++) await queue.add({ ref: String(i), kind: "hold", body: bytes("xx") });
  await started.promise;
  for (let ended = 0; ended < 10; ended++) {
    assertEquals([held.length, queue.depth, queue.bytes], [
      Math.min(10, ended + 3),
      10 - ended,
      20 - 2 * ended,
    ]);
    held[ended]!.resolve(bytes(`result ${ended}`));
    await outcomes.take(ended + 1);
    while (held.length < Math.min(10, ended + 4)) await Promise.resolve();
  }
  assertEquals(outcomes.all, Array.from({ length: 10 }, (_, i) => [`${i}`, true, `result ${i}`]));
  await worker.stop(0);
});

test("a worker that is stopped finishes what it has, and those that wait are told", async () => {
  const outcomes = new Outcomes();
  const queue = new MemoryQueue(outcomes);
  const started = new Deferred();
  const result = new Deferred<Uint8Array>();
  const hold: Handler = () => {
    started.resolve();
    return result.promise;
  };
  const worker = new Worker(queue, new Map([["hold", hold]]), { concurrency: 1 });
  for (const ref of ["1", "2", "3"]) await queue.add({ ref, kind: "hold", body: bytes("") });
  await started.promise;
  const stopped = worker.stop(60_000);
  const message = "the server was stopped before it was done";
  assertEquals(outcomes.all, [["2", false, message], ["3", false, message]]);
  await assertRejects(
    () => queue.add({ ref: "4", kind: "hold", body: bytes("") }),
    Error,
    "stopped",
  );
  result.resolve(bytes("in time"));
  await stopped;
  assertEquals(outcomes.all.at(-1), ["1", true, "in time"]);
  assertEquals(queue.depth, 0);
});

test("a worker gives up what is not done in time when it is stopped", async () => {
  const outcomes = new Outcomes();
  const queue = new MemoryQueue(outcomes);
  const started = new Deferred();
  const sleep: Handler = (body, signal) => {
    started.resolve();
    return handlers.get("sleep")!(body, signal);
  };
  const worker = new Worker(queue, new Map([["sleep", sleep]]), { concurrency: 1 });
  await queue.add({ ref: "1", kind: "sleep", body: bytes("3600000") });
  await started.promise;
  await worker.stop(10);
  assertEquals(await outcomes.take(1), [["1", false, "the server was stopped before it was done"]]);
});
