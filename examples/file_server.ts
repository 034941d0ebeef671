/**
 * Receives files into a folder, from `send_file.ts` beside this. See "Custom protocols" in the README there.
 *
 *     npx tsx examples/file_server.ts --folder /tmp/received --port 6002
 *     npx deno run --allow-net --allow-read --allow-write examples/file_server.ts --folder /tmp/received
 *     npx bun examples/file_server.ts --folder /tmp/received
 */
import { mkdir } from "node:fs/promises";
import { serve } from "../mod.ts";
import { checksummed } from "./checksummed/checksummed.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toNumber,
  toPort,
} from "./command_line.ts";
import { formatBytes } from "./transfer/progress.ts";
import { receiveFile } from "./transfer/transfer.ts";

const USAGE =
  `usage: file_server [--folder FOLDER] [--hostname HOST] [--port PORT] [--max-size BYTES]

  --folder FOLDER    where files are kept, made if it is not there (.)
  --hostname HOST    where to listen (127.0.0.1)
  --port PORT        (6002; 0: the system chooses one)
  --max-size BYTES   the largest file (17179869184)`;
const options = readOptions(USAGE, {
  folder: ".",
  hostname: "127.0.0.1",
  port: "6002",
  "max-size": String(16 * 2 ** 30),
});

await runProgram(async () => {
  const framing = checksummed({ onLost: (bytes) => console.log(`${bytes} bytes were lost`) });
  const maxSize = toNumber("max-size", options["max-size"]);
  await mkdir(options.folder, { recursive: true });
  const server = await serve({
    hostname: options.hostname,
    port: toPort(options.port),
    terminator: framing,
    idleTimeout: 30_000,
    maxConnections: 100,
    onError(error, chat) {
      const name = chat?.remoteAddress ? formatAddress(chat.remoteAddress) : "a client";
      console.log(`${name}  ${(error as Error).message}`);
    },
  }, async (chat) => {
    const received = await receiveFile(chat, framing, options.folder, maxSize);
    if (received === undefined) return;
    console.log(`${received.path}  ${formatBytes(received.size)}  ${received.sha256}`);
  });
  await serveUntilStopped(server);
});
