import { open } from "node:fs/promises";
import { test } from "node:test";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  ClosedError,
  type Connection,
  ConnectionError,
  fromStreams,
  memoryPair,
  tap,
} from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { asSocket } from "../support/as_transport.ts";
import { bytes, text } from "../support/bytes.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { Folder } from "../support/folder.ts";
import { tcpPair } from "../support/tcp_pair.ts";
import { nextTurn } from "../support/turn.ts";

async function makePair(): Promise<[Connection, Connection]> {
  const [left, right] = await tcpPair();
  return [fromStreams(asSocket(left)), fromStreams(asSocket(right))];
}

checkConnection("fromStreams() of a socket that has streams", makePair);

checkConnection("fromStreams() of a readable and a writable", () => {
  const [left, right] = memoryPair().map(asSocket).map(({ readable, writable }) =>
    fromStreams({ readable, writable })
  );
  return [left!, right!];
});

/** A readable that gives these pieces, and then does as it is told. */
function readableOf(pieces: readonly unknown[], end: "close" | "wait" | Error): {
  readonly readable: ReadableStream<Uint8Array>;
  readonly cancels: unknown[];
  readonly asked: () => number;
} {
  const cancels: unknown[] = [];
  let at = 0;
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[at++];
      if (piece !== undefined) controller.enqueue(piece as Uint8Array);
      else if (end === "close") controller.close();
      else if (end !== "wait") controller.error(end);
    },
    cancel: (reason) => void cancels.push(reason),
  }, { highWaterMark: 0 });
  return { readable, cancels, asked: () => at };
}

test("fromStreams() has both streams locked until it is over, however that comes", async () => {
  const broken = new Error("it broke");
  const ends: readonly [end: "close" | "wait" | Error, over: (connection: Connection) => void][] = [
    ["wait", (connection) => connection.close()],
    ["close", (connection) => void Promise.all([connection.read(), connection.closeWrite()])],
    [broken, (connection) => {
      connection.read().catch(() => {});
      connection.closeWrite();
    }],
  ];
  for (const [end, over] of ends) {
    const { readable } = readableOf([], end);
    const writable = new WritableStream<Uint8Array>();
    const connection = fromStreams({ readable, writable });
    assertEquals([readable.locked, writable.locked], [true, true]);
    over(connection);
    await connection.closed;
    assertEquals([readable.locked, writable.locked], [false, false]);
  }
});

test("fromStreams() calls the transport's own close() once, and is closed when the transport is", async () => {
  for (const settle of ["resolve", "reject"] as const) {
    for (const end of ["close", "both directions end"]) {
      const gone = new Deferred();
      let closes = 0;
      let isClosed = false;
      const { readable } = readableOf([], "close");
      const connection = fromStreams(
        {
          readable,
          closed: gone.promise,
          close() {
            closes++;
            assertStrictEquals(this.readable, readable);
            throw new Error("closed already");
          },
        } as Parameters<typeof fromStreams>[0],
      );
      connection.closed.then(() => isClosed = true);
      if (end === "close") connection.close();
      else assertStrictEquals(await connection.read(), null);
      connection.close();
      await Promise.resolve();
      assertEquals([closes, isClosed], [1, false]);
      gone[settle](new Error("the network was lost") as never);
      await connection.closed;
    }
  }
});

test("fromStreams() tells a chat that does not read that the transport is gone", async () => {
  const gone = new Deferred();
  const { readable } = readableOf([], new Error("the network was lost"));
  const chat = new Chat(fromStreams({ readable, closed: gone.promise }), { terminator: "\n" });
  gone.reject(new Error("the network was lost"));
  const error = await chat.closed;
  assertStrictEquals((error as ConnectionError).code, "other");
  assertStrictEquals(error!.message, "cannot read from the readable: the network was lost");
});

test("fromStreams() without a writable is closed by closeWhenDone() at once, and not read out", async () => {
  let pulls = 0;
  const reasons: unknown[] = [];
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(bytes("and so on\n"));
    },
    cancel: (reason) => void reasons.push(reason),
  }, { highWaterMark: 0 });
  const chat = new Chat(fromStreams({ readable }), { terminator: "\n", encoding: "utf-8" });
  assertStrictEquals(await chat.read(), "and so on");
  await chat.closeWhenDone();
  assertEquals([pulls, reasons.length, await chat.closed], [1, 1, undefined]);

  const { body } = new Response(null, { status: 204 });
  const empty = fromStreams({ readable: body });
  assertStrictEquals(await empty.read(), null);
  await empty.closed;
});

test("fromStreams() without a readable reads the end, and writes", async () => {
  let all = "";
  const connection = fromStreams({
    writable: new WritableStream<Uint8Array>({ write: (chunk) => void (all += text(chunk)) }),
  });
  assertStrictEquals(await connection.read(), null);
  await connection.write(bytes("one"));
  await connection.closeWrite();
  await connection.closed;
  assertStrictEquals(all, "one");
});

test("a chat tells in every way that the writable could not be ended", async () => {
  const writable = new WritableStream<Uint8Array>({
    close: () => Promise.reject(new Error("the disk is full")),
  });
  const chat = new Chat(fromStreams({ writable }), { terminator: "\n" });
  chat.push("all is written\n");
  await assertRejects(() => chat.closeWhenDone(), ConnectionError, "the disk is full");
  assertStringIncludes(String(await chat.closed), "the disk is full");
});

