/**
 * A terminator that changes with every frame, in memory: a line that says how long the body is, and the body, as NATS sends its
 * messages. The parser of the official NATS client does a little more for each message: the subject, and the number of the
 * subscription.
 */
import { Chat, type Framing, fromIterable } from "../../../mod.ts";
import type { Add, Contest, Contestant } from "../contest.ts";
import { makeChunks } from "../material.ts";
import { lengthIn, messages } from "../peers/by_hand.ts";
import { natsMessages } from "../peers/libraries.ts";
import { batchesOf, chunksTo, eachOf, type Style } from "../styles.ts";

const CRLF = "\r\n";
const encoder = new TextEncoder();

const message: Framing = {
  *decode() {
    return { length: lengthIn(yield CRLF), trailer: CRLF };
  },
};

export function* contests(): Generator<Contest> {
  for (
    const [size, count, length] of [["16 bytes", 200_000, 16], ["1 KiB", 50_000, 1024]] as const
  ) {
    const chunks = makeChunks(count, [length, length], (stream, at, length) => {
      const { written } = encoder.encodeInto(`MSG subject 1 ${length}\r\n`, stream.subarray(at));
      const end = at + written + length;
      stream.set([13, 10], end);
      return end + 2;
    });
    const byChat = (style: (chat: Chat) => Style<Uint8Array>): Contestant => (add) => {
      const chat = new Chat(fromIterable(chunks), { terminator: CRLF });
      return style(chat)((frame) => take(chat, frame, add));
    };
    const name = `a line and a body of ${size}`;
    yield {
      name,
      frames: count,
      contestants: {
        "Chat, for await": byChat((chat) => eachOf(() => chat)),
        "Chat, batches()": byChat((chat) => batchesOf(() => chat.batches())),
        "Chat, a framing, batches()": batchesOf(() =>
          new Chat(fromIterable(chunks), { terminator: message }).batches()
        ),
        "by hand": chunksTo(messages, chunks),
        "parser of the NATS client": chunksTo(natsMessages, chunks),
      },
      figures: ["Chat, for await", "Chat, batches()"].map((ours) => ({
        name: `${name}, ${ours.slice("Chat, ".length)}, against the parser of the NATS client`,
        ours,
        against: ["parser of the NATS client"],
        ...ours.endsWith("batches()") && length === 16
          ? { chart: { row: "a line, then N bytes: the NATS client's parser", limit: "by hand" } }
          : {},
      })),
    };
  }
}

/** Takes a line, after which the body comes, or a body, after which a line does. */
function take(reader: Chat, frame: Uint8Array, add: Add): void {
  if (reader.terminator === CRLF) {
    reader.terminator = lengthIn(frame) + CRLF.length;
  } else {
    add(frame.subarray(0, -CRLF.length));
    reader.terminator = CRLF;
  }
}
