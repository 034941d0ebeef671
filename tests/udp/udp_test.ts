/** `transport: "udp"`: datagrams as frames, with the sockets of the runtime that the tests run on. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Chat,
  connect,
  ConnectionError,
  datagrams,
  FrameInjectionError,
  lengthPrefixed,
  listen,
  type Listener,
  serve,
  UnsupportedError,
} from "../../mod.ts";
import { named } from "../support/peers.ts";
import { CURRENT } from "../support/programs.ts";

const UDP = { transport: "udp", terminator: datagrams() } as const;
const TEXT = { ...UDP, encoding: "utf-8" } as const;

async function pair(): Promise<[Chat<string>, Chat<string>, Listener<string>]> {
  const listener = await listen({ port: 0, ...TEXT });
  const client = await connect({ port: listener.address.port, ...TEXT });
  await client.send("first");
  const server = (await listener.accept())!;
  assertStrictEquals(await server.read(), "first");
  return [client, server, listener];
}

/** A socket of the runtime's own, as a stranger has it. */
async function stranger(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");

for (const host of ["127.0.0.1", "[::1]"]) {
  const skip = { skip: host === "[::1]" && !hasIpv6 && "this machine has no ::1" };
  test(named(`datagrams go to ${host}, and a reply goes to its sender`, skip), skip, async () => {
    const { transport: _, ...options } = TEXT;
    await using listener = await listen({ url: `udp://${host}:0`, ...options });
    const { address } = listener;
    assertStrictEquals(address.transport, "udp");
    const clients = [];
    for (const name of ["one", "two", "three"]) {
      const client = await connect({ ...address, ...TEXT });
      assertEquals(client.remoteAddress, address);
      await client.send(name);
      clients.push(client);
    }
    for (let i = 0; i < 3; i++) {
      const server = (await listener.accept())!;
      await server.send(`${await server.read()}, too`);
      await server.closeWhenDone();
    }
    const replies = await Promise.all(clients.map((client) => client.read()));
    assertEquals(replies, ["one, too", "two, too", "three, too"]);
    await Promise.all(clients.map((client) => client.closeWhenDone()));
  });
}

test("a datagram is a frame, however many are sent at once, and an empty one, too", async () => {
  const [client, server, listener] = await pair();
  const { encode } = datagrams();
  async function* produce(): AsyncGenerator<Uint8Array> {
    for (const word of ["one", "two"]) yield await Promise.resolve(encode(word));
  }
  const sent = ["a", "", "line\nand another", "", "ü".repeat(5_000), "z"];
  const sending = sent.map((payload) => client.send(payload));
  await Promise.all([...sending, client.push(encode("zero"), produce()), client.flush()]);
  const read = [];
  for (let i = 0; i < sent.length + 3; i++) read.push(await server.read());
  assertEquals(read, [...sent, "zero", "one", "two"]);
  await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
});

test("send() refuses what no datagram carries, and push() what is not sent as one", async () => {
  const [client, server, listener] = await pair();
  await assertRejects(() => client.send("x".repeat(65_508)), FrameInjectionError, "65508");
  await client.send("x".repeat(65_507));
  assertStrictEquals((await server.read())!.length, 65_507);

  for (const pushed of ["x", "\0udp     :hello"]) {
    const chat = await connect({ ...listener.address, ...TEXT });
    chat.push(pushed);
    await assertRejects(() => chat.flush(), UnsupportedError, "send()");
    await assertRejects(() => chat.read(), UnsupportedError, "send()");
    await chat.closed;
  }
  await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
});

test("connect() and listen() refuse over UDP what is for streams, and addresses that are none", async () => {
  for (const terminator of ["\n", null, lengthPrefixed()]) {
    const wrong = { transport: "udp", port: 9, terminator } as const;
    await assertRejects(() => connect(wrong), TypeError, "datagrams()");
    await assertRejects(() => listen(wrong), TypeError, "datagrams()");
  }
  const tls = { cert: "", key: "" };
  await assertRejects(() => connect({ port: 9, ...UDP, tls: true }), UnsupportedError, "DTLS");
  await assertRejects(() => listen({ port: 0, ...UDP, tls }), UnsupportedError, "DTLS");
  await assertRejects(() => listen({ port: 0, reusePort: true, ...UDP }), UnsupportedError);
  await assertRejects(() => connect({ path: "/x", ...UDP }), TypeError, "/x");
  await assertRejects(() => connect({ port: 0, ...UDP }), RangeError, "port");
  const sctp = { ...UDP, transport: "sctp" as "udp" };
  await assertRejects(() => connect({ port: 1, ...sctp }), TypeError, "sctp");

  await using listener = await listen({ port: 0, ...UDP });
  const { port } = listener.address;
  const hostname = "no-such-host.invalid";
  const failures = [
    ["unavailable", "203.0.113.1", () => listen({ hostname: "203.0.113.1", port: 0, ...UDP })],
    ["in-use", String(port), () => listen({ port, ...UDP })],
    ["not-found", hostname, () => connect({ hostname, port, ...UDP })],
    ["not-found", hostname, () => listen({ hostname, port, ...UDP })],
  ] as const;
  for (const [code, named, ask] of failures) {
    assertStrictEquals((await assertRejects(ask, ConnectionError, named)).code, code);
  }
});

test("connect() over UDP says what address the system does not let it send to", async () => {
  const tell = async (): Promise<void> => {
    const client = await connect({ hostname: "255.255.255.255", port: 9, ...TEXT });
    try {
      await client.send("to everybody"); // Deno finds out now
      await client.flush();
    } finally {
      client.close();
    }
  };
  await assertRejects(tell, ConnectionError, "255.255.255.255:9");
});

test("connect() over UDP hears its peer, and nobody else", async () => {
  const peer = await stranger();
  const other = await stranger();
  const client = await connect({ port: peer.address().port, ...TEXT });
  client.send("hello");
  const [, { port }] = await once(peer, "message");
  await new Promise((resolve) => other.send("stranger", port, "127.0.0.1", resolve));
  peer.send("peer", port, "127.0.0.1");
  assertStrictEquals(await client.read(), "peer");
  await client.closeWhenDone();
  peer.close();
  other.close();
});

const icmp = { skip: CURRENT === "deno" && "Deno does not say that a datagram was refused" };
test(named("a chat over UDP says refused when nothing listens there", icmp), icmp, async () => {
  const peer = await stranger();
  const { port } = peer.address();
  peer.connect(9, "127.0.0.1"); // it keeps the port, and hears that one alone
  await once(peer, "connect");
  const client = await connect({ port, ...UDP });
  await client.send("anybody?");
  const error = await assertRejects(() => client.read(), ConnectionError, `127.0.0.1:${port}`);
  assertStrictEquals(error.code, "refused");
  assertStrictEquals(await client.closed, error);
  peer.close();
});

test("a chat over UDP ends when it is closed, without waiting for a peer that cannot say so", async () => {
  const [client, server, listener] = await pair();
  await client.send("last");
  await client.closeWhenDone();
  assertStrictEquals(await client.closed, undefined);
  assertStrictEquals(await server.read(), "last");
  await server.closeWrite();
  assertStrictEquals(await server.read(), null);
  await server.closeWhenDone();
  await listener.close();
  assertStrictEquals(await listener.accept(), null);
});

test("a sender that is silent for the idleTimeout has ended, and is somebody new when it speaks again", async () => {
  await using listener = await listen({ port: 0, ...TEXT, idleTimeout: 50 });
  const client = await connect({ ...listener.address, ...TEXT });
  for (const words of ["one", "two"]) {
    await client.send(words);
    const server = (await listener.accept())!;
    assertEquals(server.remoteAddress?.port, client.localAddress?.port);
    assertEquals([await server.read(), await server.read()], [words, null]);
    await server.send(`${words}, late`); // it may still be answered
    assertStrictEquals(await client.read(), `${words}, late`);
    await server.closeWhenDone();
    assertStrictEquals(await server.closed, undefined);
  }
  await client.closeWhenDone();
});

test("serve() over UDP has a handler for each sender, and shuts down", async () => {
  const server = await serve(
    { url: "udp://127.0.0.1:0", terminator: datagrams(), encoding: "utf-8" },
    async (chat) => {
      for await (const datagram of chat) await chat.send(datagram.toUpperCase());
    },
  );
  const url = `udp://127.0.0.1:${server.address.port}`;
  const client = await connect({ url, terminator: datagrams(), encoding: "utf-8" });
  await client.send("hello");
  assertStrictEquals(await client.read(), "HELLO");
  await client.closeWhenDone();
  await server.shutdown({ grace: 0 });
  // The port is free.
  const again = await listen({ url, terminator: datagrams() });
  await again.close();
});

test("datagrams that nobody reads cost a bounded amount of memory", async () => {
  await using listener = await listen({ port: 0, ...UDP });
  const client = await connect({ ...listener.address, ...UDP });
  const server = (await Promise.all([client.send("x"), listener.accept()]))[1]!;
  for (let i = 0; i < 300; i++) {
    await client.send(new Uint8Array(1_000));
    await client.flush();
  }
  // The last of them has been received when another sender's, which came later, is here.
  const other = await connect({ ...listener.address, ...UDP });
  await other.send("y");
  const second = (await listener.accept())!;
  await server.closeWrite(); // reading ends behind what is here
  let bytesRead = 0;
  for await (const frame of server) bytesRead += frame.length;
  assertStrictEquals(bytesRead > 1_000 && bytesRead <= 64 * 1024, true, String(bytesRead));
  for (const chat of [client, other, server, second]) chat.close();
});

/** Linux has as many addresses of its own as a test may need. */
const loopbacks = { skip: process.platform !== "linux" && "other systems have one address" };
test(named("a listener over UDP hears 1,024 senders at a time", loopbacks), loopbacks, async () => {
  await using listener = await listen({ port: 0, ...TEXT });
  const { port } = listener.address;
  const open = async (index: number): Promise<Socket> => {
    const socket = createSocket("udp4").bind(0, `127.7.${index >> 8}.${index & 255}`);
    await once(socket, "listening");
    return socket;
  };
  const say = (socket: Socket, words: string): Promise<void> =>
    new Promise((resolve) => socket.send(words, port, "127.0.0.1", () => resolve()));
  const first = await open(0);
  const other = await open(1_024);
  const chats: Chat<string>[] = [];
  for (let i = 0; i < 1_024; i++) {
    const socket = i === 0 ? first : await open(i);
    await say(socket, String(i));
    chats.push((await listener.accept())!);
    if (i > 0) socket.close();
  }
  await say(other, "not heard");
  await say(first, "behind");
  const heard = [await chats[0]!.read(), await chats[0]!.read()];
  assertEquals(heard, ["0", "behind"]); // and what came before it is dropped by now

  chats[5]!.close();
  await chats[5]!.closed;
  await say(other, "heard");
  chats.push((await listener.accept())!);
  assertStrictEquals(await chats.at(-1)!.read(), "heard");
  for (const each of [...chats, first, other]) each.close();
});

test("a listener over UDP that is closed leaves its chats alone, and drops those that nobody accepted", async () => {
  const [client, server, listener] = await pair();
  const other = await connect({ ...listener.address, ...TEXT });
  await other.send("nobody accepts this");
  await client.send("behind");
  assertStrictEquals(await server.read(), "behind");
  await listener.close();
  assertStrictEquals(await listener.accept(), null);
  await other.send("nobody hears this");
  await client.send("still here?");
  assertStrictEquals(await server.read(), "still here?");
  await server.send("still here");
  assertStrictEquals(await client.read(), "still here");
  await server.closeWhenDone();
  await (await listen({ ...listener.address, ...TEXT })).close(); // the port is free
  const last = await listen({ port: 0, ...TEXT });
  const ignored = await connect({ ...last.address, ...TEXT });
  await ignored.send("x");
  await last.close();
  for (const chat of [client, other, ignored]) chat.close();
});
