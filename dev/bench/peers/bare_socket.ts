/**
 * The runtime's own socket, as one uses it without a library: `node:net`, `Deno.listen()`, `Bun.listen()`. What is the same on all
 * of them is only what is called when something comes, so that each of them does what is best there.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
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

/** Connects, reads the first line, and closes. Over TLS if there is a certificate of an authority. */
export function firstLine(port: number, ca?: string): Promise<Uint8Array> {
  return FIRST_LINE[CURRENT](port, ca);
}

type FirstLine = (port: number, ca?: string) => Promise<Uint8Array>;

const HOSTNAME = "127.0.0.1";

const FIRST_LINE: Readonly<Record<RuntimeName, FirstLine>> = {
  async node(port, ca) {
    const where = { host: HOSTNAME, port };
    const socket = ca === undefined ? connect(where) : connectTls({ ...where, ca });
    const [chunk] = await once(socket.setNoDelay(true), "data");
    socket.destroy();
    return lineOf(chunk);
  },
  async deno(port, ca) {
    const where = { hostname: HOSTNAME, port };
    const plain = await runtimes.Deno.connect(where);
    plain.setNoDelay(true);
    const conn = ca === undefined
      ? plain
      : await runtimes.Deno.startTls(plain, { hostname: HOSTNAME, caCerts: [ca] });
    const buffer = new Uint8Array(READ_BUFFER);
    const count = await conn.read(buffer);
    conn.close();
    return lineOf(buffer.subarray(0, count!));
  },
  bun: (port, ca) =>
    new Promise((resolve, reject) => {
      const tls = ca === undefined ? {} : { tls: { ca } };
      const data = (socket: BunSocket, chunk: Uint8Array): void => {
        socket.end();
        resolve(lineOf(chunk));
      };
      void runtimes.Bun.connect({
        ...{ hostname: HOSTNAME, port, ...tls },
        socket: { open: (socket: BunSocket) => socket.setNoDelay(true), data, error: reject },
      });
    }),
};

/** The line of a chunk that is one. */
function lineOf(chunk: Uint8Array): Uint8Array {
  if (chunk.indexOf(10) !== chunk.length - 1) throw new Error("the line came in pieces");
  return chunk.subarray(0, -1);
}

/** `node:net`, which Deno and Bun have as well. */
async function listenNode({ open, data, end }: Handlers): Promise<BareServer> {
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
  server.listen(0, HOSTNAME);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, close: () => void server.close() };
}

interface Where {
  readonly hostname: string;
  readonly port: number;
}

/** What Deno and Bun have as a global. */
const runtimes = globalThis as unknown as {
  readonly Deno: {
    listen(where: Where): DenoListener;
    connect(where: Where): Promise<DenoConn>;
    startTls(conn: DenoConn, options: { hostname: string; caCerts: string[] }): Promise<DenoConn>;
  };
  readonly Bun: {
    listen(options: Where & { socket: BunHandlers }): { readonly port: number; stop(): void };
    connect(options: Where & { tls?: { ca: string }; socket: Partial<BunHandlers> }): unknown;
  };
};

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
  const listener = runtimes.Deno.listen({ hostname: HOSTNAME, port: 0 });
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
  data: { readonly connection: BareConnection; onDrain?: () => void };
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
async function sendRest(socket: BunSocket, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; rest = rest.subarray(socket.write(rest))) {
    await new Promise<void>((resolve) => socket.data.onDrain = resolve);
  }
}

function listenBun({ open, data, end }: Handlers): Promise<BareServer> {
  const server = runtimes.Bun.listen({
    hostname: HOSTNAME,
    port: 0,
    socket: {
      open(socket) {
        socket.setNoDelay(true);
        const connection: BareConnection = {
          send(bytes) {
            const count = socket.write(bytes);
            return count < bytes.length ? sendRest(socket, bytes.subarray(count)) : undefined;
          },
          end: () => socket.shutdown(),
        };
        socket.data = { connection };
        open?.(connection);
      },
      data: (socket, chunk) => void data?.(chunk, socket.data.connection),
      drain: (socket) => socket.data.onDrain?.(),
      end(socket) {
        end?.(socket.data.connection);
        socket.end();
      },
      error: (_socket, error) => console.error(error),
    },
  });
  return Promise.resolve({ port: server.port, close: () => server.stop() });
}
