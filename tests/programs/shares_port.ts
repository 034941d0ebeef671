/** Serves on the port that it is told, which it shares, and says its name to whoever connects, until it is stopped. */
import process from "node:process";
import { serve } from "../../mod.ts";

const [port, name] = process.argv.slice(2);
const options = { port: Number(port), reusePort: true, terminator: "\n" };
const server = await serve(options, async (chat) => {
  await chat.send(name!);
});
console.log(`port ${server.address.port}`);
