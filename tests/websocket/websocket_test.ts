/** `fromWebSocket()` over every kind of WebSocket that the runtime has. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chat, ClosedError, type Connection, ConnectionError } from "../../mod.ts";
import { fromWebSocket, type WebSocketOptions } from "../../src/websocket/mod.ts";
import type { MakePair } from "../../src/testing/mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { checkConnection, countingBytes, readAll } from "../support/connection_checks.ts";
import { FakeWebSocket } from "../support/fake_websocket.ts";
import { CURRENT } from "../support/programs.ts";
import { withTimers } from "../support/timers.ts";
import {
  bunPair,
  NO_HALF_CLOSE,
  NO_PAUSE,
  serveBroken,
  serveDeno,
  serveWs,
  StandardWebSocket,
  type WebSocketPair,
  webSocketPair,
  WsWebSocket,
} from "../support/websockets.ts";

const ends = async (pair: Promise<WebSocketPair>): Promise<[Connection, Connection]> => {
  const { left, right } = await pair;
  return [left, right];
};
const reversed = (makePair: MakePair): MakePair => async () => {
  const [left, right] = await makePair();
  return [right, left];
};

const wsPair = (): Promise<[Connection, Connection]> => ends(webSocketPair(WsWebSocket, serveWs));
checkConnection("a WebSocket of ws, the client's,", wsPair, { skip: NO_HALF_CLOSE });
checkConnection("a WebSocket of ws, the server's,", reversed(wsPair), { skip: NO_HALF_CLOSE });

if (StandardWebSocket !== undefined) {
  const Client = StandardWebSocket;
  const standardPair = (): Promise<[Connection, Connection]> =>
    ends(webSocketPair(Client, serveWs));
  checkConnection("a standard WebSocket", standardPair, { skip: NO_HALF_CLOSE });
  // Bun's has a pause() that the standard does not know.
  const skip = { ...NO_HALF_CLOSE, ...CURRENT === "bun" ? {} : NO_PAUSE };
  checkConnection("the peer of a standard WebSocket", reversed(standardPair), { skip });
}

const own = { deno: "Deno.upgradeWebSocket", bun: "Bun.serve", node: undefined }[CURRENT];
if (own !== undefined) {
  const makePair = (): Promise<[Connection, Connection]> =>
    CURRENT === "bun" ? bunPair() : ends(webSocketPair(StandardWebSocket!, serveDeno));
  const skip = { ...NO_HALF_CLOSE, ...NO_PAUSE };
  checkConnection(`a WebSocket of ${own}`, reversed(makePair), { skip });
}

/** Each class of clients that the runtime has. */
const CLIENTS = Object.entries({ ws: WsWebSocket, standard: StandardWebSocket })
  .flatMap(([name, Client]) => Client === undefined ? [] : [{ name, Client }]);

