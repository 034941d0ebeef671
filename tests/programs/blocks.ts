/** Listens on any port, says which, and does nothing at all from then on. */
import { writeSync } from "node:fs";
import { listen } from "../../mod.ts";

const listener = await listen({ port: 0, terminator: "\n" });
writeSync(1, `${listener.address.port}\n`);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
