/**
 * Connects to a port or a path, asks for no more frames than it is told to, and waits for the end: it must end by itself.
 * Arguments: the endpoint, and what it does before ("nothing", "reads a line", "sends a line").
 */
import process from "node:process";
import { connect, type ConnectionError } from "../../mod.ts";

const [endpoint = "", before] = process.argv.slice(2);
const where = endpoint.includes("/") ? { path: endpoint } : { port: Number(endpoint) };
const chat = await connect({ ...where, terminator: "\n", encoding: "utf-8" });
if (before === "reads a line") console.log(await chat.read());
if (before === "sends a line") {
  chat.push("hello\n");
  await chat.flush();
}
const closed = chat.closed;
console.log("ready");
const error = await closed as ConnectionError | undefined;
console.log(error === undefined ? "in order" : `${error.name} ${error.code}`);
