/**
 * An ECHO client: sends a message, and checks that the same comes back.
 *
 *     npx tsx examples/echo_client.ts --port 6000 --message hello
 *     npx deno run --allow-net examples/echo_client.ts --port 6000 --message hello
 *     npx bun examples/echo_client.ts --port 6000 --message hello
 */
import process from "node:process";
import { connect } from "../mod.ts";
import { readOptions, runProgram, toPort } from "./command_line.ts";
import { isCopy, requestEcho } from "./echo.ts";

const USAGE = "usage: echo_client [--hostname HOST] [--port PORT] [--message TEXT]";
const { hostname, port, message: text } = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "6000",
  message: "The quick brown fox jumps over the lazy dog. ".repeat(4).trim(),
});

await runProgram(async () => {
  const message = new TextEncoder().encode(text);
  const chat = await connect({
    hostname,
    port: toPort(port),
    terminator: "\n",
    maxFrameLength: message.length,
  });
  const copy = await requestEcho(
    chat,
    message,
    (event, detail) => console.log(`${event}  ${detail}`),
  );

  const identical = isCopy(copy, message);
  console.log(identical ? "the copy is identical" : "the copy DIFFERS");
  process.exitCode = identical ? 0 : 1;
});
