/**
 * Passes on what comes from its standard input to a port, and back. Unlike most programs it can end its standard output and
 * go on, which is what a connection's peer may do. It runs on Node, and does not use the library.
 */
import { closeSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";

const socket = connect({ port: Number(process.argv[2]), host: "127.0.0.1", allowHalfOpen: true });
const { stdin, stdout } = process;
for (const stream of [socket, stdin, stdout]) stream.on("error", () => process.exit());
stdin.pipe(socket);
socket.pipe(stdout, { end: false });
socket.on("end", () => stdout.write("", () => closeSync(1)));
