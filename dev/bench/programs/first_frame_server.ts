/** Sends a line to each who connects, over TCP and over TLS, with the certificate and the key that the environment has. Runs on Node. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { createServer as createTlsServer } from "node:tls";

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

function greet(socket: Socket): void {
  socket.setNoDelay(true).on("error", () => socket.destroy()).on("end", () => socket.end());
  socket.write("hello, and what can I do for you\n");
  socket.resume();
}

const { CERT: cert, KEY: key } = process.env;
const ports = [await listen(createServer(greet))];
ports.push(await listen(createTlsServer({ cert, key }, greet)));
console.log(`listening on ${ports.join(", ")}`);
