/** A tour: a server and a client hold one ECHO conversation over TCP, and both say what they see. `npm start` */
import process from "node:process";
import { connect, listen } from "../mod.ts";
import { answerEcho, isCopy, type Log, requestEcho } from "./echo.ts";

const MESSAGE = new TextEncoder().encode(
  "TCP gives you bytes, your protocol needs frames: this message is one. A line said how long it is, " +
    "so no byte in it can be mistaken for its end. It goes in two pieces.",
);

const logAs = (side: string): Log => (event, detail) => console.log(`${side}  ${event}  ${detail}`);
const server = logAs("server");
const client = logAs("client");

const { bun, deno, node }: Record<string, string | undefined> = process.versions;
console.log(`this is ${bun ? `bun ${bun}` : deno ? `deno ${deno}` : `node ${node}`}`);

const listener = await listen({ port: 0, terminator: "\n" });
const { hostname, port } = listener.address;
server("listening", `${hostname}:${port}`);

async function serveOne(): Promise<void> {
  const chat = (await listener.accept())!;
  server("accepted", "a connection");
  await answerEcho(chat, server);
  server("closed", "all was sent");
}

async function ask(): Promise<Uint8Array> {
  const chat = await connect({ hostname, port, terminator: "\n" });
  client("connected", `${hostname}:${port}`);
  return await requestEcho(chat, MESSAGE, client);
}

const [copy] = await Promise.all([ask(), serveOne()]);
await listener.close();

const identical = isCopy(copy, MESSAGE);
console.log(identical ? "the copy is identical" : "the copy DIFFERS");
if (!identical) throw new Error("the copy differs from the message");
