/** What `fromBun()` makes of a socket's events, which no real peer can be made to bring about each time. */
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Connection, ConnectionError, fromBun } from "../../mod.ts";
import type { BunHandlers, BunSocketLike } from "../../src/net/bun.ts";
import { bytes, concat, text } from "../support/bytes.ts";

/** A socket that takes as many bytes at a time as it is told to. */
class FakeSocket implements BunSocketLike {
  data: unknown;
  readonly localAddress = "127.0.0.1";
  readonly localPort = 1;
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 2;
  readonly calls: string[] = [];
  readonly written: Uint8Array[] = [];
  room = Infinity;

  write(data: Uint8Array): number {
    if (this.room < 0) return -1;
    const taken = data.slice(0, this.room);
    this.written.push(taken);
    return taken.length;
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  shutdown(): void {
    this.calls.push("shutdown");
  }
  end(): void {
    this.calls.push("end");
  }
}

function open(): {
  socket: FakeSocket;
  handlers: BunHandlers;
  connection: Connection;
} {
  let connection: Connection | undefined;
  const handlers = fromBun((opened) => connection = opened).socket as BunHandlers;
  const socket = new FakeSocket();
  handlers.open(socket);
  return { socket, handlers, connection: connection! };
}

test("fromBun() reads nothing before it is asked, and pauses when more comes than was asked for", async () => {
  const { socket, handlers, connection } = open();
  assertEquals(socket.calls, ["pause"]);
  const reading = connection.read();
  assertEquals(socket.calls, ["pause", "resume"]);
  handlers.data(socket, bytes("one"));
  handlers.data(socket, bytes("two"));
  assertEquals(socket.calls, ["pause", "resume", "pause"]);
  assertStrictEquals(text(await reading), "one");
  assertStrictEquals(text(await connection.read()), "two");
  assertEquals(socket.calls.length, 3);
});

test("fromBun() sends the rest of a partial write, in order, however often the socket drains", async () => {
  const { socket, handlers, connection } = open();
  socket.room = 3;
  let written = false;
  const writing = connection.write(bytes("abcdefgh")).then(() => written = true);
  handlers.drain(socket);
  socket.room = 0;
  handlers.drain(socket); // for no reason
  await connection.write(new Uint8Array(0));
  assertStrictEquals(written, false);
  socket.room = 3;
  handlers.drain(socket);
  await writing;
  handlers.drain(socket);
  assertStrictEquals(text(concat(socket.written)), "abcdefgh");
});

test("fromBun() takes a refused write for a reset, also when Bun calls it an orderly end", async () => {
  for (const end of ["end", "close"] as const) {
    const { socket, handlers, connection } = open();
    handlers.data(socket, bytes("last words"));
    socket.room = -1;
    const refused = await assertRejects(() => connection.write(bytes("x")), ConnectionError);
    assertStrictEquals(refused.code, "reset");
    handlers[end](socket);
    assertStrictEquals(text(await connection.read()), "last words");
    await assertRejects(() => connection.read(), ConnectionError, "reset");
    await assertRejects(() => connection.write(bytes("x")), ConnectionError, "reset");
  }
});

test("fromBun() takes a close without an error for the peer's end after closeWrite(), and for a reset before", async () => {
  const { socket, handlers, connection } = open();
  await connection.closeWrite();
  handlers.close(socket);
  assertStrictEquals(await connection.read(), null);
  await connection.closed;
  connection.close();
  assertEquals(socket.calls, ["pause", "shutdown"]); // what is closed is not closed again

  const other = open();
  const reading = other.connection.read();
  other.handlers.close(other.socket);
  await assertRejects(() => reading, ConnectionError, "reset");
});

test("fromBun() rejects a waiting write with the socket's error when it is closed", async () => {
  const { socket, handlers, connection } = open();
  socket.room = 0;
  const writing = connection.write(bytes("x"));
  const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  handlers.close(socket, cause);
  const error = await assertRejects(() => writing, ConnectionError, "127.0.0.1:2");
  assertEquals([error.code, error.cause], ["reset", cause]);
  const later = await assertRejects(() => connection.write(bytes("x")), ConnectionError);
  assertStrictEquals(later.cause, cause);
});
