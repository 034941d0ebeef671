/**
 * A terminator that changes with every frame, in memory and over TCP (see over_tcp.ts): a line that says how long the body is, and
 * the body, as NATS sends its messages: `MSG subject 1 LENGTH\r\n`, as many bytes, `\r\n`.
 *
 * It is what the library is for, and what line readers cannot do: the body lies in the chunk that the line came in. The body is
 * asked for with the `"\r\n"` behind it, as one frame of a count, and a view without it is what is counted. The peer is the
 * parser of the official NATS client, alone: what it does for each message beside (the subject, the number of the subscription),
 * and its limits, it cannot leave out. The loop by hand does only this; over TCP it is on the runtime's own socket.
 */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chat, Framer, type Framing, fromIterable } from "../../../mod.ts";
import type { Contest, Contestant, Tally, Work } from "../contest.ts";
import { isHere } from "../external.ts";
import type { Figure } from "../figures.ts";
import { makeMaterial, type Material, type Sizes } from "../material.ts";
import { Receivers } from "../over_tcp.ts";
import { lengthIn, MessageScanner, scanMessages } from "../peers/messages_by_hand.ts";
import { parseMessages } from "../peers/nats_parser.ts";
import { countBatches, Counter } from "../tally.ts";

interface MessageSizes extends Sizes {
  readonly name: string;
}

const SETS: readonly MessageSizes[] = [
  { name: "a line and a body of 16 bytes", count: 200_000, least: 16, most: 16 },
  { name: "a line and a body of 1 KiB", count: 50_000, least: 1024, most: 1024 },
  { name: "a line and a body of 64 KiB", count: 2_000, least: 65_536, most: 65_536 },
];
/** There are more of them over TCP, for a sender takes time to start. */
const TIMES_OVER_TCP = 2;
const THE_LIMIT = "the limit";
const BY_HAND = "limit: socket, and a state machine";

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

/** How a chat reads the bodies: one that begins with a line. */
const WAYS: Readonly<Record<string, (chat: Chat) => Promise<Tally>>> = {
  "Chat, read()": async (chat) => {
    const counter = new Counter();
    for (;;) {
      const line = await chat.read();
      if (line === null) return counter;
      const body = await chat.read(lengthIn(line) + CRLF.length);
      counter.add(body!.subarray(0, -CRLF.length));
    }
  },
  "Chat, for await": async (chat) => {
    const counter = new Counter();
    for await (const frame of chat) take(chat, frame, counter);
    return counter;
  },
  "Chat, batches()": async (chat) => {
    const counter = new Counter();
    for await (const batch of chat.batches()) {
      for (const frame of batch) take(chat, frame, counter);
    }
    return counter;
  },
};

const RUNS: Readonly<Record<string, Run>> = {
  ...Object.fromEntries(
    Object.entries(WAYS).map(([who, read]) => [who, (chunks) => read(newChat(chunks))]),
  ),
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

export async function* contests(): AsyncGenerator<Contest> {
  for (const set of SETS) yield inMemory(set, makeMessages(set));
  if (isHere("messages over TCP", "command -v socat")) yield* overTcp();
}

function makeMessages(set: Sizes): Material {
  return makeMaterial(set, (stream, at, length) => {
    const { written } = encoder.encodeInto(`MSG subject 1 ${length}\r\n`, stream.subarray(at));
    const end = at + written + length;
    stream[end] = 13;
    stream[end + 1] = 10;
    return end + 2;
  });
}

/** What the messages come to, their lines included. */
function workOf({ chunks }: Material): Work {
  return { amount: chunks.reduce((sum, { length }) => sum + length, 0) / 1e6, unit: "MB" };
}

function compare(ours: string, against: string, name: string): Figure {
  return {
    name: `${ours.replace("Chat, ", "")}, against ${name}`,
    ours,
    against: [against],
    inChart: ours === "Chat, batches()" && name !== THE_LIMIT,
  };
}

function inMemory({ name }: MessageSizes, material: Material): Contest {
  const { chunks, tally } = material;
  const contestants: Record<string, Contestant> = {};
  for (const [who, run] of Object.entries(RUNS)) contestants[who] = () => run(chunks);
  return {
    name,
    tally,
    isOfFrames: true,
    work: workOf(material),
    contestants,
    figures: [
      compare("Chat, batches()", "parser of the NATS client", "the parser of the NATS client"),
      compare("Chat, for await", "parser of the NATS client", "the parser of the NATS client"),
      compare("Chat, batches()", "limit: a state machine", THE_LIMIT),
    ],
  };
}

async function* overTcp(): AsyncGenerator<Contest> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-bench-"));
  await using receivers = await Receivers.listen();
  try {
    for (const set of SETS) {
      const material = makeMessages({ ...set, count: TIMES_OVER_TCP * set.count });
      const path = join(folder, set.name);
      for (const chunk of material.chunks) appendFileSync(path, chunk);
      const contestants: Record<string, Contestant> = {};
      for (const [who, read] of Object.entries(WAYS)) {
        contestants[who] = receivers.byChat(path, (chat) => {
          chat.terminator = CRLF;
          return read(chat);
        });
      }
      contestants[BY_HAND] = receivers.bySocket(path, () => new MessageScanner());
      yield {
        name: `${set.name}, over TCP`,
        tally: material.tally,
        isOfFrames: true,
        work: workOf(material),
        contestants,
        figures: [
          compare("Chat, batches()", BY_HAND, "the socket and a state machine"),
          compare("Chat, for await", BY_HAND, "the socket and a state machine"),
        ],
      };
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
