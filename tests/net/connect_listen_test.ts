/** `connect()` and `listen()` over real sockets of the runtime that the tests run on. */
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import {
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { type Chat, connect, ConnectionError, listen, Listener } from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { bytes, text } from "../support/bytes.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { startPeer } from "../support/peer.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n" };

async function pair(): Promise<[Chat, Chat, Listener]> {
  const listener = await listen({ port: 0, ...LINES });
  const client = await connect({ port: listener.address.port, ...LINES });
  return [client, (await listener.accept())!, listener];
}

test("connect() and listen() hold a conversation, with the port that the system chose", async () => {
  const [client, server, listener] = await pair();
  assertEquals(listener.address.hostname, "127.0.0.1");
  assertLess(0, listener.address.port);
  assertEquals(client.remoteAddress, listener.address);
  assertEquals(server.remoteAddress, client.localAddress);

  client.push("question\n");
  assertStrictEquals(text(await server.read()), "question");
  server.push("answer\n");
  assertStrictEquals(text(await client.read()), "answer");

  await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
  assertStrictEquals(await client.closed, undefined);
  assertStrictEquals(await server.closed, undefined);
});

interface Where {
  readonly hostname?: string;
  readonly port?: number;
  readonly url?: string | URL;
}

/** Where one may listen, with the port that the system chooses, and how that is connected to. */
const WHERE: readonly (readonly [listening: Where, connecting: (port: number) => Where])[] = [
  [{ port: 0 }, (port) => ({ port })],
  [{ hostname: "localhost", port: 0 }, (port) => ({ hostname: "localhost", port })],
  [{ url: "tcp://127.0.0.1:0" }, (port) => ({ url: new URL(`tcp://127.0.0.1:${port}`) })],
  [{ hostname: "::1", port: 0 }, (port) => ({ hostname: "[::1]", port })],
  [{ url: "tcp://[::1]:0" }, (port) => ({ url: `tcp://[::1]:${port}` })],
];
const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");

test("connect() takes an address of either IP version, a host name, or a url", async () => {
  for (const [listening, connecting] of hasIpv6 ? WHERE : WHERE.slice(0, 3)) {
    await using listener = await listen({ ...LINES, ...listening });
    const client = await connect({ ...LINES, ...connecting(listener.address.port) });
    client.push("hello\n");
    for await (const server of listener) {
      const frame = await server.read();
      server.close();
      if (frame) break; // a runtime may try both address families, and drop one connection
    }
    client.close();
  }
});

test("Listener yields chats, and ends the loop and leaves accepted chats alone when it is closed", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const { port } = listener.address;
  const served: Chat[] = [];
  const allServed = new Deferred();
  const serving = (async () => {
    for await (const chat of listener) if (served.push(chat) === 3) allServed.resolve();
  })();
  const clients = await Promise.all([1, 2, 3].map(() => connect({ port, ...LINES })));
  for (const client of clients) client.push("here\n");
  await allServed.promise;
  const closing = listener.close();
  assertStrictEquals(listener.close(), closing);
  await Promise.all([serving, closing]);
  assertStrictEquals(await listener.accept(), null);
  await assertRejects(() => connect({ port, ...LINES }), ConnectionError);

  for (const chat of served) {
    assertStrictEquals(text(await chat.read()), "here");
    chat.push("still here\n");
  }
  for (const client of clients) assertStrictEquals(text(await client.read()), "still here");
  for (const chat of [...served, ...clients]) chat.close();
});

test("Listener carries on when a loop over it was left and another is begun", async () => {
  const listener = await listen({ port: 0, ...LINES });
  for (let round = 0; round < 2; round++) {
    const client = await connect({ port: listener.address.port, ...LINES });
    for await (const chat of listener) {
      chat.push(bytes("welcome\n"));
      chat.closeWhenDone();
      break;
    }
    assertStrictEquals(text(await client.read()), "welcome");
    await client.closeWhenDone();
  }
  await listener.close();
});

test("Chat hands out what the peer said before it reset, though sending has failed and nobody had read", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const peer = await startPeer("complain_and_reset", listener.address.port);
  const chat = (await listener.accept())!;
  const second = (await listener.accept())!;
  // Node loses what it has not taken from the system when a write fails: a turn of its loop takes the line.
  for (let turn = 0; turn < 2; turn++) await nextTurn();
  const pushed = chat.push(new Uint8Array(20_000_000));
  peer.tell();
  const error = await assertRejects(() => pushed, ConnectionError);
  assertStrictEquals(error.code, "reset");
  assertInstanceOf(await chat.closed, ConnectionError);
  assertStrictEquals(text(await chat.read()), "550 bye");
  assertStrictEquals((await assertRejects(() => chat.read(), ConnectionError)).code, "reset");
  second.close();
  await listener.close();
});

test("connect() closes the chat when its signal is aborted later", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const signal = new CountingSignal();
  const client = await connect({ port: listener.address.port, signal, ...LINES });
  const server = (await listener.accept())!;
  const reading = client.read();
  signal.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  assertStrictEquals(await server.read(), null);
  await Promise.all([server.closeWhenDone(), client.closed, listener.close()]);
  assertStrictEquals(signal.listeners, 0);
});

test("listen() ends the listening, and its chats, when its signal is aborted", async () => {
  const signal = new CountingSignal();
  const listener = await listen({ port: 0, signal, ...LINES });
  const client = await connect({ port: listener.address.port, ...LINES });
  const server = (await listener.accept())!;
  const accepting = listener.accept();
  signal.abort(new Error("shutting down"));
  assertStrictEquals(await accepting, null);
  await assertRejects(() => server.read(), Error, "shutting down");
  assertStrictEquals(await client.read(), null);
  await Promise.all([client.closeWhenDone(), server.closed, listener.close()]);
  assertStrictEquals(signal.listeners, 0);
});

test("a loop over a listener can be left while it waits, and goes on after an error", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const loop = listener[Symbol.asyncIterator]();
  const waiting = loop.next();
  assertEquals(await loop.return!(), { done: true, value: undefined });
  const client = await connect({ port: listener.address.port, ...LINES });
  const { value: chat } = await waiting; // it was asked for, and is not lost
  await Promise.all([client.closeWhenDone(), chat!.closeWhenDone(), listener.close()]);
  assertEquals(await loop.next(), { done: true, value: undefined });

  const refusal = new ConnectionError("exhausted", "too many open files");
  const answers = [
    () => Promise.reject(refusal),
    () => Promise.reject(refusal),
    () => Promise.resolve(null),
  ];
  const own = new Listener({
    accept: () => answers.shift()!(),
    close() {},
    closed: Promise.resolve(),
    address: listener.address,
  }, LINES);
  const failing = own[Symbol.asyncIterator]();
  void failing.next(); // nobody awaits it, and nobody is troubled
  assertStrictEquals(await failing.next().catch((error) => error), refusal);
  assertEquals(await failing.next(), { done: true, value: undefined });
});
