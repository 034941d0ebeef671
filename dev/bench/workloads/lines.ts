/** A million lines of 32 to 95 bytes in memory, as bytes and as text. */
import { createInterface, type Interface } from "node:readline";
import binarySplit from "binary-split";
import byline from "byline";
import split2 from "split2";
import { Chat, Framer, fromIterable } from "../../../mod.ts";
import type { Add, Contest } from "../contest.ts";
import { makeChunks, readable } from "../material.ts";
import { lines, textLines } from "../peers/by_hand.ts";
import { byteLineStream, textLineStream } from "../peers/libraries.ts";
import { batchesOf, chunksTo, eachOf, eventsOf } from "../styles.ts";

const COUNT = 1_000_000;
const TEXT = { terminator: "\n", encoding: "utf-8" } as const;

export function* contests(): Generator<Contest> {
  const chunks = makeChunks(COUNT, [32, 95], (stream, at, length) => {
    stream[at + length] = 10;
    return at + length + 1;
  });
  const chat = (): Chat => new Chat(fromIterable(chunks), { terminator: "\n" });
  yield {
    name: "a million lines as bytes",
    frames: COUNT,
    contestants: {
      "Chat, for await": eachOf(chat),
      "Chat, batches()": batchesOf(() => chat().batches()),
      "Framer": chunksTo((add) => cutter(new Framer({ terminator: "\n" }), add), chunks),
      "indexOf() and subarray()": chunksTo(lines, chunks),
      "binary-split, on data": eventsOf("data", () => readable(chunks).pipe(binarySplit("\n"))),
      "byline, for await": eachOf(() => byline.createStream(readable(chunks))),
      "byline, on data": eventsOf("data", () => byline.createStream(readable(chunks))),
      "TransformStream, for await": eachOf(() =>
        ReadableStream.from(chunks).pipeThrough(byteLineStream())
      ),
    },
    figures: [
      {
        name: "lines as bytes, for await, against the best library's for await",
        ours: "Chat, for await",
        against: ["byline, for await", "TransformStream, for await"],
        atLeast: 1.5,
      },
      {
        name: "lines as bytes, batches(), against the best library in any style",
        ours: "Chat, batches()",
        against: [
          ...["binary-split, on data", "byline, for await", "byline, on data"],
          "TransformStream, for await",
        ],
        atLeast: 2,
        chart: { row: "lines as bytes: binary-split, byline", limit: "indexOf() and subarray()" },
      },
      {
        name: "lines as bytes, batches(), against indexOf() and subarray()",
        ours: "Chat, batches()",
        against: ["indexOf() and subarray()"],
        atLeast: 0.85,
      },
    ],
  };

  const text = (): Chat<string> => new Chat(fromIterable(chunks), TEXT);
  const readline = (): Interface =>
    createInterface({ input: readable(chunks), crlfDelay: Infinity });
  const forAwait = ["readline, for await", "split2, for await", "TransformStream, for await"];
  yield {
    name: "a million lines as text",
    frames: COUNT,
    contestants: {
      "Chat, for await": eachOf(text),
      "Chat, batches()": batchesOf(() => text().batches()),
      "Framer": chunksTo((add) => cutter(new Framer(TEXT), add), chunks),
      "decode and split": batchesOf(() => textLines(chunks)),
      "readline, for await": eachOf(readline),
      "readline, on line": eventsOf("line", readline),
      "split2, for await": eachOf(() => readable(chunks).pipe(split2())),
      "split2, on data": eventsOf("data", () => readable(chunks).pipe(split2())),
      "TransformStream, for await": eachOf(() =>
        ReadableStream.from(chunks).pipeThrough(new TextDecoderStream())
          .pipeThrough(textLineStream())
      ),
    },
    figures: [
      {
        name: "lines as text, for await, against the best library's for await",
        ours: "Chat, for await",
        against: forAwait,
        atLeast: 1.5,
      },
      {
        name: "lines as text, for await, against readline's",
        ours: "Chat, for await",
        against: ["readline, for await"],
        chart: { row: "lines as text, one by one: readline", limit: "decode and split" },
      },
      {
        name: "lines as text, batches(), against split2's events",
        ours: "Chat, batches()",
        against: ["split2, on data"],
        chart: { row: "lines as text, in batches: split2", limit: "decode and split" },
      },
      {
        name: "lines as text, batches(), against a loop that decodes and splits",
        ours: "Chat, batches()",
        against: ["decode and split"],
        atLeast: 1,
      },
    ],
  };
}

function cutter<T extends Uint8Array | string>(
  framer: Framer<T>,
  add: Add,
): (chunk: Uint8Array) => void {
  return (chunk) => {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) add(frame);
  };
}
