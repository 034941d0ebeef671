/**
 * The runtime's own socket, as one uses it without a library: `node:net`, `Deno.listen()`, `Bun.listen()`. What is the same on all
 * of them is only what is called when something comes, so that each of them does what is best there.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { CURRENT, type RuntimeName } from "../../../tests/support/programs.ts";

/** What is done with what happens on the connections. */
export interface Handlers {
  readonly open?: (connection: BareConnection) => void;
  /**
   * The chunk is to be copied if it is kept: Deno reads into it again, when what this returns has resolved. (Node and Bun call
   * it whenever something has arrived.)
   */
  readonly data?: (chunk: Uint8Array, connection: BareConnection) => Promise<void> | void;
  readonly end?: (connection: BareConnection) => void;
}

export interface BareConnection {
  /** Sends the bytes. Returns a promise if not all was taken at once: it resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void> | undefined;
  /** Ends the sending direction after all that was sent. */
  end(): void;
}

export interface BareServer {
  readonly port: number;
  close(): void;
}

/** Listens on a port of 127.0.0.1 that the system chooses. */
export function listenBare(handlers: Handlers): Promise<BareServer> {
  return LISTEN[CURRENT](handlers);
}

const LISTEN: Readonly<Record<RuntimeName, (handlers: Handlers) => Promise<BareServer>>> = {
  node: listenNode,
  deno: listenDeno,
  bun: listenBun,
};

/** `node:net`, which Deno and Bun have as well. */
export async function listenNode({ open, data, end }: Handlers): Promise<BareServer> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    const connection: BareConnection = {
      send(bytes) {
        if (socket.write(bytes)) return undefined;
        return new Promise((resolve) => socket.once("drain", resolve));
      },
      end: () => void socket.end(),
    };
    open?.(connection);
    socket.on("data", (chunk) => data?.(chunk, connection));
    socket.on("end", () => end?.(connection));
    socket.on("error", (error) => console.error(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, close: () => void server.close() };
}

interface DenoConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(noDelay: boolean): void;
}

interface DenoListener extends AsyncIterable<DenoConn> {
  readonly addr: { readonly port: number };
  close(): void;
}

const READ_BUFFER = 64 * 1024;

function listenDeno(handlers: Handlers): Promise<BareServer> {
  const { Deno } = globalThis as unknown as {
    Deno: { listen(where: { hostname: string; port: number }): DenoListener };
  };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void (async () => {
    for await (const conn of listener) serveDeno(conn, handlers).catch(console.error);
  })();
  return Promise.resolve({ port: listener.addr.port, close: () => listener.close() });
}

async function serveDeno(conn: DenoConn, { open, data, end }: Handlers): Promise<void> {
  conn.setNoDelay(true);
  const connection: BareConnection = {
    async send(bytes) {
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
    },
    end: () => void conn.closeWrite(),
  };
  open?.(connection);
  const buffer = new Uint8Array(READ_BUFFER);
  for (let count; (count = await conn.read(buffer)) !== null;) {
    await data?.(buffer.subarray(0, count), connection);
  }
  end?.(connection);
  conn.close();
}

interface BunSocket {
  data: BunConnection;
  write(data: Uint8Array): number;
  setNoDelay(noDelay: boolean): void;
  shutdown(): void;
  end(): void;
}

interface BunHandlers {
  open(socket: BunSocket): void;
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  error(socket: BunSocket, error: Error): void;
}

/** `write()` takes a part, and the rest must be sent again when the socket has drained. */
class BunConnection implements BareConnection {
  readonly #socket: BunSocket;
  #rest: Uint8Array | undefined;
  #resolve: (() => void) | undefined;

  constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  send(bytes: Uint8Array): Promise<void> | undefined {
    const count = this.#socket.write(bytes);
    if (count === bytes.length) return undefined;
    this.#rest = bytes.subarray(count);
    return new Promise((resolve) => this.#resolve = resolve);
  }

  drain(): void {
    if (this.#rest === undefined) return;
    this.#rest = this.#rest.subarray(this.#socket.write(this.#rest));
    if (this.#rest.length > 0) return;
    this.#rest = undefined;
    this.#resolve?.();
  }

  end(): void {
    this.#socket.shutdown();
  }
}

function listenBun({ open, data, end }: Handlers): Promise<BareServer> {
  const { Bun } = globalThis as unknown as {
    Bun: {
      listen(options: { hostname: string; port: number; socket: BunHandlers }): {
        readonly port: number;
        stop(): void;
      };
    };
  };
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.setNoDelay(true);
        socket.data = new BunConnection(socket);
        open?.(socket.data);
      },
      data: (socket, chunk) => void data?.(chunk, socket.data),
      drain: (socket) => socket.data.drain(),
      end(socket) {
        end?.(socket.data);
        socket.end();
      },
      error: (_socket, error) => console.error(error),
    },
  });
  return Promise.resolve({ port: server.port, close: () => server.stop() });
}
