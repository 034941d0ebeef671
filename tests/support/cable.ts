import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * Stands between clients and a server, on a port that stays, and breaks their connections when it is told to: as if the server were
 * gone, and came back. Disposing of it cuts it for good.
 */
export class Cable {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();
  /** Where it leads, unless it is cut. */
  #to: number | undefined;

  private constructor(to: number) {
    this.#to = to;
    this.#server = createServer((client) => {
      if (this.#to === undefined) return void client.destroy();
      const upstream = connect(this.#to, "127.0.0.1");
      this.#join(client, upstream);
      this.#join(upstream, client);
    });
  }

  static async to(port: number): Promise<Cable> {
    const cable = new Cable(port);
    await once(cable.#server.listen(0, "127.0.0.1"), "listening");
    return cable;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks all connections, and takes no more until it is mended. */
  cut(): void {
    this.#to = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(port: number): void {
    this.#to = port;
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#server.close();
  }
}
