/** bindUdp(), over real sockets of this machine. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Address, ClosedError, ConnectionError, TimeoutError } from "../../mod.ts";
import { bindUdp, type Datagram, type UdpSocket } from "../../src/udp/mod.ts";
import { PATIENCE } from "../support/limits.ts";
import { command, CURRENT, run } from "../support/programs.ts";

const text = ({ data }: Datagram): string => new TextDecoder().decode(data);

/** The next datagram, which loopback does not lose. */
async function next(socket: UdpSocket): Promise<Datagram> {
  const datagram = await socket.receive({ timeout: PATIENCE });
  assert(datagram !== null, "the socket is closed");
  return datagram;
}

const hasIpv6 = Object.values(networkInterfaces()).flat()
  .some((each) => each?.address === "::1");

for (const hostname of ["127.0.0.1", "::1"]) {
  const skip = hostname === "::1" && !hasIpv6 && "this machine has no IPv6";
  test(`a UDP socket at ${hostname} gives each datagram with its sender, who can be answered`, {
    skip,
  }, async () => {
    await using server = await bindUdp({ hostname, port: 0 });
    await using first = await bindUdp({ hostname });
    await using second = await bindUdp({ hostname });
    assertStrictEquals(server.address.hostname, hostname);
    for (const client of [first, second, first]) {
      await client.send(`from ${client.address.port}`, server.address);
      const datagram = await next(server);
      assertEquals(datagram.from, client.address);
      assertStrictEquals(text(datagram), `from ${client.address.port}`);
      await server.send("answer", datagram.from);
      const answer = await next(client);
      assertEquals(answer.from, server.address);
      assertStrictEquals(text(answer), "answer");
    }
  });
}

test("a UDP socket exchanges datagrams with the runtime's own", async () => {
  await using socket = await bindUdp({ port: 0 });
  const other = createSocket("udp4");
  other.bind(0, "127.0.0.1");
  await once(other, "listening");
  const arrived = once(other, "message");
  await socket.send("ping", { hostname: "localhost", port: other.address().port });
  const [data, { address, port }] = await arrived;
  assertStrictEquals(data.toString(), "ping");
  assertEquals({ hostname: address, port }, socket.address);
  other.send("pong", port, address);
  assertStrictEquals(text(await next(socket)), "pong");
  other.close();
});

test("send() takes text and bytes of every kind, and the data that arrives is a plain array of its own", async () => {
  await using socket = await bindUdp();
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const foreign = runInNewContext("Uint8Array.of(1, 2, 3, 4)") as Uint8Array;
  const same = [bytes, bytes.buffer, new DataView(bytes.buffer), Buffer.from(bytes), foreign];
  for (const data of [...same, "\u0001\u0002\u0003\u0004"]) {
    await socket.send(data, socket.address);
    const { data: arrived } = await next(socket);
    assertEquals(arrived, bytes);
    assertStrictEquals(arrived.constructor, Uint8Array);
    // What it lies in is no larger: Deno's own buffer of 64 KiB would be kept with it.
    assertStrictEquals(arrived.buffer.byteLength, 4);
  }
  for (const data of ["", "ü€😀", "line\nand another", "z".repeat(60_000)]) {
    await socket.send(data, socket.address);
    assertStrictEquals(text(await next(socket)), data);
  }
});

test("a datagram carries 65,507 bytes, and send() rejects one that is longer, with its length", async () => {
  await using socket = await bindUdp();
  const longest = new Uint8Array(65_507).fill(7);
  await socket.send(longest, socket.address);
  assertEquals((await next(socket)).data, longest);
  const error = await assertRejects(
    () => socket.send(new Uint8Array(65_508), socket.address),
    ConnectionError,
    `a datagram has at most 65507 bytes, and this one 65508`,
  );
  assertStrictEquals(error.code, "other");
});