test("fromStreams() keeps no large buffer for the few bytes of a chunk", async () => {
  const chunk = new Uint8Array(65_536).subarray(0, 10);
  const connection = fromStreams({ readable: readableOf([chunk], "close").readable });
  const read = await connection.read();
  assertEquals([read!.length, read!.buffer.byteLength], [10, 10]);
  connection.close();
});

test("fromStreams() refuses what has no streams, and streams that somebody else has, and locks nothing", () => {
  const { readable } = readableOf([], "wait");
  const writable = new WritableStream<Uint8Array>();
  const refuse = (streams: unknown, message: string): void => {
    assertThrows(() => fromStreams(streams as { readable: null }), TypeError, message);
  };
  refuse(undefined, "{ readable: response.body }, and found neither in: undefined");
  refuse({}, "found neither in: Object");
  refuse(readable, "found neither in: ReadableStream");
  refuse({ readable: writable }, "readable must be a ReadableStream, not WritableStream");
  refuse({ readable, writable: "out" }, "writable must be a WritableStream, not string");
  writable.getWriter();
  refuse({ readable, writable }, "writable is locked");
  assertStrictEquals(readable.locked, false);
  readable.getReader();
  refuse({ readable }, "readable is locked");
});

test("fromStreams() unlocks both streams when its chat is detached, and locks each again when it is used", async () => {
  const [left, right] = memoryPair();
  const { readable, writable } = asSocket(left);
  const chat = new Chat(tap(fromStreams({ readable, writable }), () => {}), { terminator: "\n" });
  const locks = (): boolean[] => [readable.locked, writable.locked];
  await right.write(bytes("220 ready\nmore"));
  await chat.send("STARTTLS");
  await chat.flush();
  assertEquals(text(await chat.read()), "220 ready");
  assertEquals(locks(), [true, true]);

  const { connection, unread } = chat.detach();
  assertEquals(text(unread), "more");
  assertEquals(locks(), [false, false]);

  // Somebody else has them for a while.
  const reader = readable.getReader();
  await right.write(bytes("theirs"));
  assertEquals(text((await reader.read()).value), "theirs");
  reader.releaseLock();

  await connection.write(bytes("mine"));
  assertEquals(locks(), [false, true]);
  assertEquals(text(await right.read()), "STARTTLS\n");
  assertEquals(text(await right.read()), "mine");
  await right.write(bytes("yours"));
  assertEquals(text(await connection.read()), "yours");
  assertEquals(locks(), [true, true]);
  connection.close();
  await left.closed;
  assertEquals(locks(), [false, false]);
});

test("fromStreams() keeps the readable locked when its chat is detached while a read waits, and loses nothing", async () => {
  const [left, right] = memoryPair();
  const { readable, writable } = asSocket(left);
  const chat = new Chat(fromStreams({ readable, writable }), { terminator: "\n" });
  const read = chat.read();
  const { connection } = chat.detach();
  await assertRejects(() => read, ClosedError);
  assertEquals([readable.locked, writable.locked], [true, false]);
  await right.write(bytes("for the next"));
  assertEquals(text(await connection.read()), "for the next");
  connection.close();
});

test("fromStreams() rejects after detach() when somebody else has the streams, and leaves them alone", async () => {
  const [left, right] = memoryPair();
  const { readable, writable } = asSocket(left);
  const make = (): Connection => {
    const chat = new Chat(fromStreams({ readable, writable }), { terminator: "\n" });
    return chat.detach().connection;
  };
  const [first, second] = [make(), make()];
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  await assertRejects(() => first.read(), ConnectionError, "cannot read from the readable");
  await assertRejects(
    () => first.write(bytes("x")),
    ConnectionError,
    "cannot write to the writable",
  );
  second.close();
  await second.closed;
  await writer.write(bytes("still"));
  assertEquals(text(await right.read()), "still");
  await right.write(bytes("here"));
  assertEquals(text((await reader.read()).value), "here");
  left.close();
});

test("fromStreams() of a transport that could not be opened rejects, though its readable just ends", async () => {
  const cause = new Error("cannot connect to the specified address");
  const readable = readableOf([], "close").readable;
  const connection = fromStreams({ readable, opened: Promise.reject(cause) });
  const error = await assertRejects(() => connection.read(), ConnectionError, cause.message);
  assertStrictEquals(error.cause, cause);
  await assertRejects(() => connection.read(), ConnectionError, cause.message);

  const opened = fromStreams({
    readable: readableOf([], "close").readable,
    opened: Promise.resolve(),
  });
  assertStrictEquals(await opened.read(), null);
});

test("fromStreams() does not report that its transport could not be opened as unhandled", async () => {
  const { readable } = readableOf([], "wait");
  const connection = fromStreams({ readable, opened: Promise.reject(new Error("nobody asks")) });
  await nextTurn();
  connection.close();
});

test("fromStreams() reads a file's readableWebStream(), whose chunks are ArrayBuffers on Node 20", async () => {
  using folder = new Folder();
  const file = await open(folder.write("lines", "one\ntwo\n"));
  const readable = file.readableWebStream() as ReadableStream<Uint8Array>;
  const chat = new Chat(fromStreams({ readable }), { terminator: "\n", encoding: "utf-8" });
  const found: string[] = [];
  for await (const line of chat) found.push(line);
  assertEquals(found, ["one", "two"]);
  await file.close();
});
