/**
 * Sends a file to `file_server.ts` beside this, and shows how far it has come.
 *
 *     npx tsx examples/send_file.ts --port 6002 FILE
 *     npx deno run --allow-net --allow-read examples/send_file.ts --port 6002 FILE
 *     npx bun examples/send_file.ts --port 6002 FILE
 */
import process from "node:process";
import { connect } from "../mod.ts";
import { checksummed } from "./checksummed/checksummed.ts";
import {
  readArguments,
  runProgram,
  stopSignal,
  toNumber,
  toPort,
  UserError,
} from "./command_line.ts";
import { formatBytes, Progress } from "./transfer/progress.ts";
import { sendFile, TransferError } from "./transfer/transfer.ts";
import { stat } from "node:fs/promises";

const USAGE = `usage: send_file FILE [--hostname HOST] [--port PORT] [--every MS]

  --hostname HOST   where the server is (127.0.0.1)
  --port PORT       (6002)
  --every MS        how often progress is shown (200)`;
const { options, words } = readArguments(USAGE, {
  hostname: "127.0.0.1",
  port: "6002",
  every: "200",
});

/** On a terminal the line is written anew, elsewhere there is one after the other. */
function show(progress: Progress): void {
  if (process.stdout.isTTY) process.stdout.write(`\r${progress}\x1b[K`);
  else console.log(String(progress));
}

await runProgram(async () => {
  const [path, ...more] = words;
  if (path === undefined || more.length > 0) throw new TransferError(`expected one file\n${USAGE}`);
  const { size } = await stat(path).catch((error) => {
    throw new TransferError(`cannot read ${path}: ${error.message}`);
  });
  const framing = checksummed();
  const chat = await connect({
    hostname: options.hostname,
    port: toPort(options.port),
    terminator: framing,
    idleTimeout: 30_000,
  });
  stopSignal().then(() => chat.close(new UserError("stopped")));
  const progress = new Progress(size);
  const showing = setInterval(() => show(progress), toNumber("every", options.every));
  try {
    const sha256 = await sendFile(chat, framing, path, (bytes) => progress.add(bytes));
    clearInterval(showing);
    show(progress);
    console.log(
      `\n${formatBytes(size)} sent, ${formatBytes(progress.average)}/s, SHA-256 ${sha256}`,
    );
    await chat.closeWhenDone();
  } finally {
    clearInterval(showing);
    chat.close();
  }
});
