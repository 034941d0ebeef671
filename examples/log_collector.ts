/**
 * Collects records from any number of programs, and prints each as a line of JSON. See "Custom protocols" in the README beside this.
 *
 *     npx tsx examples/log_collector.ts --port 6003
 *     npx deno run --allow-net examples/log_collector.ts --port 6003
 *     npx bun examples/log_collector.ts --port 6003
 *
 * Try it: `printf 'LEVEL=info\0MESSAGE=hello\0\0' | nc -N 127.0.0.1 6003`
 */
import { type Chat, FrameTooLongError, IncompleteFrameError, serve } from "../mod.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toPort,
} from "./command_line.ts";
import { formatRecord, parseRecord, RECORD, RecordError } from "./records/record.ts";

const USAGE =
  "usage: log_collector [--hostname HOST] [--port PORT]   (port 0: the system chooses one)";
const { hostname, port } = readOptions(USAGE, { hostname: "127.0.0.1", port: "6003" });

/** Prints what one program sends. What is no record is answered with an error, and the next one is read. */
async function collect(chat: Chat<string>): Promise<void> {
  const from = chat.remoteAddress ? formatAddress(chat.remoteAddress) : "unknown";
  for (let count = 0;;) {
    try {
      for await (const frame of chat) {
        console.log(JSON.stringify({ FROM: from, ...parseRecord(frame) }));
        await chat.send(formatRecord({ OK: String(++count) }));
      }
      return;
    } catch (error) {
      if (error instanceof IncompleteFrameError) {
        chat.send(formatRecord({ ERROR: "the last record has no end" }));
        return;
      }
      if (!(error instanceof RecordError || error instanceof FrameTooLongError)) throw error;
      await chat.send(formatRecord({ ERROR: error.message }));
    }
  }
}

await runProgram(async () => {
  const server = await serve({
    hostname,
    port: toPort(port),
    terminator: RECORD,
    encoding: "utf-8",
    maxFrameLength: 64 * 1024,
    maxConnections: 1_000,
    onError: (error) => console.error(`a program was lost: ${(error as Error).message}`),
  }, collect);
  await serveUntilStopped(server);
});
