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
await client.read();
await client.read();

await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
console.log("done");
