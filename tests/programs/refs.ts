/**
 * Reads from a peer that says nothing, and does what the arguments say: the process must end by itself, or stay until
 * the peer ends. Arguments: a port or a path, the authority's certificate or "-", and the steps.
 */
import { readFileSync } from "node:fs";
import { connect, type ConnectionError } from "../../mod.ts";

const { Deno, process } = globalThis as unknown as {
  Deno?: { readonly args: readonly string[] };
  process: { readonly argv: readonly string[] };
};
const [where = "", ca = "-", ...steps] = Deno?.args ?? process.argv.slice(2);
const endpoint = where.startsWith("/") ? { path: where } : { port: Number(where) };
const tls = ca === "-" ? undefined : { ca: readFileSync(ca, "utf-8") };
const { connection } = (await connect({ ...endpoint, tls, terminator: null })).detach();
const read = async (): Promise<void> => {
  try {
    console.log((await connection.read()) === null ? "end" : "bytes");
  } catch (error) {
    console.log((error as ConnectionError).code);
  }
  connection.close();
};
for (const step of steps) {
  if (step === "read") void read();
  else if (step === "ref") connection.ref!();
  else if (step === "unref") connection.unref!();
  else void connection.write(new Uint8Array(30_000_000)).then(() => console.log("written"));
}
console.log("ready");
