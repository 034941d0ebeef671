/** Connects to a port by a host name, and prints where it got: `connects_by_name.ts HOSTNAME PORT` */
import process from "node:process";
import { connect } from "../../mod.ts";

const [hostname, port] = process.argv.slice(2);
const chat = await connect({ hostname, port: Number(port), terminator: "\n" });
console.log(chat.remoteAddress?.hostname);
chat.close();
