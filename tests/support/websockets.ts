/** WebSockets of every kind that the runtime has, in pairs that are connected with each other. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import type { Connection } from "../../mod.ts";
import {
  fromBunWebSocket,
  fromWebSocket,
  type WebSocketLike,
  type WebSocketOptions,
} from "../../src/websocket/mod.ts";
import { Deferred } from "../../src/common/deferred.ts";

/** The checks of connections that no WebSocket passes, and why. */
export const NO_HALF_CLOSE: Readonly<Record<string, string>> = {
  "tells the end to the peer": "a WebSocket has no half-close",
  "goes on writing after the peer has ended": "a WebSocket has no half-close",
};

/** Those that are too much for one whose peer cannot be held back. */
export const NO_PAUSE: Readonly<Record<string, string>> = {
  "makes the writer wait": "a standard WebSocket cannot be held back",
};

type WebSocketClass = new (url: string) => WebSocketLike;

/** The global one, which Node has from version 22 on. */
export const StandardWebSocket: WebSocketClass | undefined =
  (globalThis as unknown as { WebSocket?: WebSocketClass }).WebSocket;

/** That of the package `ws`; Bun has one of its own, which it takes instead. */
export const WsWebSocket: WebSocketClass = WebSocket;

export interface Server {
  readonly url: string;
  /** The next socket that a client opens. */
  accept(): Promise<WebSocketLike>;
  close(): void;
}

/** A server of the package `ws`. */
export async function serveWs(): Promise<Server> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accept: async () => (await once(server, "connection"))[0],
    close: () => server.close(),
  };
}

/** A server that agrees to speak WebSocket, and speaks nonsense. */
export async function serveBroken(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  server.on("upgrade", (request, socket) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    socket.on("error", () => {});
    socket.on("data", () => socket.end()); // the client's close, which has no answer
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

interface DenoLike {
  serve(
    options: object,
    handler: (request: object) => object,
  ): { addr: { port: number }; shutdown(): void };
  upgradeWebSocket(request: object): { socket: WebSocketLike; response: object };
}

/** A server of Deno's own. */
export function serveDeno(): Promise<Server> {
  const { Deno } = globalThis as unknown as { Deno: DenoLike };
  const accepted = new Deferred<WebSocketLike>();
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const server = Deno.serve(options, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    accepted.resolve(socket);
    return response;
  });
  return Promise.resolve({
    url: `ws://127.0.0.1:${server.addr.port}`,
    accept: () => accepted.promise,
    close: () => server.shutdown(),
  });
}

export interface WebSocketPair {
  readonly left: Connection;
  readonly right: Connection;
  /** What `left` is over. */
  readonly client: WebSocketLike;
  /** What `right` is over: the server's. */
  readonly socket: WebSocketLike;
}

/** A pair whose first end is a client of this class, and whose second is the server's; both are open. */
export async function webSocketPair(
  Client: WebSocketClass,
  serve: () => Promise<Server>,
  options?: WebSocketOptions,
): Promise<WebSocketPair> {
  const server = await serve();
  const accepted = server.accept();
  const client = new Client(server.url);
  const left = fromWebSocket(client, options);
  const socket = await accepted;
  const right = fromWebSocket(socket, options);
  await Promise.all([client, socket].map(opened));
  // Deno's server closes its sockets, too.
  Promise.all([left.closed, right.closed]).then(() => server.close());
  return { left, right, client, socket };
}

/** Resolves when the socket is open. */
export function opened(socket: WebSocketLike): Promise<void> {
  if (socket.readyState === 1) return Promise.resolve();
  return new Promise((resolve) => socket.addEventListener("open", () => resolve()));
}

interface BunServer {
  readonly port: number;
  upgrade(request: object): boolean;
  stop(): void;
}

interface BunLike {
  serve(options: {
    hostname: string;
    port: number;
    websocket: object;
    fetch(request: object, server: BunServer): void;
  }): BunServer;
}

/** A pair whose second end is a socket of `Bun.serve`. */
export async function bunPair(options?: WebSocketOptions): Promise<[Connection, Connection]> {
  const { Bun } = globalThis as unknown as { Bun: BunLike };
  const accepted = new Deferred<Connection>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    websocket: fromBunWebSocket(accepted.resolve, options),
    fetch: (request, self) => void self.upgrade(request),
  });
  const client = new StandardWebSocket!(`ws://127.0.0.1:${server.port}`);
  const left = fromWebSocket(client, options);
  await opened(client);
  const right = await accepted.promise;
  server.stop();
  return [left, right];
}
