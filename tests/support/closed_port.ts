import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A port that nothing listens on, and nothing else can get meanwhile: a connection has it. */
export class ClosedPort {
  readonly port: number;
  readonly #server: Server;
  readonly #socket: Socket;

  private constructor(server: Server, socket: Socket) {
    this.port = socket.localPort!;
    this.#server = server;
    this.#socket = socket;
  }

  static async hold(): Promise<ClosedPort> {
    const server = createServer((socket) => socket.on("error", () => {}).resume());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    return new ClosedPort(server, socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.end();
    this.#server.close();
    await once(this.#server, "close");
  }
}
