/**
 * A chat room. A member that does not read is closed when `MAX_QUEUED` bytes wait for it, and the others are told that it has left.
 *
 *     npx tsx examples/chat_room.ts --port 6000
 *     npx deno run --allow-net examples/chat_room.ts --port 6000
 *     npx bun examples/chat_room.ts --port 6000
 *
 * Talk in it, from several terminals: `nc 127.0.0.1 6000`
 */
import { lines, serve } from "../mod.ts";
import { readOptions, runProgram, serveUntilStopped, toPort } from "./command_line.ts";
import { Room } from "./room.ts";

const MAX_QUEUED = 256 * 1024;
const USAGE = "usage: chat_room [--hostname HOST] [--port PORT]   (port 0: the system chooses one)";
const { hostname, port } = readOptions(USAGE, { hostname: "127.0.0.1", port: "6000" });

await runProgram(async () => {
  const room = new Room();
  const server = await serve({
    hostname,
    port: toPort(port),
    terminator: lines(),
    encoding: "utf-8",
    maxFrameLength: 1024,
    maxQueuedBytes: MAX_QUEUED,
    onError: (error) => console.log(`a member was lost: ${(error as Error).message}`),
  }, (chat) => room.serve(chat));
  await serveUntilStopped(server);
});
