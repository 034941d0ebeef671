/**
 * A room, or a loop over the runtime's own sockets that writes the same bytes: `fan_out_server.ts room|bare`. Whoever has said a name
 * is in it, and what anybody says next goes to everybody. On the second port it tells how much processor time it has taken.
 */
import { createServer, type Server, type Socket } from "node:net";
import process from "node:process";
import { Hub } from "../examples/chat/hub.ts";
import { LocalBus } from "../examples/chat/local_bus.ts";
import { Peers } from "../examples/chat/peers.ts";
import { CHAT, serveMember } from "../examples/chat/session.ts";
import { Watch } from "../examples/watching/watch.ts";
import { serve } from "../mod.ts";

interface Runtimes {
  readonly Bun?: { listen(options: object): { readonly port: number } };
  readonly Deno?: {
    listen(options: object): { readonly addr: { port: number }; accept(): Promise<DenoConn> };
  };
}

interface DenoConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
}

const { Bun, Deno } = globalThis as unknown as Runtimes;
const hostname = "127.0.0.1";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const IN = encoder.encode("* in lobby there are some\n");

/** What is written to each, by its own name for it. */
const members: ((data: Uint8Array) => unknown)[] = [];

/** Takes what one member has sent: a line, as the bench waits for what becomes of it. */
function memberOf(write: (data: Uint8Array) => unknown): (data: Uint8Array) => void {
  let name = "";
  return (data) => {
    const line = decoder.decode(data).trimEnd();
    if (name !== "") {
      const said = encoder.encode(`${name}: ${line}\n`);
      for (const write of members) write(said);
      return;
    }
    name = line;
    members.push(write);
    write(IN);
  };
}

function listenBare(): Promise<number> {
  if (Bun !== undefined) {
    interface BunSocket {
      data: (data: Uint8Array) => void;
      write(data: Uint8Array): number;
    }
    const socket = {
      open: (socket: BunSocket) => socket.data = memberOf((data) => socket.write(data)),
      data: (socket: BunSocket, data: Uint8Array) => socket.data(data),
    };
    return Promise.resolve(Bun.listen({ hostname, port: 0, socket }).port);
  }
  if (Deno !== undefined) {
    const listener = Deno.listen({ hostname, port: 0 });
    void acceptBare(listener);
    return Promise.resolve(listener.addr.port);
  }
  return listen(createServer((socket: Socket) => {
    socket.on("data", memberOf((data) => socket.write(data)));
  }));
}

async function acceptBare(listener: { accept(): Promise<DenoConn> }): Promise<void> {
  for (;;) void readBare(await listener.accept());
}

async function readBare(conn: DenoConn): Promise<void> {
  const take = memberOf((data) => conn.write(data));
  const buffer = new Uint8Array(1024);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    take(buffer.subarray(0, count));
  }
}

async function listenRoom(): Promise<number> {
  const hub = new Hub(new Peers(new LocalBus(), "bench"));
  await hub.start();
  const watch = new Watch({ log: () => {} });
  const server = await serve({ port: 0, ...CHAT }, (chat) => {
    watch.begin(chat);
    return serveMember(chat, hub, watch);
  });
  return server.address.port;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, hostname, () => resolve((server.address() as { port: number }).port))
  );
}

const port = process.argv[2] === "room" ? await listenRoom() : await listenBare();
const control = await listen(createServer((socket) => {
  const { user, system } = process.cpuUsage();
  socket.end(String(user + system));
}));
console.log(`listening on ${port}, ${control}`);
