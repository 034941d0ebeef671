/** Two chats over a `duplex()` of `node:stream/iter`, on a runtime that has it. */
import { Chat, fromIterable, lines, type WriterLike } from "../../mod.ts";

interface Channel {
  readonly readable: AsyncIterable<Uint8Array[]>;
  readonly writer: WriterLike;
}

// Declarations of Node 20 do not have it.
const { duplex }: { duplex(): [Channel, Channel] } = await import("node:stream/iter" as string);
const [client, server] = duplex().map(({ readable, writer }) =>
  new Chat(fromIterable(readable, writer), { terminator: lines(), encoding: "utf-8" })
) as [Chat<string>, Chat<string>];

client.push("hello\n", "world\n");
client.closeWrite();

const heard: string[] = [];
for await (const line of server) heard.push(line);
console.log(`server heard ${heard.length} lines`);
server.push(`you said ${heard.join(", ")}\n`);
const ending = server.closeWhenDone();

for await (const line of client) console.log(`client heard: ${line}`);
await ending;
const ends = await Promise.all([client.closed, server.closed]);
console.log(ends.every((end) => end === undefined) ? "both closed" : ends);
