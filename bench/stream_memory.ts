/**
 * The memory that `chat.stream()` takes for one frame of 1 GiB, by a count and by a delimiter: the resident size of the
 * process must stay within a bound that has nothing to do with the length of the frame. The sender is a process of its
 * own.
 *
 *     npm run bench:growth                     on Node, with the other benches
 *     npx deno run --allow-all bench/stream_memory.ts
 *     npx bun run bench/stream_memory.ts
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { listen, type Terminator } from "../mod.ts";

const MEGABYTE = 1024 * 1024;
const LENGTH = 1024 * MEGABYTE;
/** The most that the resident size may grow by: less than a tenth of the frame. */
const LIMIT = 100 * MEGABYTE;

/** Sends the frame and a line end over TCP. */
const senderTo = (port: number): string => `
const piece = new Uint8Array(64 * 1024).fill(120);
const socket = require("node:net").connect(${port}, "127.0.0.1", () => {
  let left = ${LENGTH};
  const send = () => {
    while (left > 0) {
      const part = piece.subarray(0, Math.min(left, piece.length));
      left -= part.length;
      if (!socket.write(part)) return socket.once("drain", send);
    }
    socket.end("\\n");
  };
  send();
});`;

async function grown(terminator: Terminator): Promise<number> {
  await using listener = await listen({ port: 0, terminator: "\n" });
  spawn("node", ["-e", senderTo(listener.address.port)]);
  const chat = (await listener.accept())!;
  const before = process.memoryUsage.rss();
  let [length, most] = [0, before];
  for await (const piece of chat.stream(terminator)) {
    length += piece.length;
    if (length % MEGABYTE < piece.length) most = Math.max(most, process.memoryUsage.rss());
  }
  if (length !== LENGTH) throw new Error(`expected ${LENGTH} bytes, not ${length}`);
  await chat.closeWhenDone();
  return most - before;
}

for (const [name, terminator] of [["a count", LENGTH], ["a delimiter", "\n"]] as const) {
  const growth = await grown(terminator);
  const mebibytes = Math.round(growth / MEGABYTE);
  console.log(
    `stream() of 1 GiB by ${name}: resident size grows by ${mebibytes} MiB (at most ${
      LIMIT / MEGABYTE
    })`,
  );
  if (growth > LIMIT) process.exitCode = 1;
}
