/**
 * A server that speaks the protocol of Redis, and keeps values in memory. See "Redis protocol" in the README beside this.
 *
 *     npx tsx examples/resp_server.ts --port 6379
 *     npx deno run --allow-net examples/resp_server.ts --port 6379
 *     npx bun examples/resp_server.ts --port 6379
 *
 * Try it: `redis-cli set greeting hello`, `redis-cli get greeting`, `redis-benchmark -q -t set,get -P 16`
 */
import { serve } from "../mod.ts";
import { readOptions, runProgram, serveUntilStopped, toNumber, toPort } from "./command_line.ts";
import { commands } from "./resp/framing.ts";
import { serveResp } from "./resp/server.ts";
import { Store } from "./resp/store.ts";

const USAGE = `usage: resp_server [--hostname HOST] [--port PORT] [--max-memory BYTES]

  --hostname HOST      where to listen (127.0.0.1)
  --port PORT          (6379; 0: the system chooses one)
  --max-memory BYTES   what keys and values may take, with what keeps them (268435456)`;
const options = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "6379",
  "max-memory": String(256 * 1024 * 1024),
});

/** Redis takes 512 MiB; what is being received, up to twice this, is kept besides what is stored. */
const LONGEST_COMMAND = 16 * 1024 * 1024;
/** How often what is over is dropped, in milliseconds. */
const SWEEP = 1_000;

await runProgram(async () => {
  const store = new Store(toNumber("max-memory", options["max-memory"]));
  const server = await serve({
    hostname: options.hostname,
    port: toPort(options.port),
    terminator: commands,
    maxFrameLength: LONGEST_COMMAND,
    maxConnections: 10_000,
    onError: (error) => console.log(`a client was lost: ${(error as Error).message}`),
  }, (chat) => serveResp(chat, store));
  const sweeping = setInterval(() => store.sweep(), SWEEP);
  await serveUntilStopped(server);
  clearInterval(sweeping);
});
