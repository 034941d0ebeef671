/** Listens on a path, and talks to itself there. */
import process from "node:process";
import { connect, listen } from "../../mod.ts";

const path = process.argv[2]!;
const options = { path, terminator: "\n", encoding: "utf-8" } as const;
await using listener = await listen(options);
await using client = await connect(options);
await using server = (await listener.accept())!;
await server.send("hello");
console.log(await client.read());
