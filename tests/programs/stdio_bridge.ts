/** Passes on what comes from its standard input to a port, and back, and must end by itself when both have ended. */
import process from "node:process";
import { connect, type Connection } from "../../mod.ts";
import { fromStdio } from "../../src/process/mod.ts";

const chat = await connect({ port: Number(process.argv[2]), terminator: null });
const { connection: socket } = chat.detach();
const stdio = fromStdio();

async function forward(from: Connection, to: Connection): Promise<void> {
  try {
    for (let chunk = await from.read(); chunk; chunk = await from.read()) await to.write(chunk);
    await to.closeWrite();
  } catch (error) {
    from.close(error);
    to.close(error);
  }
}

await Promise.all([forward(stdio, socket), forward(socket, stdio)]);
