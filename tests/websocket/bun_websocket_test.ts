/** What `fromBunWebSocket()` makes of a socket's events; over real sockets it is in websocket_test.ts. */
import { test } from "node:test";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { type Connection, ConnectionError } from "../../mod.ts";
import {
  type BunServerWebSocketLike,
  type BunWebSocketHandlers,
  fromBunWebSocket,
  type WebSocketOptions,
} from "../../src/websocket/mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { withTimers } from "../support/timers.ts";

/** A socket that holds what it is told to. */
class FakeSocket implements BunServerWebSocketLike {
  readyState = 1;
  buffered = 0;
  /** What it says to a message. */
  result = -1;
  readonly sent: (string | Uint8Array)[] = [];
  readonly calls: string[] = [];

  send(data: string | ArrayBuffer): number {
    this.sent.push(typeof data === "string" ? data : new Uint8Array(data));
    return this.result;
  }
  getBufferedAmount(): number {
    return this.buffered;
  }
  close(code?: number): void {
    this.calls.push(`close ${code}`);
  }
  terminate(): void {
    this.calls.push("terminate");
  }
}

function open(
  options?: WebSocketOptions,
): { socket: FakeSocket; handlers: BunWebSocketHandlers; connection: Connection } {
  let connection: Connection | undefined;
  const handlers = fromBunWebSocket((opened) => connection = opened, options);
  const socket = new FakeSocket();
  handlers.open(socket);
  return { socket, handlers, connection: connection! };
}

test("fromBunWebSocket() reads messages of both kinds, and the end", async () => {
  const { socket, handlers, connection } = open();
  handlers.message(socket, bytes("bytes"));
  handlers.message(socket, "téxt");
  handlers.close(socket, 1000, "");
  assertStrictEquals(text(await connection.read()), "bytes");
  assertStrictEquals(text(await connection.read()), "téxt");
  assertStrictEquals(await connection.read(), null);
  await connection.closed;
});

test("fromBunWebSocket() goes on writing when the socket drains, without waiting for a timer", async () => {
  await withTimers(async (timers) => {
    const { socket, handlers, connection } = open();
    socket.buffered = 1_000_000;
    let written = false;
    const writing = connection.write(new Uint8Array(100_000)).then(() => written = true);
    await Promise.resolve();
    handlers.drain(socket); // not enough yet
    assertStrictEquals(written, false);
    socket.buffered = 0;
    handlers.drain(socket);
    await writing;
    assertStrictEquals(concat(socket.sent as Uint8Array[]).length, 100_000);
    assertStrictEquals(timers.size, 0);
  });
});

test("fromBunWebSocket() takes a message that Bun drops for a failure", async () => {
  const { socket, handlers, connection } = open();
  socket.result = 0;
  for (const operation of [() => connection.write(bytes("x")), () => connection.read()]) {
    const error = await assertRejects(operation, ConnectionError, "dropped a message");
    assertMatch(error.hint!, /backpressureLimit/);
  }
  assertEquals(socket.calls, ["close undefined"]);
  handlers.close(socket, 1005, "");
});

test("fromBunWebSocket() closes with code 1000 after closeWrite(), and without one after close()", async () => {
  const { socket, handlers, connection } = open();
  await connection.closeWrite();
  connection.close();
  handlers.close(socket, 1000, "");
  await connection.closed;
  assertEquals(socket.calls, ["close 1000", "close undefined"]);
});

test("fromBunWebSocket() refuses options that are none when it is called", () => {
  const never = (): void => {};
  assertThrows(() => fromBunWebSocket(never, { send: 1 as never }), TypeError, "not 1");
  assertThrows(() => fromBunWebSocket(never, { maxBufferedBytes: 0.5 }), RangeError, "not 0.5");
});
