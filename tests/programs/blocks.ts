/** Listens on any port, or the path that is given, says where, and does nothing at all from then on. */
import { writeSync } from "node:fs";
import process from "node:process";
import { listen } from "../../mod.ts";

const [path] = process.argv.slice(2);
const listener = await listen({ ...(path ? { path } : { port: 0 }), terminator: "\n" });
writeSync(1, `${listener.address.port}\n`);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
