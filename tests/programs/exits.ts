/** Uses the library as a script would, and must end by itself, with nothing on its standard error. */
import { connect, listen } from "../../mod.ts";

const listener = await listen({ port: 0, terminator: "\n" });
const client = await connect({ port: listener.address.port, terminator: "\n" });
const server = (await listener.accept())!;

client.push("one\n", "two\n");
for await (const frame of server) {
  server.push(frame, "\n");
  if (new TextDecoder().decode(frame) === "two") break;
}
server.push("three\n");
// Answered long before they time out, or are aborted: no timer and no listener of theirs keeps the program.
await client.read("\n", { timeout: 1_000_000 });
await client.read("\n", { timeout: 1_000_000, signal: new AbortController().signal });
for await (const _ of client.stream("\n")) break;

await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
console.log("done");
