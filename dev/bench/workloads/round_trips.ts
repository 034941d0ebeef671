/**
 * Round trips: a line there, a line back, on one connection, on a hundred, and on one that sends 16 lines before it waits.
 *
 * The client is redis-benchmark in a process of its own, which sends `PING\r\n`, and waits for `+PONG\r\n`: so the client is the same
 * for all, and no JavaScript, and what is measured is the server. The peers cut the lines by hand, and answer those of a chunk
 * with one write: a `for await` over the runtime's own `node:net`, which is what one writes without a library; and a data
 * handler of the runtime's own socket, which is the limit. All are servers of any number of connections. How long the
 * requests took is what redis-benchmark says.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { serve } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { isHere } from "../external.ts";
import { type BareConnection, listenBare } from "../peers/bare_socket.ts";
import { LineScanner } from "../peers/by_hand.ts";
import { type Load, redisBenchmark } from "../load/redis_benchmark.ts";

const LOADS: readonly (Load & { readonly name: string })[] = [
  { name: "one connection", requests: 10_000, connections: 1, pipelined: 1 },
  { name: "100 connections", requests: 30_000, connections: 100, pipelined: 1 },
  { name: "one connection, 16 at a time", requests: 80_000, connections: 1, pipelined: 16 },
].map((load) => ({ ...load, test: "ping_inline" }));

const CRLF = "\r\n";
const PONG = `+PONG${CRLF}`;
const PONG_BYTES = new TextEncoder().encode(PONG);

export async function* contests(): AsyncGenerator<Contest> {
  if (!isHere("all of it", "command -v redis-benchmark")) return;
  const loops = createServer((socket) => void answerByHand(socket).catch(() => socket.destroy()));
  loops.listen(0, "127.0.0.1");
  await once(loops, "listening");
  const loopPort = (loops.address() as AddressInfo).port;
  const scanners: WeakMap<BareConnection, LineScanner> = new WeakMap();
  const bare = await listenBare({
    open: (connection) => void scanners.set(connection, new LineScanner()),
    data(chunk, connection) {
      const scanner = scanners.get(connection)!;
      const before = scanner.frames;
      scanner.push(chunk);
      return connection.send(repeat(PONG_BYTES, scanner.frames - before));
    },
  });
  const chats = await serve({
    port: 0,
    terminator: CRLF,
    // It asks for a configuration first, and goes when the answer is none; of a client that is lost later it tells itself.
    onError: () => {},
  }, async (chat) => {
    for await (const _line of chat) chat.push(PONG);
  });
  try {
    for (const load of LOADS) {
      const { name, requests } = load;
      const against = (port: number): Contestant => async () => ({
        frames: requests,
        length: requests * PONG_BYTES.length,
        measured: await redisBenchmark(port, load),
      });
      yield {
        name: `a line there, a line back, ${name}`,
        tally: { frames: requests, length: requests * PONG_BYTES.length },
        work: { amount: requests / 1000, unit: "k" },
        contestants: {
          "Chat, for await and push()": against(chats.address.port),
          "socket, for await": against(loopPort),
          "limit: socket, data handler": against(bare.port),
        },
        figures: [
          {
            name: "for await and push(), against a loop by hand over node:net",
            ours: "Chat, for await and push()",
            against: ["socket, for await"],
            atLeast: 0.95,
          },
          {
            name: "for await and push(), against the runtime's socket",
            ours: "Chat, for await and push()",
            against: ["limit: socket, data handler"],
            atLeast: 0.9,
            inChart: true,
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

/** Goes with an error when the client does, which redis-benchmark does without a word. */
async function answerByHand(socket: Socket): Promise<void> {
  socket.setNoDelay(true);
  const scanner = new LineScanner();
  for await (const chunk of socket) {
    const before = scanner.frames;
    scanner.push(chunk);
    if (!socket.write(repeat(PONG_BYTES, scanner.frames - before))) await once(socket, "drain");
  }
}

function repeat(bytes: Uint8Array, count: number): Uint8Array {
  if (count === 1) return bytes;
  const repeated = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) repeated.set(bytes, i * bytes.length);
  return repeated;
}
