/**
 * Writing over TCP to a peer in a process of its own that reads, counts and drops (`wc -c`, which bash connects): a round ends when the
 * peer has said how many bytes it got.
 *
 * Small pieces of an async generator: the peers are Node's `pipeline()`, and a loop that waits for each piece and copies it into a
 * block by hand. Small pushes: the peers are a block filled by hand on the runtime's own socket, and `cork()` and `uncork()`
 * of Node's streams. A program of each looks for room once for 64 KiB.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Chat, listen } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { type BareConnection, listenBare } from "../peers/bare_socket.ts";
import { areHere, run, unlessFails } from "../programs.ts";

const PIECES = 100_000;
const PIECE = new Uint8Array(20).fill(97);
const PUSHES = 1_000_000;
const SMALL = new Uint8Array(64).fill(97);
const PUSHES_AT_A_TIME = 1024;
const BLOCK = 64 * 1024;

/** (Without `--norc` a bash whose standard input is a socket reads the user's `.bashrc`.) */
const PEER = 'exec 3<>/dev/tcp/127.0.0.1/"$0"; exec wc -c <&3';

export async function* contests(): AsyncGenerator<Contest> {
  if (!areHere("writing", "bash", "wc")) return;
  await using listener = await listen({ port: 0, terminator: "\n" });
  let accept: ((connection: BareConnection) => void) | undefined;
  const sockets = await listenBare({ open: (connection) => accept!(connection) });
  const streams = createServer().listen(0, "127.0.0.1");
  await once(streams, "listening");

  /** Writes so many bytes to a peer, which must have got them all. */
  const to = (length: number, port: number, write: (peer: Promise<unknown>) => Promise<void>) => {
    return async (): Promise<void> => {
      const counted = run("bash", "--norc", "-c", PEER, String(port));
      await write(counted);
      if (Number(await counted) !== length) throw new Error(`the peer got ${await counted} bytes`);
    };
  };
  const byChat = (length: number, write: (chat: Chat) => Promise<void>): Contestant =>
    to(length, listener.address.port, async (peer) => {
      const chat = (await unlessFails(listener.accept(), peer))!;
      await write(chat);
      await chat.closeWhenDone();
    });
  const bySocket = (length: number, write: (to: BareConnection) => Promise<void>): Contestant =>
    to(length, sockets.port, async (peer) => {
      const accepted = new Promise<BareConnection>((resolve) => accept = resolve);
      const connection = await unlessFails(accepted, peer);
      await write(connection);
      connection.end();
    });
  const byStream = (length: number, write: (stream: Writable) => Promise<void>): Contestant =>
    to(length, (streams.address() as AddressInfo).port, async (peer) => {
      const [stream] = await unlessFails(once(streams, "connection"), peer) as [Socket];
      await write(stream);
    });

  try {
    const pieces = PIECES * PIECE.length;
    yield {
      name: "100,000 pieces of 20 bytes from a generator",
      contestants: {
        "push(async generator)": byChat(pieces, (chat) => chat.push(produce())),
        "push(generator)": byChat(pieces, (chat) => chat.push(produceAtOnce())),
        "pipeline(Readable.from())": byStream(
          pieces,
          (stream) => pipeline(Readable.from(produce()), stream),
        ),
        "a block by hand": bySocket(pieces, (connection) => writeBlocks(connection, produce())),
      },
      figures: [
        {
          name: "push(async generator) of small pieces, against pipeline(Readable.from())",
          ours: "push(async generator)",
          against: ["pipeline(Readable.from())"],
          atLeast: 2,
          chart: {
            row: "sending a generator: pipeline(Readable.from())",
            limit: "a block by hand",
          },
        },
        {
          name: "push(generator) of small pieces, against pipeline(Readable.from())",
          ours: "push(generator)",
          against: ["pipeline(Readable.from())"],
          atLeast: 2,
        },
      ],
    };
    const pushes = PUSHES * SMALL.length;
    yield {
      name: "a million pushes of 64 bytes",
      contestants: {
        "push()": byChat(pushes, async (chat) => {
          for (let i = 0; i < PUSHES;) {
            const pushed = chat.push(SMALL);
            if (++i % PUSHES_AT_A_TIME === 0) await pushed;
          }
        }),
        "node:net, corked": byStream(pushes, writeCorked),
        "a block by hand": bySocket(pushes, fillBlocks),
      },
      figures: [
        {
          name: "pushes of 64 bytes, against the best batching by hand",
          ours: "push()",
          against: ["node:net, corked", "a block by hand"],
          atLeast: 0.95,
        },
      ],
    };
  } finally {
    sockets.close();
    streams.close();
  }
}

async function* produce(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < PIECES; i++) yield PIECE;
}

function* produceAtOnce(): Generator<Uint8Array> {
  for (let i = 0; i < PIECES; i++) yield PIECE;
}

/** The best that one writes for pushes: no generator, and no promise until a block is full. */
async function fillBlocks(connection: BareConnection): Promise<void> {
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

async function writeBlocks(
  connection: BareConnection,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  let [block, filled] = [new Uint8Array(BLOCK), 0];
  for await (const piece of pieces) {
    if (filled + piece.length > BLOCK) {
      await connection.send(block.subarray(0, filled));
      [block, filled] = [new Uint8Array(BLOCK), 0];
    }
    block.set(piece, filled);
    filled += piece.length;
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
