import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
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
  lines,
  memoryPair,
  UnsupportedError,
} from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { asSocket } from "../support/as_transport.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { checkConnection, countingBytes, readAll } from "../support/connection_checks.ts";
import { tcpPair } from "../support/tcp_pair.ts";

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

test("fromStreams() asks the readable for a chunk when it is read, and not before", async () => {
  const { readable, asked } = readableOf([bytes("one"), bytes(""), bytes("two")], "close");
  const connection = fromStreams({ readable });
  await connection.closeWrite();
  assertStrictEquals(asked(), 0);
  assertEquals(await connection.read(), bytes("one"));
  assertStrictEquals(asked(), 1);
  assertEquals(await connection.read(), bytes("two"));
  assertStrictEquals(asked(), 3); // an empty chunk is none
  assertStrictEquals(await connection.read(), null);
  await connection.closed;
  assertStrictEquals(readable.locked, false);
});

test("fromStreams() has written when the sink has taken all, in pieces that the sink may keep", async () => {
  const taken: Uint8Array[] = [];
  let room = new Deferred();
  const asked = [new Deferred(), new Deferred()];
  const writable = new WritableStream<Uint8Array>({
    write(chunk) {
      asked[taken.push(chunk) - 1]?.resolve();
      return room.promise;
    },
  });
  const connection = fromStreams({ writable });
  const data = countingBytes(100_000);
  const expected = data.slice();
  let done = false;
  const writing = connection.write(data).then(() => done = true);

  await asked[0]!.promise;
  assertEquals(taken.length, 1);
  room.resolve();
  room = new Deferred();
  await asked[1]!.promise;
  assertStrictEquals(done, false);
  room.resolve();
  await writing;

  data.fill(0);
  await connection.closeWrite();
  assertEquals(taken.map((piece) => piece.length), [65_536, 34_464]);
  assertEquals(concat(taken), expected);
  await connection.closed;
  assertStrictEquals(writable.locked, false);
});

