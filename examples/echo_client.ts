/**
 * An ECHO client: sends a message, and checks that the same comes back.
 *
 *     npx tsx examples/echo_client.ts --port 6000 --message hello
 *     deno run --allow-net examples/echo_client.ts --port 6000 --message hello
 *     bun examples/echo_client.ts --port 6000 --message hello
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { connect } from "../mod.ts";
import { requestEcho } from "./echo.ts";

const { values } = parseArgs({
  options: {
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "6000" },
    message: {
      type: "string",
      default: "The quick brown fox jumps over the lazy dog. ".repeat(4).trim(),
    },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log("usage: echo_client [--hostname HOST] [--port PORT] [--message TEXT]");
  process.exit();
}

const message = new TextEncoder().encode(values.message);
const chat = await connect({
  hostname: values.hostname,
  port: Number(values.port),
  terminator: "\n",
  maxFrameLength: message.length,
});
const copy = await requestEcho(
  chat,
  message,
  (event, detail) => console.log(`${event}  ${detail}`),
);

const identical = copy.length === message.length && copy.every((byte, at) => byte === message[at]);
console.log(identical ? "the copy is identical" : "the copy DIFFERS");
process.exitCode = identical ? 0 : 1;
