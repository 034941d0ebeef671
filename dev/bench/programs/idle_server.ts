/** Accepts so many connections, lets them become idle, and says what each has in use: `idle_server.ts chat|bare CONNECTIONS`. */
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { serve } from "../../../mod.ts";
import { memoryInUse } from "../memory.ts";

interface DenoConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
}

interface BunSocket {
  write(data: Uint8Array): number;
}

const { Deno, Bun } = globalThis as unknown as {
  readonly Deno?: {
    listen(options: object): AsyncIterable<DenoConn> & { readonly addr: { port: number } };
  };
  readonly Bun?: { listen(options: object): { readonly port: number } };
};

const [kind, count] = [process.argv[2], Number(process.argv[3])];
const where = { hostname: "127.0.0.1", port: 0 };
/** Holds on to what was accepted. */
const held: unknown[] = [];

async function listenChats(): Promise<number> {
  const server = await serve({ ...where, terminator: "\n" }, async (chat) => {
    held.push(chat);
    for await (const line of chat) await chat.send(line);
  });
  return server.address.port;
}

/** The least that echoes: one handler for all, or a loop with the smallest buffer that a chat on Deno reads into. */
async function listenSockets(): Promise<number> {
  if (Bun !== undefined) {
    const socket = {
      open: (socket: BunSocket) => held.push(socket),
      data: (socket: BunSocket, data: Uint8Array) => void socket.write(data),
    };
    return Bun.listen({ ...where, socket }).port;
  }
  if (Deno !== undefined) {
    const listener = Deno.listen(where);
    void acceptAll(listener);
    return listener.addr.port;
  }
  const server = createServer((socket) => {
    held.push(socket);
    socket.on("data", (data) => socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen(where.port, where.hostname, resolve));
  return (server.address() as AddressInfo).port;
}

async function acceptAll(listener: AsyncIterable<DenoConn>): Promise<void> {
  for await (const conn of listener) void echo(conn);
}

async function echo(conn: DenoConn): Promise<void> {
  held.push(conn);
  const buffer = new Uint8Array(4 * 1024);
  for (let count; (count = await conn.read(buffer)) !== null;) {
    await conn.write(buffer.subarray(0, count));
  }
}

const port = await (kind === "chat" ? listenChats() : listenSockets());
const before = await memoryInUse();
console.log(`listening on 127.0.0.1:${port}`);
while (held.length < count) await delay(10);
console.log(`each ${Math.round((await memoryInUse() - before) / count)}`);
