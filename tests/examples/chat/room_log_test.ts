/** What a room remembers. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Said } from "../../../examples/chat/event.ts";
import { RoomLog } from "../../../examples/chat/room_log.ts";

function said(server: string, number: number, time: number = number, words: string = ""): Said {
  return { type: "said", server, number, time, nick: server, words };
}

const names = (lines: readonly Said[]): string[] =>
  lines.map(({ server, number }) => `${server}${number}`);

test("RoomLog keeps the last lines, and not more than so many characters of them", () => {
  const log = new RoomLog();
  for (let i = 0; i < 60; i++) assertEquals(log.add(said("a", i)), true);
  assertEquals(names(log.lines), Array.from({ length: 50 }, (_, i) => `a${i + 10}`));
  for (let i = 60; i < 64; i++) log.add(said("a", i, i, "x".repeat(10_000)));
  assertEquals(names(log.lines), ["a61", "a62", "a63"]);
  log.add(said("a", 64, 64, "x".repeat(100_000))); // one that is too long is kept alone
  assertEquals(names(log.lines), ["a64"]);
});

test("RoomLog gives each line once, in each server's order, whatever was missed and remembered", () => {
  // Each server's lines are numbered; those from `from` to `to` are missed, and remembered by others, with some more.
  const story = fc.record({
    servers: fc.array(
      fc.record({ count: fc.nat(12), from: fc.nat(12), missed: fc.nat(12), early: fc.nat(3) }),
      { minLength: 1, maxLength: 3 },
    ),
  });
  fc.assert(fc.property(story, ({ servers }) => {
    const log = new RoomLog();
    const shown: Said[] = [];
    const hear = (line: Said): void => {
      if (log.add(line)) shown.push(line);
    };
    const remembered: Said[] = [];
    const later: Said[] = [];
    for (const [i, { count, from, missed, early }] of servers.entries()) {
      for (let number = 0; number < count; number++) {
        const line = said("abc"[i]!, number);
        if (number < from) hear(line);
        else if (number >= from + missed) later.push(line);
        if (number < from + missed + early) remembered.push(line, line);
      }
    }
    shown.push(...log.merge([...remembered, ...later])); // as a room does with what it has held
    for (const line of later) hear(line);
    for (const [i, { count }] of servers.entries()) {
      const its = shown.filter(({ server }) => server === "abc"[i]).map(({ number }) => number);
      assertEquals(its, Array.from({ length: count }, (_, number) => number));
    }
  }));
});
