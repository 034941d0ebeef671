import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { Mailbox } from "../../examples/mailbox.ts";

test("Mailbox hands out what was put in, in order, and then the end", async () => {
  const mailbox = new Mailbox<number>(10);
  for (const item of [1, 2, 3]) mailbox.put(item);
  mailbox.close();
  mailbox.put(4);
  const taken: number[] = [];
  for await (const item of mailbox) taken.push(item);
  assertEquals(taken, [1, 2, 3]);
});

test("Mailbox lets whoever puts in wait while it is full", async () => {
  const mailbox = new Mailbox<number>(2);
  const log: string[] = [];
  const putting = (async () => {
    for (let i = 1; i <= 5; i++) {
      await mailbox.put(i);
      log.push(`put ${i}`);
    }
    mailbox.close();
  })();
  for await (const item of mailbox) log.push(`took ${item}`);
  await putting;
  assertEquals(
    log.filter((line) => line.startsWith("took")),
    [1, 2, 3, 4, 5].map((i) => `took ${i}`),
  );
  for (let i = 1; i < 5; i++) {
    // The second of two that wait is let in when the first is taken.
    assertEquals(log.indexOf(`put ${i + 1}`) > log.indexOf(`took ${i}`), true, log.join());
  }
});

test("Mailbox wakes those who wait when it is closed, and tells the error once", async () => {
  const mailbox = new Mailbox<number>(1);
  const next = mailbox.next();
  mailbox.close(new Error("broken"));
  await assertRejects(() => next, Error, "broken");
  assertEquals(await mailbox.next(), { done: true, value: undefined });

  const full = new Mailbox<number>(1);
  const putting = full.put(1);
  await full.return();
  await putting;
  assertEquals([await full.next(), full.length], [{ done: true, value: undefined }, 0]);
});