for (const { name, Client } of CLIENTS) {
  test(`a chat over a ${name} WebSocket closes it with code 1000 when all is sent`, async () => {
    const { left, right, socket } = await webSocketPair(Client, serveWs);
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener("close", ({ code }) => resolve(code))
    );
    const client = new Chat(left, { terminator: "\n", encoding: "utf-8" });
    const server = new Chat(right, { terminator: "\n", encoding: "utf-8" });
    client.push("last words\n");
    assertStrictEquals(await server.read(), "last words");
    await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
    assertEquals(await Promise.all([client.closed, server.closed]), [undefined, undefined]);
    assertStrictEquals(await closed, 1000);
  });

  test(`fromWebSocket() of a ${name} WebSocket lets writes, and closeWrite(), wait until it is open`, async () => {
    const server = await serveWs();
    const accepted = server.accept();
    const socket = new Client(server.url);
    const connection = fromWebSocket(socket);
    assertStrictEquals(socket.readyState, 0);
    const sending = connection.write(bytes("early")).then(() => connection.closeWrite());
    assertEquals(await readAll(fromWebSocket(await accepted)), bytes("early"));
    await sending;
    await connection.closed;
    server.close();
  });

  test(`fromWebSocket() of a ${name} WebSocket that cannot connect rejects with ConnectionError`, async () => {
    const connection = fromWebSocket(new Client("ws://127.0.0.1:1/"));
    const results = [connection.read(), connection.write(bytes("x"))];
    await connection.closed;
    for (const operation of [...results.map((result) => () => result), () => connection.read()]) {
      const error = await assertRejects(operation, ConnectionError, "connect to ws://127.0.0.1:1/");
      const isTold = name === "ws" || CURRENT === "bun"; // the others do not tell why
      assertStrictEquals(error.code, isTold ? "refused" : "other");
      assert(error.cause !== undefined);
    }
    await assertRejects(() => connection.closeWrite(), ConnectionError);
  });

  test(`fromWebSocket() of a ${name} WebSocket can be closed while it connects`, async () => {
    const server = await serveWs();
    const connection = fromWebSocket(new Client(server.url));
    const writing = connection.write(bytes("x"));
    connection.close();
    await assertRejects(() => writing, ClosedError);
    await assertRejects(() => connection.read(), ClosedError);
    await connection.closed;
    server.close();
  });

  /** What the peer closes it with, and what a read says then: nothing, if that is an orderly end. */
  const CODES = [
    [undefined, ""],
    [1000, "done"],
    [1001, ""],
    [1011, "", "closed with 1011"],
    [4001, "go", 'closed with 4001: "go"'],
  ] as const;

  for (const [code, reason, said] of CODES) {
    test(`fromWebSocket() of a ${name} WebSocket that its peer closes with ${code} ${said ? "rejects" : "reads the end"}`, async () => {
      const { left, right, socket } = await webSocketPair(Client, serveWs);
      await right.write(bytes("last words"));
      (socket as { close(code?: number, reason?: string): void }).close(code, reason);
      assertEquals(await left.read(), bytes("last words"));
      if (said !== undefined) {
        const error = await assertRejects(() => left.read(), ConnectionError, said);
        assertStrictEquals(error.code, "other");
      } else {
        assertStrictEquals(await left.read(), null);
        await left.closed;
        if (code === 1000) await left.closeWrite(); // there is nothing left to end
        const error = await assertRejects(() => left.write(bytes("x")), ConnectionError);
        assertStrictEquals(error.code, "reset");
      }
      await Promise.all([left.closed, right.closed]);
    });
  }

  test(`fromWebSocket() of a ${name} WebSocket says reset when the peer is gone without a close`, async () => {
    const { left, right, socket } = await webSocketPair(Client, serveWs);
    await right.write(bytes("last words"));
    assertEquals(await left.read(), bytes("last words"));
    socket.terminate!();
    for (const operation of [() => left.read(), () => left.write(bytes("x")), () => right.read()]) {
      assertStrictEquals((await assertRejects(operation, ConnectionError)).code, "reset");
    }
    await Promise.all([left.closed, right.closed]);
  });

  test(`fromWebSocket() of a ${name} WebSocket rejects with ConnectionError when the peer breaks the rules`, async () => {
    const server = await serveBroken();
    const connection = fromWebSocket(new Client(server.url));
    const error = await assertRejects(() => connection.read(), ConnectionError);
    assertStrictEquals(error.code, "reset");
    await connection.closed;
    server.close();
  });

  test(`fromWebSocket() of a ${name} WebSocket sends text messages if told to, and reads both`, async () => {
    const { left, right, socket } = await webSocketPair(Client, serveWs, { send: "text" });
    const types = new Set<string>();
    socket.addEventListener("message", ({ data }) => types.add(typeof data));
    // Characters of three bytes, which lie across the borders of messages and of writes.
    const sent = bytes("\ufeff" + "€".repeat(50_000));
    const received = readAll(right);
    for (let at = 0; at < sent.length; at += 99_998) {
      await left.write(sent.subarray(at, at + 99_998));
    }
    await left.closeWrite();
    assertEquals(await received, sent);
    assertEquals([...types], ["string"]);
    await Promise.all([left.closed, right.closed]);
  });
}

function open(options?: WebSocketOptions): { socket: FakeWebSocket; connection: Connection } {
  const socket = new FakeWebSocket();
  return { socket, connection: fromWebSocket(socket, options) };
}

/** Lets the one timer fire that there is, and says after how long it was to. */
function fire(timers: Map<number, { call: () => void; after: number }>): number {
  assertStrictEquals(timers.size, 1);
  const [[id, { call, after }]] = [...timers] as [[number, { call: () => void; after: number }]];
  timers.delete(id);
  call();
  return after;
}

