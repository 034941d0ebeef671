import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deferred } from "../../src/common/deferred.ts";
import { IdleTimer } from "../../src/chat/idle_timer.ts";
import { withTimers } from "../support/timers.ts";

test("IdleTimer waits only while something is waited for, and anew whenever something happens", async () => {
  await withTimers(async (timers) => {
    let silences = 0;
    const timer = new IdleTimer(500, () => silences++);
    assertEquals([...timers.keys()], []);
    const [read, write] = [new Deferred<string>(), new Deferred()];
    const reading = timer.during(read.promise);
    assertEquals([...timers.keys()], [1]);
    const writing = timer.during(write.promise);
    assertEquals([...timers.keys()], [2]);
    write.resolve();
    await writing;
    assertEquals([...timers.entries()].map(([id, { after }]) => [id, after]), [[3, 500]]);
    timers.get(3)!.call();
    assertStrictEquals(silences, 1);
    read.resolve("read");
    assertStrictEquals(await reading, "read");
    assertEquals([...timers.keys()], []);
  });
});

test("IdleTimer passes a rejection on, and waits no longer", async () => {
  await withTimers(async (timers) => {
    const timer = new IdleTimer(1, () => {});
    await assertRejects(() => timer.during(Promise.reject(new Error("broken"))), Error, "broken");
    assertStrictEquals(timers.size, 0);
  });
});

test("IdleTimer sets no timer when the time is infinite", async () => {
  await withTimers(async (timers) => {
    const promise = Promise.resolve();
    assertStrictEquals(new IdleTimer(Infinity, () => {}).during(promise), promise);
    assertStrictEquals(timers.size, 0);
    await promise;
  });
});

test("IdleTimer.stop() ends the waiting for good, and what is waited for still comes", async () => {
  await withTimers(async (timers) => {
    const timer = new IdleTimer(500, () => {});
    const read = new Deferred<string>();
    const reading = timer.during(read.promise);
    timer.stop();
    assertStrictEquals(timers.size, 0);
    read.resolve("read");
    assertStrictEquals(await reading, "read");
    timer.during(new Promise(() => {}));
    assertStrictEquals(timers.size, 0);
  });
});
