/** The sockets of the runtime that the tests run on: `src/net/node.ts`, `deno.ts` or `bun.ts`. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClosedError, type Connection, ConnectionError } from "../../mod.ts";
import { socketsFor } from "../../src/net/sockets.ts";
import { bytes, text } from "../support/bytes.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { startPeer } from "../support/peer.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, Program } from "../support/programs.ts";
import { tcpPair } from "../support/tcp_pair.ts";

const sockets = socketsFor();
const ANYWHERE = { hostname: "127.0.0.1", port: 0 };

checkConnection("a TCP connection", tcpPair);

test("a TCP connection hands out what arrived before the peer reset it, and then ConnectionError", async () => {
  const listener = await sockets.listen(ANYWHERE);
  const peer = await startPeer("send_and_reset", listener.address.port);
  const connection = (await listener.accept())!;
  peer.tell();
  await peer.exited; // all is in this end's buffers by now: the data, and the reset
  assertEquals(text((await connection.read())!), "last words");
  const error = await assertRejects(() => connection.read(), ConnectionError, "reset");
  assertStrictEquals(error.code, "reset");
  await assertRejects(() => connection.read(), ConnectionError, "reset");
  connection.close();
  listener.close();
  await connection.closed;
});

test("a TCP connection says reset, and no end, when the peer resets after this side's closeWrite()", async () => {
  const listener = await sockets.listen(ANYWHERE);
  const peer = await startPeer("reset_when_told", listener.address.port);
  const connection = (await listener.accept())!;
  await connection.closeWrite();
  const reading = connection.read();
  peer.tell();
  const error = await assertRejects(() => reading, ConnectionError, "cannot read from 127.0.0.1:");
  assertStrictEquals(error.code, "reset");
  connection.close();
  listener.close();
  await connection.closed;
});

test("a TCP connection knows both addresses, also after it is closed", async () => {
  const listener = await sockets.listen(ANYWHERE);
  const left = await sockets.connect(listener.address);
  const right = (await listener.accept())!;
  assertEquals(left.remoteAddress, listener.address);
  assertEquals(right.localAddress, listener.address);
  assertEquals(left.localAddress, right.remoteAddress);
  left.close();
  right.close();
  await Promise.all([left.closed, right.closed]);
  assertEquals(left.localAddress, right.remoteAddress);
  listener.close();
});

test("a listener closes connections that nobody has accepted, and answers accept() with null, when it is closed", async () => {
  const listener = await sockets.listen(ANYWHERE);
  const other = await sockets.listen(ANYWHERE);
  const accepted = other.accept();
  other.close();
  assertStrictEquals(await accepted, null);

  const connection = await sockets.connect(listener.address);
  listener.close();
  listener.close();
  await listener.closed;
  assertStrictEquals(await listener.accept(), null);
  const end = await connection.read().catch((error) => error);
  assertStrictEquals(end === null || end.code === "reset", true);
  connection.close(); // loses nothing
  await assertRejects(() => connection.write(bytes("x")), ClosedError);
});

test("a listener answers accepts in the order they were asked, when several wait", async () => {
  const listener = await sockets.listen(ANYWHERE);
  const accepts = [listener.accept(), listener.accept(), listener.accept()];
  const clients: Connection[] = [];
  for (let i = 0; i < 2; i++) clients.push(await sockets.connect(listener.address));
  for (const [i, client] of clients.entries()) {
    const accepted = (await accepts[i]!)!;
    assertEquals(accepted.remoteAddress, client.localAddress);
    accepted.close();
    client.close();
  }
  listener.close();
  assertStrictEquals(await accepts[2]!, null);
});

/** Why no listener keeps more connections than the runtimes ask for by themselves; `false` if it does. */
function noLongBacklog(): string | false {
  if (CURRENT === "bun") return "Bun has no option for it";
  if (process.platform !== "linux") return "other systems keep fewer";
  const most = Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  return most < 1_000 && `this system keeps ${most}`;
}

const backlog = { skip: noLongBacklog() };
test(
  named("a listener that is busy keeps a thousand connections waiting", backlog),
  backlog,
  async () => {
    await using program = new Program(command(CURRENT, "tests/programs/blocks.ts"));
    const [, port] = await program.line(/^(\d+)$/);
    const where = { hostname: "127.0.0.1", port: Number(port) };
    const clients = Array.from({ length: 1_000 }, () => sockets.connect(where));
    for (const client of await Promise.all(clients)) client.close();
  },
);