test("fromWebSocket() cuts a long write into messages of 64 KiB, which are copies", async () => {
  const { socket, connection } = open();
  const data = countingBytes(200_000);
  const expected = data.slice();
  await connection.write(data);
  data.fill(0);
  assertEquals(socket.sent.map(({ length }) => length), [65536, 65536, 65536, 3392]);
  assertEquals(concat(socket.sent as Uint8Array[]), expected);
  const small = Uint8Array.of(1);
  await connection.write(small);
  small.fill(0);
  assertEquals(socket.sent.at(-1), Uint8Array.of(1));
});

test("fromWebSocket() lets a write wait while 256 KiB wait to be sent, and looks less and less often if nothing is", async () => {
  await withTimers(async (timers) => {
    const { socket, connection } = open();
    socket.isBlocked = true;
    let written = false;
    const writing = connection.write(new Uint8Array(400 * 1024)).then(() => written = true);
    await Promise.resolve();
    const look = (): number => fire(timers);
    assertStrictEquals(socket.bufferedAmount, 320 * 1024);
    assertEquals(Array.from({ length: 9 }, look), [2, 4, 8, 16, 32, 64, 64, 64, 64]);
    socket.bufferedAmount -= 1; // on it goes
    assertEquals(Array.from({ length: 3 }, look), [64, 1, 2]);
    assert(!written);
    socket.bufferedAmount = 256 * 1024;
    look();
    socket.bufferedAmount = 0;
    await writing;
    assertStrictEquals(socket.sent.length, 7);
    assertStrictEquals(timers.size, 0);
  });
});

test("fromWebSocket() leaves no timer and no listener when it is closed, or the peer closes, while a write waits", async () => {
  await withTimers(async (timers) => {
    for (const end of ["close", "peer", "look"]) {
      const { socket, connection } = open();
      socket.isBlocked = true;
      const writing = connection.write(new Uint8Array(400 * 1024));
      await Promise.resolve();
      assertStrictEquals(timers.size, 1);
      if (end === "close") {
        connection.close();
        await assertRejects(() => writing, ClosedError);
        assertEquals([...timers.values()].map(({ after }) => after), [2_000]); // for the answer
      } else if (end === "look") {
        socket.readyState = 2; // the peer has begun to close
        fire(timers);
        await assertRejects(() => writing, ConnectionError, "closed, or reset");
      }
      socket.emitClose(1005);
      if (end === "peer") await assertRejects(() => writing, ConnectionError, "closed");
      await connection.closed;
      assertStrictEquals(timers.size, 0);
      await Promise.resolve();
      assertStrictEquals(socket.listeners, 0);
    }
  });
});

test("fromWebSocket() does not wait for ever for a peer that does not answer the close", async () => {
  await withTimers(async (timers) => {
    const { socket, connection } = open();
    connection.close();
    assertEquals(socket.calls, ["resume", "close"]);
    assertStrictEquals(fire(timers), 2_000);
    await connection.closed;
    assertEquals(socket.calls, ["resume", "close", "terminate"]);
    await Promise.resolve();
    assertStrictEquals(socket.listeners, 0);
  });
});

test("fromWebSocket() holds back a socket that has a pause() while nobody reads", async () => {
  const { socket, connection } = open();
  socket.emitMessage(Uint8Array.of(1).buffer);
  assertEquals(socket.calls, ["pause"]);
  assertEquals(await connection.read(), Uint8Array.of(1));
  const reading = connection.read();
  assertEquals(socket.calls, ["pause", "resume"]);
  socket.emitMessage("é");
  assertStrictEquals(text(await reading), "é");
});

test("fromWebSocket() is closed with an error when a message comes while more than maxBufferedBytes wait to be read", async () => {
  const { socket, connection } = open({ maxBufferedBytes: 10 });
  socket.emitMessage(new ArrayBuffer(1_000)); // a message may be of any length
  socket.emitMessage(new ArrayBuffer(0));
  assertEquals(socket.calls, ["pause", "resume", "close"]);
  socket.emitMessage(new ArrayBuffer(5));
  assertStrictEquals((await connection.read())!.length, 1_000);
  for (const operation of [() => connection.read(), () => connection.write(bytes("x"))]) {
    const error = await assertRejects(
      operation,
      ConnectionError,
      "1000 received bytes wait to be read, more than the maxBufferedBytes of 10",
    );
    assertStrictEquals(error.code, "exhausted");
  }
  socket.emitClose(1005);
  await connection.closed;

  const other = open({ maxBufferedBytes: 10 });
  for (let i = 0; i < 100; i++) {
    const reading = other.connection.read();
    other.socket.emitMessage(new ArrayBuffer(11)); // is asked for
    assertStrictEquals((await reading)!.length, 11);
  }
  other.socket.emitMessage(new ArrayBuffer(10));
  other.socket.emitMessage(new ArrayBuffer(1));
  assert(!other.socket.calls.includes("close"));
});

