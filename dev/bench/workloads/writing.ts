/**
 * Writing over TCP, on the loopback interface, to a peer in a process of its own that reads, counts and drops (`wc -c`, which
 * bash connects): a round ends when the peer has said how many bytes it got, so that nothing is left in a queue.
 *
 * Small pushes: what counts is how they become few writes. Beside the library is the best that one writes by hand on the runtime's
 * own socket: copy each piece into a block of 64 KiB, send that when it is full, and wait until there is room for more. And
 * what Node offers for it, cork() and uncork() of its streams, once in a turn of the event loop, as its documentation says.
 * "Awaited now and then" is a program that looks for room once for 64 KiB, as the hand-written one does.
 *
 * Large pieces from a producer: what counts is that each is asked for when the one before was taken, and that none is copied.
 */
import { pipeline } from "node:stream/promises";
import { Readable, type Writable } from "node:stream";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { type Chat, listen } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { isHere, run, unlessFails } from "../external.ts";
import { type BareConnection, listenBare } from "../peers/bare_socket.ts";

const PUSHES = 1_000_000;
const SMALL = new Uint8Array(64).fill(97);
/** Of these, 64 KiB are so many. */
const PUSHES_AT_A_TIME = 1024;

const PIECES = 8192;
const LARGE = new Uint8Array(64 * 1024).fill(97);

const BLOCK = 64 * 1024;

const PEER = 'exec 3<>/dev/tcp/127.0.0.1/"$0"; exec wc -c <&3';

export async function* contests(): AsyncGenerator<Contest> {
  if (!isHere("all of it", "command -v bash && command -v wc")) return;
  await using listener = await listen({ port: 0, terminator: "\n" });
  let accept: ((connection: BareConnection) => void) | undefined;
  const sockets = await listenBare({ open: (connection) => accept!(connection) });
  const streams = createServer().listen(0, "127.0.0.1");
  await once(streams, "listening");
  try {
    const byChat: With<Chat> = (count, write) => async () => {
      const counted = peer(listener.address.port);
      const chat = (await unlessFails(listener.accept(), counted))!;
      await write(chat);
      await chat.closeWhenDone();
      return { frames: count, length: await counted };
    };
    const bySocket: With<BareConnection> = (count, write) => async () => {
      const accepted = new Promise<BareConnection>((resolve) => accept = resolve);
      const counted = peer(sockets.port);
      const connection = await unlessFails(accepted, counted);
      await write(connection);
      connection.end();
      return { frames: count, length: await counted };
    };
    const byStream: With<Writable> = (count, write) => async () => {
      const accepted = once(streams, "connection");
      const counted = peer((streams.address() as AddressInfo).port);
      const [stream] = await unlessFails(accepted, counted) as [Socket];
      await write(stream);
      return { frames: count, length: await counted };
    };
    yield smallPushes(byChat, bySocket, byStream);
    yield largePieces(byChat, bySocket, byStream);
  } finally {
    sockets.close();
    streams.close();
  }
}

/** A contestant that writes so often on a connection of one kind. */
type With<T> = (count: number, write: (to: T) => Promise<void>) => Contestant;

function smallPushes(
  byChat: With<Chat>,
  bySocket: With<BareConnection>,
  byStream: With<Writable>,
): Contest {
  const byHand = "limit: socket, and a block filled by hand";
  const corked = "node:net, corked";
  return {
    name: "pushes of 64 bytes",
    tally: { frames: PUSHES, length: PUSHES * SMALL.length },
    work: { amount: PUSHES / 1e6, unit: "M pushes" },
    contestants: {
      "Chat, push(), each awaited": byChat(PUSHES, async (chat) => {
        for (let i = 0; i < PUSHES; i++) await chat.push(SMALL);
      }),
      "Chat, push(), awaited now and then": byChat(PUSHES, async (chat) => {
        for (let i = 0; i < PUSHES;) {
          const pushed = chat.push(SMALL);
          if (++i % PUSHES_AT_A_TIME === 0) await pushed;
        }
      }),
      [corked]: byStream(PUSHES, writeCorked),
      [byHand]: bySocket(PUSHES, writeBlocks),
    },
    figures: [
      {
        name: "awaited now and then, against the best batching by hand",
        ours: "Chat, push(), awaited now and then",
        against: [corked, byHand],
        atLeast: 0.9,
        inChart: true,
      },
      {
        name: "each awaited, against the best batching by hand",
        ours: "Chat, push(), each awaited",
        against: [corked, byHand],
        inChart: true,
      },
    ],
  };
}

function largePieces(
  byChat: With<Chat>,
  bySocket: With<BareConnection>,
  byStream: With<Writable>,
): Contest {
  const bare = "limit: socket, piece by piece";
  const piped = "node:net, pipeline()";
  return {
    name: "a producer of pieces of 64 KiB",
    tally: { frames: PIECES, length: PIECES * LARGE.length },
    work: { amount: PIECES * LARGE.length / 1e6, unit: "MB" },
    contestants: {
      "Chat, push() of an async generator": byChat(PIECES, (chat) => chat.push(produce())),
      "Chat, push() of a generator": byChat(PIECES, (chat) => chat.push(produceAtOnce())),
      [piped]: byStream(PIECES, (stream) => pipeline(Readable.from(produce()), stream)),
      [bare]: bySocket(PIECES, async (connection) => {
        for await (const piece of produce()) await connection.send(piece);
      }),
    },
    figures: [
      {
        name: "push() of an async generator, against the runtime's socket",
        ours: "Chat, push() of an async generator",
        against: [bare],
        atLeast: 0.9,
        inChart: true,
      },
      {
        name: "push() of an async generator, against pipeline()",
        ours: "Chat, push() of an async generator",
        against: [piped],
      },
    ],
  };
}

async function* produce(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < PIECES; i++) yield LARGE;
}

function* produceAtOnce(): Generator<Uint8Array> {
  for (let i = 0; i < PIECES; i++) yield LARGE;
}

/** Connects a peer, and tells how many bytes it has got when the connection has ended. */
async function peer(port: number): Promise<number> {
  return Number(await run("bash", "-c", PEER, String(port)));
}

async function writeBlocks(connection: BareConnection): Promise<void> {
  let [block, filled] = [new Uint8Array(BLOCK), 0];
  for (let i = 0; i < PUSHES; i++) {
    if (filled + SMALL.length > BLOCK) {
      await connection.send(block);
      [block, filled] = [new Uint8Array(BLOCK), 0];
    }
    block.set(SMALL, filled);
    filled += SMALL.length;
  }
  await connection.send(block.subarray(0, filled));
}

async function writeCorked(stream: Writable): Promise<void> {
  for (let i = 0; i < PUSHES;) {
    stream.cork();
    let hasRoom = true;
    const end = Math.min(PUSHES, i + PUSHES_AT_A_TIME);
    for (; i < end; i++) hasRoom = stream.write(SMALL);
    stream.uncork();
    if (!hasRoom) await once(stream, "drain");
  }
  stream.end();
}
