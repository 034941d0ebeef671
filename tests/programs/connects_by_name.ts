/**
 * Connects to every port that its arguments name, by a host name, and prints where it got, or the error:
 *
 *     connects_by_name.ts <hostname> <port> ...
 */
import process from "node:process";
import { connect, ConnectionError } from "../../mod.ts";

const [hostname, ...ports] = process.argv.slice(2);
for (const port of ports) {
  try {
    const chat = await connect({ hostname, port: Number(port), terminator: "\n" });
    console.log(chat.remoteAddress?.hostname);
    chat.close();
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    console.log(`${error.code}: ${error.message}`);
    if (error.cause instanceof AggregateError) {
      for (const each of error.cause.errors) console.log(`- ${each.code}: ${each.message}`);
    }
  }
}
