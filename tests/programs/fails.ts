/**
 * Does what its arguments say, and prints the code and the message of the error:
 *
 *     fails.ts connect <port> [<timeout>]
 *     fails.ts listen <port>
 *     fails.ts listen_as_nobody <port>      of root's rights, nothing is left
 */
import process from "node:process";
import { connect, ConnectionError, listen } from "../../mod.ts";

const [operation, port, timeout] = process.argv.slice(2);
const where = { port: Number(port), terminator: "\n" };

if (operation === "listen_as_nobody") {
  await (await listen({ ...where, port: 0 })).close(); // what is loaded later, nobody might not read
  if (process.geteuid!() === 0) process.seteuid!(65_534);
}
try {
  if (operation !== "connect") await listen(where);
  else await connect(timeout ? { ...where, timeout: Number(timeout) } : where);
  console.log("it did not fail");
} catch (error) {
  if (!(error instanceof ConnectionError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