test("what waits beyond maxBufferedBytes is dropped and counted, and the socket goes on", async () => {
  await using socket = await bindUdp({ maxBufferedBytes: 3 * (100 + 128) });
  await using sender = await bindUdp();
  // One that is received shows that those before it have arrived: nobody overtakes on one machine.
  const first = next(socket);
  await sender.send("first", socket.address);
  await first;
  for (let i = 0; i < 5; i++) await sender.send(String(i).padEnd(100), socket.address);
  while (socket.dropped < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  for (let i = 0; i < 3; i++) assertStrictEquals(text(await next(socket)).trim(), String(i));
  await sender.send("there is room again", socket.address);
  assertStrictEquals(text(await next(socket)), "there is room again");
  assertStrictEquals(socket.dropped, 2);
});

test("empty datagrams count, too: no number of them fills the memory", async () => {
  await using socket = await bindUdp({ maxBufferedBytes: 2 * 128 });
  for (let i = 0; i < 3; i++) await socket.send("", socket.address);
  while (socket.dropped < 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals((await next(socket)).data, new Uint8Array(0));
  assertEquals((await next(socket)).data, new Uint8Array(0));
  assertStrictEquals(socket.dropped, 1);
});

test("loops and calls are answered in the order in which they ask, and a loop that is left loses nothing", async () => {
  await using socket = await bindUdp();
  const loop = socket[Symbol.asyncIterator]();
  const other = socket[Symbol.asyncIterator]();
  const asked = [
    loop.next().then(({ value }) => value),
    socket.receive(),
    other.next().then(({ value }) => value),
    socket.receive(),
    socket.receive(),
  ];
  for (let i = 0; i < 8; i++) await socket.send(String(i), socket.address);
  const answers = await Promise.all(asked);
  assertEquals(answers.map((each) => text(each!)), ["0", "1", "2", "3", "4"]);
  for (const expected of ["5", "6"]) {
    for await (const datagram of socket) {
      assertStrictEquals(text(datagram), expected);
      break;
    }
  }
  assertStrictEquals(text(await next(socket)), "7");
});

test("receive() that times out leaves the datagram to the next call", async () => {
  await using socket = await bindUdp();
  const error = await assertRejects(() => socket.receive({ timeout: 1 }), TimeoutError);
  assertStrictEquals(error.timeout, 1);
  await assertRejects(() => socket.receive({ timeout: 0 }), TimeoutError);
  const waiting = socket.receive();
  await socket.send("one", socket.address);
  assertStrictEquals(text((await waiting)!), "one");
});

test("close() ends loops, rejects sends, frees the port, and may be repeated", async () => {
  const socket = await bindUdp();
  const { address } = socket;
  await socket.send("this is not received", address);
  const loops = [0, 1].map(async () => {
    let count = 0;
    for await (const _ of socket) count++;
    return count;
  });
  const sending = socket.send("x", { hostname: "localhost", port: address.port });
  // Not awaited: it must not be reported as unhandled.
  socket.send("y", address);
  const closed = socket.close();
  await assertRejects(() => sending, ClosedError);
  await Promise.all([...loops, closed, socket.closed, socket.close()]);
  assertStrictEquals(await socket.receive(), null);
  await assertRejects(() => socket.send("z", address), ClosedError, "closed");
  socket.ref();
  socket.unref();
  await using again = await bindUdp(address);
  assertEquals(again.address, address);
});

test("a signal closes the socket, also one that is aborted already", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const socket = await bindUdp({ signal });
  const waiting = socket.receive();
  controller.abort();
  assertStrictEquals(await waiting, null);
  await socket.closed;
  const late = await bindUdp({ signal });
  assertStrictEquals(await late.receive(), null);
  await late.closed;
});

test("a peer that has gone ends nothing: the socket goes on", async () => {
  await using socket = await bindUdp();
  const gone = await bindUdp();
  await gone.close();
  for (let i = 0; i < 20; i++) {
    await socket.send("is anybody there?", gone.address);
    await socket.send(String(i), socket.address);
    assertStrictEquals(text(await next(socket)), String(i));
  }
});

test("bindUdp() and send() fail with the library's codes, the address in the message", async () => {
  await using socket = await bindUdp();
  const { port } = socket.address;
  const nowhere = "no-such-host.invalid";
  const failures: [string, string, () => Promise<unknown>][] = [
    ["in-use", `bind to 127.0.0.1:${port}`, () => bindUdp({ port })],
    ["unavailable", "bind to 203.0.113.1:0", () => bindUdp({ hostname: "203.0.113.1" })],
    ["not-found", `bind to ${nowhere}:0`, () => bindUdp({ hostname: nowhere })],
    ["not-found", `send to ${nowhere}:9`, () => socket.send("x", { hostname: nowhere, port: 9 })],
  ];
  for (const [code, message, fail] of failures) {
    const error = await assertRejects(fail, ConnectionError, message);
    assertStrictEquals(error.code, code);
    assert(error.cause instanceof Error);
  }
});

test("a socket at :: reaches addresses of IPv4, too", { skip: !hasIpv6 }, async () => {
  await using socket = await bindUdp({ hostname: "::" });
  await using other = await bindUdp();
  await socket.send("hello", other.address);
  const { from, data } = await next(other);
  assertEquals(data, new TextEncoder().encode("hello"));
  await other.send("answer", from);
  const answer = await next(socket);
  await socket.send("again", answer.from);
  assertStrictEquals(text(await next(other)), "again");
});

test("bindUdp(), receive() and send() say what is wrong with their arguments", async () => {
  await using socket = await bindUdp();
  const to = socket.address;
  const wrong: [unknown, string, () => Promise<unknown>][] = [
    [TypeError, "options", () => bindUdp(null as never)],
    [TypeError, "unknown option prot: did you mean port?", () => bindUdp({ prot: 1 } as never)],
    [TypeError, "hostname", () => bindUdp({ hostname: "" })],
    [TypeError, "port must be a number", () => bindUdp({ port: "1" as never })],
    [RangeError, "port", () => bindUdp({ port: 65_536 })],
    [RangeError, "maxBufferedBytes", () => bindUdp({ maxBufferedBytes: -1 })],
    [TypeError, "signal", () => bindUdp({ signal: {} as never })],
    [RangeError, "timeout", () => socket.receive({ timeout: -1 })],
    [TypeError, "timeuot", () => socket.receive({ timeuot: 1 } as never)],
    [TypeError, "data must be", () => socket.send(7 as never, to)],
    [TypeError, "not undefined", () => socket.send("", undefined!)],
    [TypeError, "hostname", () => socket.send("", { port: 1 } as never)],
    [TypeError, "port", () => socket.send("", { hostname: "127.0.0.1" } as never)],
    [RangeError, "port must be a whole number from 1", () => socket.send("", { ...to, port: 0 })],
  ];
  for (const [type, message, call] of wrong) {
    await assertRejects(call, type as typeof TypeError, message);
  }
  // The address of a listener is one to send to.
  const address: Address = { transport: "tcp", ...to };
  await socket.send("x", address);
  assertStrictEquals(text(await next(socket)), "x");
});

test("unref() lets a process end though a socket is open, and ref() keeps it alive", async () => {
  for (const [call, lines] of [["unref", []], ["ref", ["hello"]]] as const) {
    const output = await run(command(CURRENT, "tests/udp/alive.ts", call));
    assertEquals(output, { code: 0, lines, stderr: "" });
  }
});
