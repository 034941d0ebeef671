/** What runs as a Cloudflare Worker, for workerd_test.ts: this file, and all it imports, is bundled into one. */
import { Chat, ConnectionError, fromStreams, type StreamsLike } from "../../mod.ts";

/** What is used of a `Socket`. */
interface Socket extends StreamsLike {
  startTls(options: { expectedServerHostname: string }): Socket;
}

interface Sockets {
  connect(
    address: { hostname: string; port: number },
    options: { secureTransport: "off" | "starttls"; allowHalfOpen: boolean },
  ): Socket;
}

// Only a Worker has this module: its name is not for bundlers, nor for type checkers.
const SOCKETS: string = "cloudflare:sockets";

async function dial(port: number, secureTransport: "off" | "starttls"): Promise<Socket> {
  const { connect }: Sockets = await import(SOCKETS);
  return connect({ hostname: "127.0.0.1", port }, { secureTransport, allowHalfOpen: true });
}

async function* produce(count: number): AsyncGenerator<string> {
  for (let at = 0; at < count; at++) {
    yield "x";
    await Promise.resolve();
  }
}

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

/** A chat over TLS, once the peer has agreed. */
async function secured(socket: Socket, expectedServerHostname: string): Promise<Chat<string>> {
  const plain = new Chat(fromStreams(socket), LINES);
  await plain.send("STARTTLS");
  const answer = await plain.read();
  const { unread } = plain.detach(); // both streams are unlocked
  if (answer !== "GO" || unread.length > 0) throw new Error("TLS cannot begin");
  return new Chat(fromStreams(socket.startTls({ expectedServerHostname })), LINES);
}

/** An error, as a response can carry it. */
function told(error: unknown): unknown {
  const { name, code, message } = error as ConnectionError;
  return { name, code, message, isConnectionError: error instanceof ConnectionError };
}

const TASKS: Readonly<Record<string, (port: number) => Promise<unknown>>> = {
  /** Says how long something is, sends it, and reads back a line and as many bytes. */
  async dialogue(port) {
    await using chat = new Chat(fromStreams(await dial(port, "off")), LINES);
    chat.push("ECHO 100000\n", produce(100_000));
    const line = await chat.read();
    const echoed = await chat.read(Number(line?.split(" ")[1]));
    chat.push("ECHO 2\n", "ok");
    const rest = [await chat.read(), await chat.read(2)];
    await chat.closeWrite();
    return { line, length: echoed?.length, rest, end: await chat.read() };
  },

  /** Tells how a chat ends whose connection is broken off, or cannot be made. */
  async ending(port) {
    const chat = new Chat(fromStreams(await dial(port, "off")), LINES);
    chat.push("RESET\n");
    const read = await chat.read().catch(told);
    return { read, closed: told(await chat.closed), again: await chat.read().catch(told) };
  },

  /** Lets go of the socket's streams, and goes on with them. */
  async detach(port) {
    const socket = await dial(port, "off");
    const chat = new Chat(fromStreams(socket), LINES);
    chat.push("ECHO 5\n", "hello");
    const line = await chat.read();
    const { connection, unread } = chat.detach();
    const locked = [socket.readable?.locked, socket.writable?.locked];
    await using next = new Chat(connection, { ...LINES, terminator: 5 }, unread);
    next.push("ECHO 5\n", "world");
    return { line, locked, rest: [await next.read(), await next.read("\n"), await next.read()] };
  },

  /** Goes on over TLS, with the same socket. */
  async starttls(port) {
    const socket = await dial(port, "starttls");
    await using chat = await secured(socket, "localhost");
    chat.push("ECHO 6\n", "secret");
    return [await chat.read(), await chat.read(6)];
  },
};

const worker: { fetch(request: Request): Promise<Response> } = {
  async fetch({ url }) {
    const { pathname, searchParams } = new URL(url);
    const work = TASKS[pathname.slice(1)]!;
    return Response.json(await work(Number(searchParams.get("port"))).catch(told));
  },
};

export default worker;
