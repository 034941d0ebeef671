/**
 * Accepts so many connections, lets them become idle, and says what each costs: `idle_server.ts KIND CONNECTIONS`. Needs a
 * garbage collector that can be called: see settled.ts.
 */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Chat, serve } from "../../../mod.ts";
import { type Kind, LINE, LINES } from "./idle_kinds.ts";
import { settledSizes } from "./settled.ts";

interface Runtimes {
  readonly Bun?: {
    listen(options: object): { readonly port: number };
  };
  readonly Deno?: {
    listen(options: object): { readonly addr: { port: number }; accept(): Promise<DenoConn> };
  };
}

interface DenoConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
}

const { Bun, Deno } = globalThis as unknown as Runtimes;

/** Holds on to what was accepted. */
const held: unknown[] = [];
let received = 0;

/** Each answers with what it receives. */
async function listenBare(): Promise<number> {
  const hostname = "127.0.0.1";
  if (Bun !== undefined) {
    const socket = {
      open: (socket: object) => held.push(socket),
      data(socket: { write(data: Uint8Array): number }, data: Uint8Array) {
        received += data.length;
        socket.write(data);
      },
    };
    return Bun.listen({ hostname, port: 0, socket }).port;
  }
  if (Deno !== undefined) {
    const listener = Deno.listen({ hostname, port: 0 });
    void acceptBare(listener);
    return listener.addr.port;
  }
  const { createServer } = await import("node:net");
  const server = createServer((socket) => {
    held.push(socket);
    socket.on("data", (data) => {
      received += data.length;
      socket.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  return (server.address() as { port: number }).port;
}

async function acceptBare(listener: { accept(): Promise<DenoConn> }): Promise<void> {
  for (;;) void answerBare(await listener.accept());
}

async function answerBare(conn: DenoConn): Promise<void> {
  held.push(conn);
  // As large as the smallest that a chat reads into.
  const buffer = new Uint8Array(4 * 1024);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    received += count;
    await conn.write(buffer.subarray(0, count));
  }
}

async function listenChats(isRead: boolean): Promise<number> {
  const server = await serve({ port: 0, terminator: "\n" }, async (chat: Chat) => {
    held.push(chat);
    if (!isRead) return await new Promise(() => {});
    for await (const line of chat) {
      received += line.length + 1;
      await chat.send(line);
    }
  });
  held.push(server);
  return server.address.port;
}

const kind = process.argv[2] as Kind;
const connections = Number(process.argv[3]);
const port = kind.startsWith("chat")
  ? await listenChats(kind !== "chat, not read")
  : await listenBare();
const before = await settledSizes();
console.log(`listening on ${port}`);
const expected = kind.includes("after") ? connections * LINES * LINE.length : 0;
const first = held.length;
const start = process.cpuUsage();
while (held.length - first < connections || received < expected) await delay(10);
const { user, system } = process.cpuUsage(start);
const after = await settledSizes();
const each = [after.resident - before.resident, after.inUse - before.inUse, user + system]
  .map((all) => Math.round(all / connections));
console.log(`each ${each.join(" ")}`);
