/** Connects to itself with the options that its argument has, as JSON, and ends. */
import process from "node:process";
import { connect, listen } from "../../mod.ts";

const options = JSON.parse(process.argv[2]!);
const listener = await listen({ port: 0, terminator: "\n", ...options });
const client = await connect({ port: listener.address.port, terminator: "\n", ...options });
const server = (await listener.accept())!;
await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
