/**
 * Collects records from any number of programs, and prints each as a line of JSON. See "Custom protocols" in the README beside this.
 *
 *     npx tsx examples/log_collector.ts --port 6003
 *     npx deno run --allow-net examples/log_collector.ts --port 6003
 *     npx bun examples/log_collector.ts --port 6003
 *
 * Try it: `printf 'LEVEL=info\0MESSAGE=hello\0\0' | nc -N 127.0.0.1 6003`
 */
import { serve } from "../mod.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toPort,
} from "./command_line.ts";
import { collect } from "./records/collect.ts";
import { RECORD } from "./records/record.ts";

const USAGE =
  "usage: log_collector [--hostname HOST] [--port PORT]   (port 0: the system chooses one)";
const { hostname, port } = readOptions(USAGE, { hostname: "127.0.0.1", port: "6003" });

await runProgram(async () => {
  const server = await serve({
    hostname,
    port: toPort(port),
    terminator: RECORD,
    encoding: "utf-8",
    maxFrameLength: 64 * 1024,
    maxConnections: 1_000,
    onError: (error) => console.error(`a program was lost: ${(error as Error).message}`),
  }, async (chat) => {
    const from = chat.remoteAddress ? formatAddress(chat.remoteAddress) : "unknown";
    // Who it is from is not for the record to say.
    await collect(chat, (record) => console.log(JSON.stringify({ ...record, FROM: from })));
  });
  await serveUntilStopped(server);
});