test("fromStreams() cancels the readable and aborts the writable with the reason of close(), and lets both go", async () => {
  const { readable, cancels } = readableOf([], "wait");
  const aborts: unknown[] = [];
  const writable = new WritableStream<Uint8Array>({ abort: (reason) => void aborts.push(reason) });
  const connection = fromStreams({ readable, writable });
  assertEquals([readable.locked, writable.locked], [true, true]);

  const reading = connection.read();
  const reason = new Error("enough");
  connection.close(reason);
  connection.close(new Error("again"));
  assertStrictEquals((await assertRejects(() => reading, ClosedError)).cause, reason);
  await connection.closed;
  assertEquals([readable.locked, writable.locked], [false, false]);
  assertEquals([cancels, aborts], [[reason], [reason]]);

  const neverAnswers = new WritableStream({ write: () => new Promise(() => {}) });
  const stuck = fromStreams({ writable: neverAnswers });
  const writing = stuck.write(bytes("into the void"));
  stuck.close();
  await assertRejects(() => writing, ClosedError);
  await stuck.closed;
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

test("fromStreams() without a writable reads, refuses to write, and is closed at the end", async () => {
  const connection = fromStreams({ readable: readableOf([bytes("x")], "close").readable });
  await assertRejects(() => connection.write(bytes("y")), UnsupportedError, "no writing side");
  await connection.write(bytes(""));
  await connection.closeWrite();
  assertEquals(await readAll(connection), bytes("x"));
  await connection.closed;

  const { body } = new Response(null, { status: 204 });
  const empty = fromStreams({ readable: body });
  assertStrictEquals(await empty.read(), null);
  await empty.closed;
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

test("fromStreams() refuses chunks that are no bytes, and cancels the readable", async () => {
  for (const piece of ["text", 1, new ArrayBuffer(1)]) {
    const { readable, cancels } = readableOf([bytes("x"), piece], "wait");
    const connection = fromStreams({ readable });
    assertEquals(await connection.read(), bytes("x"));
    const name = typeof piece === "object" ? "ArrayBuffer" : typeof piece;
    const refused = await assertRejects(() => connection.read(), TypeError, name);
    assertStrictEquals(await connection.read().catch((error) => error), refused);
    assertEquals(cancels, [refused]);
    assertStrictEquals(readable.locked, false);
    await connection.closed;
  }
});

test("fromStreams() reports what a stream fails with as ConnectionError, again and again, with its cause", async () => {
  const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const known = new ConnectionError("timeout", "cannot read from the radio: no answer");
  for (const failure of [cause, known]) {
    const writable = new WritableStream<Uint8Array>({ write: () => Promise.reject(failure) });
    const { readable } = readableOf([bytes("x")], failure);
    const connection = fromStreams({ readable, writable });
    assertEquals(await connection.read(), bytes("x"));
    const fail = [
      () => connection.read(),
      () => connection.write(bytes("y")),
      () => connection.closeWrite(),
      () => connection.write(bytes("y")),
      () => connection.read(),
    ];
    for (const operation of fail) {
      const error = await assertRejects(operation, ConnectionError);
      // One that says more than another around it is passed on as it is.
      if (failure === known) assertStrictEquals(error, known);
      else assertEquals([error.code, error.cause], ["reset", cause]);
    }
    await connection.closed;
    assertEquals([readable.locked, writable.locked], [false, false]);
  }
});

test("fromStreams() keeps no large buffer for the few bytes of a chunk", async () => {
  const chunk = new Uint8Array(65_536).subarray(0, 10);
  const connection = fromStreams({ readable: readableOf([chunk], "close").readable });
  const read = await connection.read();
  assertEquals([read!.length, read!.buffer.byteLength], [10, 10]);
  connection.close();
});

test("fromStreams() reports that the writable could not be ended, and so does a chat, in every way", async () => {
  const writable = (): WritableStream<Uint8Array> =>
    new WritableStream({ close: () => Promise.reject(new Error("the disk is full")) });
  const streams = { writable: writable() };
  const connection = fromStreams(streams);
  await assertRejects(() => connection.closeWrite(), ConnectionError, "the disk is full");
  await connection.closed;
  assertStrictEquals(streams.writable.locked, false);

  const chat = new Chat(fromStreams({ writable: writable() }), { terminator: "\n" });
  chat.push("all is written\n");
  await assertRejects(() => chat.closeWhenDone(), ConnectionError, "the disk is full");
  assertStringIncludes(String(await chat.closed), "the disk is full");
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

test("a chat goes through CompressionStream and DecompressionStream, and the answer comes back", async () => {
  const [left, right] = await tcpPair();
  const squeeze = (connection: Connection): Connection => {
    const { readable, writable } = asSocket(connection);
    const packed = new CompressionStream("gzip");
    packed.readable.pipeTo(writable).catch(() => {});
    return fromStreams({
      readable: readable.pipeThrough(
        new DecompressionStream("gzip") as unknown as TransformStream<Uint8Array, Uint8Array>,
      ),
      writable: packed.writable,
    });
  };
  const client = new Chat(squeeze(left), { terminator: lines(), encoding: "utf-8" });
  const server = new Chat(squeeze(right), { terminator: lines(), encoding: "utf-8" });

  const question = Array.from({ length: 2_000 }, (_, i) => `number ${i}\n`);
  const asking = client.push(question.join("")).then(() => client.closeWrite());
  let count = 0;
  for await (const line of server) assertStrictEquals(line, `number ${count++}`);
  await asking;
  await server.send(`${count} lines`);
  await Promise.all([server.closeWrite(), server.closed]);
  assertStrictEquals(await client.read(), "2000 lines");
  assertStrictEquals(await client.read(), null);
  assertEquals(await client.closed, undefined);
});

test("a chat reads the body of a fetch(), and lets the server know when it is closed", async () => {
  const gone = new Deferred();
  const server = createServer((_request, response) => {
    response.on("close", () => gone.resolve());
    response.write("data: zwölf\n\ndata: one\n\nand so on");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const chat = new Chat(fromStreams({ readable: response.body }), {
    terminator: "\n\n",
    encoding: "utf-8",
  });
  assertEquals([await chat.read(), await chat.read()], ["data: zwölf", "data: one"]);
  chat.close();
  await gone.promise;
  server.close();
});
