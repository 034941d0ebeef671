/** Records as newline-delimited JSON, in memory, each a value of the program's. */
import { createInterface, type Interface } from "node:readline";
import split2 from "split2";
import { Chat, fromIterable, jsonLines } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { cut, readable } from "../material.ts";
import { textLines } from "../peers/by_hand.ts";
import { batchesOf, eachOf, eventsOf, type Style } from "../styles.ts";

const COUNT = 200_000;

interface Entry {
  readonly id: number;
  readonly level: string;
  readonly message: string;
  readonly tags: readonly string[];
}

export function* contests(): Generator<Contest> {
  const entries = Array.from({ length: COUNT }, (_, id): Entry => ({
    id,
    level: id % 7 === 0 ? "warning" : "info",
    message: `request ${id} took ${id % 997} ms`,
    tags: ["web", `shard-${id % 16}`],
  }));
  const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
  const chunks = cut(new TextEncoder().encode(text));
  const chat = (): Chat<Entry> =>
    new Chat(fromIterable(chunks), { terminator: jsonLines<Entry>() });
  const readline = (): Interface =>
    createInterface({ input: readable(chunks), crlfDelay: Infinity });
  const split = (): AsyncIterable<Entry> & NodeJS.EventEmitter =>
    readable(chunks).pipe(split2(JSON.parse)) as never;
  yield {
    name: "JSON lines",
    frames: COUNT,
    contestants: {
      "Chat, for await": ofEntries(eachOf(chat)),
      "Chat, batches()": ofEntries(batchesOf(() => chat().batches())),
      "by hand": ofLines(batchesOf(() => textLines(chunks))),
      "split2(JSON.parse), for await": ofEntries(eachOf(split)),
      "split2(JSON.parse), on data": ofEntries(eventsOf("data", split)),
      "readline, for await": ofLines(eachOf(readline)),
      "readline, on line": ofLines(eventsOf("line", readline)),
    },
    figures: [
      {
        name: "JSON lines, for await, against split2 and readline in a for await",
        ours: "Chat, for await",
        against: ["split2(JSON.parse), for await", "readline, for await"],
        atLeast: 1.2,
      },
      {
        name: "JSON lines, batches(), against split2 and readline in any style",
        ours: "Chat, batches()",
        against: [
          ...["split2(JSON.parse), for await", "split2(JSON.parse), on data"],
          ...["readline, for await", "readline, on line"],
        ],
        atLeast: 1.2,
        chart: { row: "JSON lines: split2, readline", limit: "by hand" },
      },
    ],
  };
}

function ofEntries(style: Style<Entry>): Contestant {
  return (add) => style((entry) => add(entry.message));
}

function ofLines(style: Style<string>): Contestant {
  return (add) => style((line) => add((JSON.parse(line) as Entry).message));
}
