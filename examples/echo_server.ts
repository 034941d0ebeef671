/**
 * An ECHO server, for any number of clients: `ECHO 5\n` and five bytes are answered with these bytes.
 *
 *     npx tsx examples/echo_server.ts --port 6000
 *     npx deno run --allow-net examples/echo_server.ts --port 6000
 *     npx bun examples/echo_server.ts --port 6000
 *
 * Try it with the client beside it, or by hand: `printf 'ECHO 5\nhello' | nc 127.0.0.1 6000`
 */
import { type Chat, serve } from "../mod.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toPort,
} from "./command_line.ts";
import { answerEcho } from "./echo.ts";

const USAGE =
  "usage: echo_server [--hostname HOST] [--port PORT]   (port 0: the system chooses one)";
const { hostname, port } = readOptions(USAGE, { hostname: "127.0.0.1", port: "6000" });

async function answer(chat: Chat): Promise<void> {
  // A client that was gone before it was accepted has no address any more.
  const name = chat.remoteAddress ? formatAddress(chat.remoteAddress) : "unknown";
  try {
    await answerEcho(chat, (event, detail) => console.log(`${name}  ${event}  ${detail}`));
    console.log(`${name}  closed`);
  } catch (error) {
    // One client's trouble (it hung up in the middle, or was reset) is not the others'.
    console.log(`${name}  closed  ${(error as Error).message}`);
  }
}

await runProgram(async () => {
  const server = await serve({ hostname, port: toPort(port), terminator: "\n" }, answer);
  await serveUntilStopped(server);
});
