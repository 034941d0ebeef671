/**
 * A broadcast to all who are connected, as chats or by a loop over the runtime's own sockets: `fan_out_server.ts chats|bare`. Each gets
 * a line when it is accepted. Over a control connection a line says what to do: `go` sends a line to all, `cpu` tells how many microseconds of processor time this
 * process has taken.
 */
import process from "node:process";
import { serve } from "../../../mod.ts";
import { type BareConnection, listenBare } from "../peers/bare_socket.ts";

const LINE = new TextEncoder().encode("x".repeat(100) + "\n");

/** The port, and what sends the line to all. */
type Listening = [port: number, broadcast: () => void];

async function listenChats(): Promise<Listening> {
  const server = await serve({ port: 0, terminator: "\n" }, async (chat) => {
    chat.push(LINE);
    for await (const _line of chat);
  });
  return [server.address.port, () => {
    for (const chat of server.chats) void chat.push(LINE);
  }];
}

async function listenSockets(): Promise<Listening> {
  const connections: BareConnection[] = [];
  const { port } = await listenBare({
    open(connection) {
      connections.push(connection);
      void connection.send(LINE);
    },
  });
  return [port, () => {
    for (const connection of connections) void connection.send(LINE);
  }];
}

const [port, broadcast] = await (process.argv[2] === "chats" ? listenChats() : listenSockets());
const options = { port: 0, terminator: "\n", encoding: "utf-8" } as const;
const control = await serve(options, async (chat) => {
  for await (const command of chat) {
    if (command === "go") broadcast();
    else {
      const { user, system } = process.cpuUsage();
      chat.push(`${user + system}\n`);
    }
  }
});
console.log(`listening on ${port}, ${control.address.port}`);
