/**
 * Round trips: a line there, a line back. The client is redis-benchmark in a process of its own, which sends `PING\r\n` and waits for
 * `+PONG\r\n`, and says how long that took. The peers cut the lines by hand, and answer those of a chunk with one write: a
 * `for await` over `node:net`, which is what one writes without a library; and a data handler of the runtime's own socket,
 * which is the limit.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { serve } from "../../../mod.ts";
import type { Contest } from "../contest.ts";
import { type BareConnection, listenBare } from "../peers/bare_socket.ts";
import { type Cutter, lines } from "../peers/by_hand.ts";
import { areHere, redisBenchmark } from "../programs.ts";

const LOADS = {
  "1 connection": { requests: 20_000, connections: 1, pipelined: 1 },
  "100 connections": { requests: 40_000, connections: 100, pipelined: 1 },
  "1,000 connections": { requests: 40_000, connections: 1_000, pipelined: 1 },
  "1 connection, 16 at a time": { requests: 100_000, connections: 1, pipelined: 16 },
} as const;

const PONG = "+PONG\r\n";

export async function* contests(): AsyncGenerator<Contest> {
  if (!areHere("round trips", "redis-benchmark")) return;
  const loops = createServer((socket) => void answerInLoop(socket).catch(() => socket.destroy()));
  loops.listen(0, "127.0.0.1");
  await once(loops, "listening");
  const answers: WeakMap<BareConnection, Cutter> = new WeakMap();
  const bare = await listenBare({
    open: (connection) =>
      void answers.set(connection, answering((pongs) => connection.send(pongs))),
    data: (chunk, connection) => answers.get(connection)!(chunk),
  });
  const chats = await serve({
    port: 0,
    terminator: "\r\n",
    // redis-benchmark asks for a configuration first, and leaves its connections without a word.
    onError: () => {},
  }, async (chat) => {
    for await (const _line of chat) chat.push(PONG);
  });
  const ports = {
    "Chat, for await and push()": chats.address.port,
    "for await by hand": (loops.address() as AddressInfo).port,
    "data handler": bare.port,
  };
  try {
    for (const [name, load] of Object.entries(LOADS)) {
      yield {
        name: `round trips, ${name}`,
        contestants: Object.fromEntries(
          Object.entries(ports).map(([who, port]) => [
            who,
            () => redisBenchmark(port, "ping_inline", load),
          ]),
        ),
        figures: [
          {
            name: `round trips, ${name}, against a for await by hand`,
            ours: "Chat, for await and push()",
            against: ["for await by hand"],
            atLeast: 0.95,
            ...load.connections === 100
              ? { chart: { row: "round trips: for await over node:net", limit: "data handler" } }
              : {},
          },
        ],
      };
    }
  } finally {
    loops.close();
    bare.close();
    await chats.shutdown();
  }
}

/** Answers the lines of a chunk with one write. Returns what `send` returns. */
function answering<T>(send: (pongs: Uint8Array) => T): (chunk: Uint8Array) => T {
  let count = 0;
  const cut = lines(() => count++);
  return (chunk) => {
    count = 0;
    cut(chunk);
    return send(pongs(count));
  };
}

const PONGS = Array.from(
  { length: 17 },
  (_, count) => new TextEncoder().encode(PONG.repeat(count)),
);

function pongs(count: number): Uint8Array {
  return PONGS[count] ?? new TextEncoder().encode(PONG.repeat(count));
}

async function answerInLoop(socket: Socket): Promise<void> {
  socket.setNoDelay(true);
  const answer = answering((pongs) => socket.write(pongs));
  for await (const chunk of socket) {
    if (!answer(chunk)) await once(socket, "drain");
  }
}