test('fromWebSocket() rejects what is no UTF-8 with TypeError when it sends "text"', async () => {
  const { socket, connection } = open({ send: "text" });
  await connection.write(bytes("€").subarray(0, 2));
  assertEquals(socket.sent, []);
  const reading = connection.read();
  await assertRejects(() => connection.closeWrite(), TypeError, "UTF-8");
  await assertRejects(() => reading, TypeError, "UTF-8"); // a chat that reads is told, too
  await assertRejects(() => connection.closeWrite(), TypeError, "UTF-8");
  assertEquals(socket.calls, ["resume", "resume", "close"]);
  socket.emitClose(1005);
  await connection.closed;

  const other = open({ send: "text" });
  await other.connection.write(Uint8Array.of(0xe2, 0x82));
  await other.connection.write(Uint8Array.of(0xac, 0x61));
  assertEquals(other.socket.sent, ["€a"]);
  await assertRejects(() => other.connection.write(Uint8Array.of(0xff)), TypeError, '"binary"');
  await assertRejects(() => other.connection.read(), TypeError, '"binary"');
  assertEquals(other.socket.calls, ["resume", "close"]);
  other.socket.emitClose(1005);
});

test("fromWebSocket() reports what send() throws, and messages that it cannot take, as ConnectionError", async () => {
  const { socket, connection } = open();
  const cause = new Error("no more");
  socket.send = () => {
    throw cause;
  };
  const error = await assertRejects(() => connection.write(bytes("x")), ConnectionError, "no more");
  assertStrictEquals(error.cause, cause);
  await assertRejects(() => connection.read(), ConnectionError, "no more");
  socket.emitClose(1005);

  const other = open();
  other.socket.emitMessage(new Blob(["x"]));
  await assertRejects(() => other.connection.read(), ConnectionError, "Blob");
  assert(other.socket.calls.includes("close"));
  other.socket.emitClose(1005);
});

test("fromWebSocket() of a socket that fails to open, or is closed already, rejects, and is closed", async () => {
  const opening = new FakeWebSocket();
  opening.readyState = 0;
  const connection = fromWebSocket(opening);
  const writing = connection.write(bytes("x"));
  const cause = new Error("no way");
  opening.emitError(cause);
  assertStrictEquals((await assertRejects(() => writing, ConnectionError)).cause, cause);
  await connection.closed;

  const over = new FakeWebSocket();
  over.readyState = 3;
  const other = fromWebSocket(over);
  await other.closed;
  for (const operation of [() => other.read(), () => other.write(bytes("x"))]) {
    await assertRejects(operation, ConnectionError);
  }
});

test("fromWebSocket() says what it cannot connect to when the runtime does not say why", async () => {
  // Browsers give no error, and Node 24 one that says nothing.
  for (const told of [undefined, new TypeError("")]) {
    const socket = new FakeWebSocket();
    socket.readyState = 0;
    const connection = fromWebSocket(Object.assign(socket, { url: "ws://127.0.0.1:1/" }));
    socket.emitError(told);
    const error = await assertRejects(() => connection.read(), ConnectionError);
    assertEquals(
      error.message,
      "cannot connect to ws://127.0.0.1:1/: the runtime does not say why",
    );
    assertEquals([error.code, error.cause], ["other", told]);
  }
});

test("fromWebSocket() refuses what is no WebSocket, and options that are none, by name", () => {
  const socket = new FakeWebSocket();
  assertThrows(() => fromWebSocket({ send() {} } as never), TypeError, "fromBunWebSocket()");
  assertThrows(() => fromWebSocket(undefined as never), TypeError, "not undefined");
  assertThrows(() => fromWebSocket(socket, { send: "utf8" as never }), TypeError, '"utf8"');
  assertThrows(() => fromWebSocket(socket, { maxBufferedBytes: -1 }), RangeError, "not -1");
  assertStrictEquals(socket.listeners, 0);
});
