/** Lines in memory, as bytes and as text, in every style that a library offers. */
import { createInterface, type Interface } from "node:readline";
import binarySplit from "binary-split";
import byline from "byline";
import split2 from "split2";
import { Chat, Framer, fromIterable } from "../../../mod.ts";
import type { Contest, Contestant, Tally } from "../contest.ts";
import type { Figure } from "../figures.ts";
import { buffers, makeMaterial, type Sizes } from "../material.ts";
import { decodeAndSplit, decodeAndSplitAll, scanLines } from "../peers/by_hand.ts";
import { delimiterStream, textLineStream } from "../peers/delimiter_stream.ts";
import { countBatches, countData, countEach, Counter, countFramed } from "../tally.ts";

const SETS: readonly (Sizes & { readonly name: string })[] = [
  { name: "lines of 32 to 95 bytes", count: 1_000_000, least: 32, most: 95 },
  { name: "lines of 8 bytes", count: 1_000_000, least: 8, most: 8 },
  { name: "lines of 4 KiB", count: 16_384, least: 4096, most: 4096 },
];

const TEXT = { terminator: "\n", encoding: "utf-8" } as const;

type Styles = (chunks: readonly Uint8Array[]) => Readonly<Record<string, Contestant>>;

const asBytes: Styles = (chunks) => {
  const chat = (): Chat => new Chat(fromIterable(chunks), { terminator: "\n" });
  return {
    "Chat, for await": () => countEach(chat()),
    "Chat, batches()": () => countBatches(chat().batches()),
    "Framer": () => countFramed(new Framer({ terminator: "\n" }), chunks),
    "limit: indexOf() and subarray()": () => scanLines(chunks),
    "binary-split, on data": () => countData(buffers(chunks).pipe(binarySplit("\n"))),
    "byline, for await": () => countEach(byline.createStream(buffers(chunks))),
    "byline, on data": () => countData(byline.createStream(buffers(chunks))),
    "TransformStream of bytes, for await": () =>
      countEach(ReadableStream.from(chunks).pipeThrough(delimiterStream(10))),
  };
};

const asText: Styles = (chunks) => {
  const chat = (): Chat<string> => new Chat(fromIterable(chunks), TEXT);
  const readline = () => createInterface({ input: buffers(chunks), crlfDelay: Infinity });
  return {
    "Chat, for await": () => countEach(chat()),
    "Chat, batches()": () => countBatches(chat().batches()),
    "Framer": () => countFramed(new Framer(TEXT), chunks),
    "readline, for await": () => countEach(readline()),
    "readline, on line": () => countLines(readline()),
    "split2, for await": () => countEach(buffers(chunks).pipe(split2())),
    "split2, on data": () => countData(buffers(chunks).pipe(split2())),
    "TransformStream of text, for await": () =>
      countEach(
        ReadableStream.from(chunks).pipeThrough(new TextDecoderStream()).pipeThrough(
          textLineStream(),
        ),
      ),
    "decode and split, for await": () => countEach(decodeAndSplit(chunks)),
    "decode and split, by the chunk": () => countBatches(decodeAndSplitAll(chunks)),
  };
};

/** Counts the lines that `readline` tells of. */
function countLines(lines: Interface): Promise<Tally> {
  return new Promise((resolve) => {
    const counter = new Counter();
    lines.on("line", (line) => counter.add(line));
    lines.on("close", () => resolve(counter));
  });
}

export function* contests(): Generator<Contest> {
  for (const set of SETS) {
    const { chunks, tally } = makeMaterial(set, (stream, at, length) => {
      stream[at + length] = 10;
      return at + length + 1;
    });
    const isFirst = set === SETS[0];
    const bytes = asBytes(chunks);
    const text = asText(chunks);
    const target = (ratio: number): Partial<Figure> =>
      isFirst ? { atLeast: ratio, inChart: true } : {};
    const others = (all: Readonly<Record<string, Contestant>>, style: RegExp): string[] =>
      Object.keys(all).filter((who) => !/^(Chat|Framer|limit)/.test(who) && style.test(who));
    yield {
      name: `${set.name}, as bytes`,
      tally,
      isOfFrames: true,
      work: { amount: set.count / 1e6, unit: "M lines" },
      contestants: bytes,
      figures: [
        {
          name: "for await, against the best for await",
          ours: "Chat, for await",
          against: others(bytes, /for await/),
          ...target(1.5),
        },
        {
          name: "batches(), against the best in any style",
          ours: "Chat, batches()",
          against: others(bytes, /./),
          ...target(2),
        },
        {
          name: "batches(), against the limit",
          ours: "Chat, batches()",
          against: ["limit: indexOf() and subarray()"],
          ...target(0.8),
        },
      ],
    };
    yield {
      name: `${set.name}, as text`,
      tally,
      isOfFrames: true,
      work: { amount: set.count / 1e6, unit: "M lines" },
      contestants: text,
      figures: [
        {
          name: "for await, against the best for await",
          ours: "Chat, for await",
          against: others(text, /for await/),
          ...target(1.5),
        },
        {
          name: "batches(), against the best in any style",
          ours: "Chat, batches()",
          against: others(text, /./),
          ...target(1.5),
        },
      ],
    };
  }
}
