/**
 * An ECHO server, for any number of clients: `ECHO 5\n` and five bytes are answered with these bytes.
 *
 *     npx tsx examples/echo_server.ts --port 6000
 *     deno run --allow-net examples/echo_server.ts --port 6000
 *     bun examples/echo_server.ts --port 6000
 *
 * Try it with the client beside it, or by hand: `printf 'ECHO 5\nhello' | nc -N 127.0.0.1 6000`
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Chat, listen } from "../mod.ts";
import { answerEcho } from "./echo.ts";

const { values } = parseArgs({
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "6000" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(
    "usage: echo_server [--hostname HOST] [--port PORT]   (port 0: the system chooses one)",
  );
  process.exit();
}

async function serve(chat: Chat): Promise<void> {
  // A client that was gone before it was accepted has no address any more.
  const { hostname, port } = chat.remoteAddress ?? { hostname: "unknown", port: 0 };
  const name = `${hostname}:${port}`;
  try {
    await answerEcho(chat, (event, detail) => console.log(`${name}  ${event}  ${detail}`));
    console.log(`${name}  closed`);
  } catch (error) {
    // One client's trouble (it hung up in the middle, or was reset) is not the others'.
    console.log(`${name}  closed  ${(error as Error).message}`);
  }
}

const listener = await listen({
  hostname: values.hostname,
  port: Number(values.port),
  terminator: "\n",
});
console.log(`listening on ${listener.address.hostname}:${listener.address.port}`);
for await (const chat of listener) serve(chat);
