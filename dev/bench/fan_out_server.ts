/**
 * A room, or a loop over the runtime's own sockets that writes the same bytes: `fan_out_server.ts room|bare`. Whoever has said a name
 * is in it, and what anybody says next goes to everybody. On the second port it tells how much processor time it has taken.
 */
import { createServer, type Server } from "node:net";
import process from "node:process";
import { Hub } from "../../examples/chat/hub.ts";
import { LocalBus } from "../../examples/chat/local_bus.ts";
import { Peers } from "../../examples/chat/peers.ts";
import { CHAT, serveMember } from "../../examples/chat/session.ts";
import { Watch } from "../../examples/watching/watch.ts";
import { serve } from "../../mod.ts";
import { type BareConnection, listenBare } from "./peers/bare_socket.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const IN = encoder.encode("* in lobby there are some\n");

/** What is written to each, by its own name for it. */
const writers: ((data: Uint8Array) => unknown)[] = [];

/** Takes what one member has sent: a line, as the bench waits for what becomes of it. */
function memberOf(write: (data: Uint8Array) => unknown): (data: Uint8Array) => void {
  let name = "";
  return (data) => {
    const line = decoder.decode(data).trimEnd();
    if (name !== "") {
      const said = encoder.encode(`${name}: ${line}\n`);
      for (const write of writers) write(said);
      return;
    }
    name = line;
    writers.push(write);
    write(IN);
  };
}

async function listenLoop(): Promise<number> {
  const members: WeakMap<BareConnection, (data: Uint8Array) => void> = new WeakMap();
  const { port } = await listenBare({
    open: (connection) => void members.set(connection, memberOf((data) => connection.send(data))),
    data: (chunk, connection) => members.get(connection)!(chunk),
  });
  return port;
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
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port))
  );
}

const port = process.argv[2] === "room" ? await listenRoom() : await listenLoop();
const control = await listen(createServer((socket) => {
  const { user, system } = process.cpuUsage();
  socket.end(String(user + system));
}));
console.log(`listening on ${port}, ${control}`);
