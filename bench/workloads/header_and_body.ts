/**
 * A terminator that changes with every frame, in memory: a line that says how long the body is, and the body, as NATS sends its
 * messages: `MSG subject 1 LENGTH\r\n`, as many bytes, `\r\n`.
 *
 * It is what the library is for, and what line readers cannot do: the body lies in the chunk that the line came in. The body is
 * asked for with the `"\r\n"` behind it, as one frame of a count, and a view without it is what is counted. The peer is the
 * parser of the official NATS client, alone: what it does for each message beside (the subject, the number of the subscription),
 * and its limits, it cannot leave out. The loop by hand does only this.
 */
import { Chat, Framer, type Framing, fromIterable } from "../../mod.ts";
import type { Contest, Contestant, Tally } from "../contest.ts";
import { lengthIn, scanMessages } from "../peers/messages_by_hand.ts";
import { parseMessages } from "../peers/nats_parser.ts";
import { countBatches, Counter } from "../tally.ts";
import { makeMaterial, type Sizes } from "./material.ts";

const SETS: readonly (Sizes & { readonly name: string })[] = [
  { name: "a line and a body of 16 bytes", count: 200_000, least: 16, most: 16 },
  { name: "a line and a body of 1 KiB", count: 50_000, least: 1024, most: 1024 },
  { name: "a line and a body of 64 KiB", count: 2_000, least: 65_536, most: 65_536 },
];
const ROUNDS = 5;

const CRLF = "\r\n";

const encoder = new TextEncoder();

/** The same in one framing: no terminator is changed for it. */
const message: Framing = {
  *decode() {
    return { length: lengthIn(yield CRLF), trailer: CRLF };
  },
};

type Run = (chunks: readonly Uint8Array[]) => Tally | Promise<Tally>;

const newChat = (chunks: readonly Uint8Array[]): Chat =>
  new Chat(fromIterable(chunks), { terminator: CRLF });

const RUNS: Readonly<Record<string, Run>> = {
  "Chat, read()": async (chunks) => {
    const chat = newChat(chunks);
    const counter = new Counter();
    for (;;) {
      const line = await chat.read();
      if (line === null) return counter;
      const body = await chat.read(lengthIn(line) + CRLF.length);
      counter.add(body!.subarray(0, -CRLF.length));
    }
  },
  "Chat, for await": async (chunks) => {
    const chat = newChat(chunks);
    const counter = new Counter();
    for await (const frame of chat) take(chat, frame, counter);
    return counter;
  },
  "Chat, batches()": async (chunks) => {
    const chat = newChat(chunks);
    const counter = new Counter();
    for await (const batch of chat.batches()) {
      for (const frame of batch) take(chat, frame, counter);
    }
    return counter;
  },
  "Chat, a framing, batches()": (chunks) =>
    countBatches(new Chat(fromIterable(chunks), { terminator: message }).batches()),
  "Framer": (chunks) => {
    const framer = new Framer({ terminator: CRLF });
    const counter = new Counter();
    for (const chunk of chunks) {
      framer.push(chunk);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        take(framer, frame, counter);
      }
    }
    return counter;
  },
  "parser of the NATS client": parseMessages,
  "limit: a state machine": scanMessages,
};

/** Takes a line, after which the body comes, or a body, after which a line does. */
function take(reader: Chat | Framer, frame: Uint8Array, counter: Counter): void {
  if (reader.terminator === CRLF) {
    reader.terminator = lengthIn(frame) + CRLF.length;
  } else {
    counter.add(frame.subarray(0, -CRLF.length));
    reader.terminator = CRLF;
  }
}

export function* contests(): Generator<Contest> {
  for (const { name, ...set } of SETS) {
    const { chunks, tally } = makeMaterial(set, (stream, at, length) => {
      const { written } = encoder.encodeInto(`MSG subject 1 ${length}\r\n`, stream.subarray(at));
      const end = at + written + length;
      stream[end] = 13;
      stream[end + 1] = 10;
      return end + 2;
    });
    const contestants: Record<string, Contestant> = {};
    for (const [who, run] of Object.entries(RUNS)) contestants[who] = () => run(chunks);
    const compare = (ours: string, against: string): Contest["figures"][number] => ({
      name: `${ours.replace("Chat, ", "")}, against ${against.replace(/^limit: .*/, "the limit")}`,
      ours,
      against: [against],
    });
    yield {
      name,
      tally,
      rounds: ROUNDS,
      contestants,
      figures: [
        compare("Chat, batches()", "parser of the NATS client"),
        compare("Chat, for await", "parser of the NATS client"),
        compare("Chat, batches()", "limit: a state machine"),
      ],
    };
  }
}
