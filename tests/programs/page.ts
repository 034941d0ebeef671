/** What runs in a browser's page, for browser_test.ts: this file, and all it imports, is bundled into one. */
import {
  Chat,
  connect,
  type Connection,
  FrameStream,
  fromIterable,
  fromStreams,
  memoryPair,
} from "../../mod.ts";
import { fromWebSocket, type WebSocketLike } from "../../src/websocket/mod.ts";
import { CONNECTION_CHECKS, type MakePair } from "../../src/testing/mod.ts";
import { asIterable, asSocket } from "../support/as_transport.ts";

const { WebSocket } = globalThis as unknown as {
  WebSocket: new (url: string) => WebSocketLike;
};

/** What the page has heard, and the sum of the bytes that came in one frame. */
export interface Heard {
  readonly lines: readonly string[];
  readonly count: number;
  readonly sum: number;
  readonly closed: string;
}

/** Yields that many bytes, piece by piece. */
export async function* produce(count: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at += 1_000) {
    yield Uint8Array.from({ length: Math.min(1_000, count - at) }, (_, i) => (at + i) % 251);
    await Promise.resolve();
  }
}

export function sumOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 0);
}

/** One end of the conversation, the same as the other: lines, then a count, and a producer, both ways, and goodbye. */
export async function converse(connection: Connection, count: number): Promise<Heard> {
  const chat = new Chat(connection, { terminator: "\n", encoding: "utf-8" });
  chat.push("one\n", "zwei, ü\n", `${count}\n`, produce(count), "bye\n");
  const lines: string[] = [];
  for await (const line of chat) {
    lines.push(line);
    if (lines.length === 3) break;
  }
  chat.terminator = Number(lines[2]);
  const body = (await chat.readBytes())!;
  chat.terminator = "\n";
  lines.push((await chat.read())!);
  await chat.flush();
  await chat.closeWhenDone();
  return { lines, count: body.length, sum: sumOf(body), closed: String(await chat.closed) };
}

/** The names of the checks that fail, and why, without those with one of these beginnings. */
async function failures(makePair: MakePair, skip: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const { name, run } of CONNECTION_CHECKS) {
    if (skip.some((begin) => name.startsWith(begin))) continue;
    await run(makePair).catch((error) => found.push(`${name}: ${error}`));
  }
  return found;
}

/** A pair of connections in memory, each made into another kind. */
function inMemory(make: (connection: Connection) => Connection): [Connection, Connection] {
  const [left, right] = memoryPair();
  return [make(left), make(right)];
}

let pairs = 0;

/** A pair of WebSockets that the server connects with each other. */
async function relayed(url: string): Promise<[Connection, Connection]> {
  const sockets = [0, 1].map(() => new WebSocket(`${url}/relay/${pairs}`));
  pairs++;
  const [left, right] = sockets.map((socket) => fromWebSocket(socket));
  await Promise.all(
    sockets.map((socket) =>
      new Promise<void>((resolve) => socket.addEventListener("open", resolve))
    ),
  );
  return [left!, right!];
}

/** What the test calls. */
export const page = {
  converse: (url: string, count: number): Promise<Heard> =>
    converse(fromWebSocket(new WebSocket(url)), count),

  checkMemory: (): Promise<string[]> => failures(memoryPair, []),

  checkStreams: (): Promise<string[]> =>
    failures(() => inMemory((connection) => fromStreams(asSocket(connection))), []),

  checkIterables: (): Promise<string[]> =>
    failures(() => inMemory((connection) => fromIterable(...asIterable(connection))), []),

  checkWebSocket: (url: string, skip: readonly string[]): Promise<string[]> =>
    failures(() => relayed(url), skip),

  async frames(): Promise<string[]> {
    const { body } = new Response("one\ntwo\n\n");
    const frames: string[] = [];
    const stream = body!.pipeThrough(new FrameStream({ terminator: "\n", encoding: "utf-8" }));
    for await (const frame of stream) frames.push(frame);
    return frames;
  },

  connect: (): Promise<string> =>
    connect({ port: 1, terminator: "\n" }).then(() => "", (error) => `${error.code}: ${error}`),
};

Object.assign(globalThis, { page });
