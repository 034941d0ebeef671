/** `fromNode()`, which takes the streams of `node:net` and `node:stream` on every runtime that has them. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ClosedError, type Connection, ConnectionError, fromNode } from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { checkConnection, readAll } from "../support/connection_checks.ts";
import { CURRENT } from "../support/programs.ts";
import { nextTurn } from "../support/turn.ts";

/** Of Deno's own `node:net`, without this library, too; `connect()` and `listen()` use Deno's sockets there. */
const DENO_FAULTS = {
  "goes on writing after the peer has ended its direction":
    "Deno's node:net breaks a large write off with EPIPE when the peer has ended its direction",
};

async function makePair(): Promise<[Connection, Connection]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  const [[other]] = await Promise.all([accepted, once(socket, "connect")]);
  server.close();
  return [fromNode(socket), fromNode(other)];
}

checkConnection("fromNode() of a net.Socket", makePair, {
  skip: CURRENT === "deno" ? DENO_FAULTS : {},
});

test("fromNode() carries bytes through any Duplex, and hands it a copy, so that the buffer can be reused", async () => {
  const connection = fromNode(new PassThrough());
  const buffer = Buffer.alloc(3);
  for (const value of [1, 2, 3]) await connection.write(buffer.fill(value));
  await connection.closeWrite();
  assertEquals(await readAll(connection), Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3));
  await connection.closed;
  assertStrictEquals(connection.remoteAddress, undefined);
});

test("fromNode() reports what broke the stream as ConnectionError, again and again, with its cause", async () => {
  const stream = new Duplex({ read() {}, write() {} });
  const connection = fromNode(stream);
  const reading = connection.read();
  const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  stream.destroy(cause);
  const ask = [() => reading, () => connection.read(), () => connection.write(bytes("x"))];
  for (const operation of ask) {
    const error = await assertRejects(operation, ConnectionError);
    assertEquals([error.code, error.cause], ["reset", cause]);
  }
  await connection.closed;
});

test("fromNode() says in a word what the system's code means, and in a sentence", async () => {
  const said = {
    ETIMEDOUT: ["timeout", "the peer did not answer in time"],
    EHOSTUNREACH: ["unreachable", "no way leads there"],
    ECONNABORTED: ["reset", "the connection was reset by the peer"],
    EPIPE: ["reset", "the connection was reset by the peer"],
    EINVAL: ["other", "the system's own words"],
  };
  for (const [system, [code, words]] of Object.entries(said)) {
    const stream = new Duplex({ read() {}, write() {} });
    const connection = fromNode(stream);
    stream.destroy(Object.assign(new Error("the system's own words"), { code: system }));
    const error = await assertRejects(() => connection.read(), ConnectionError, words);
    assertStrictEquals(error.code, code);
  }
});

test("fromNode() knows the addresses of a socket that was connected later", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  const connection = fromNode(socket);
  await once(socket, "connect");
  assertEquals(connection.remoteAddress, { transport: "tcp", hostname: "127.0.0.1", port });
  connection.close();
  await connection.closed;
  assertEquals(connection.remoteAddress, { transport: "tcp", hostname: "127.0.0.1", port });
  server.close();
});

test("fromNode() is closed when its stream is, also one that emits no close or does not destroy itself", async () => {
  for (const options of [{ emitClose: false }, { autoDestroy: false }]) {
    const make = (): Duplex =>
      new Duplex({ ...options, read() {}, write: (_chunk, _encoding, done) => done() });
    const closed = fromNode(make());
    closed.close();
    await closed.closed;

    const failed = make();
    const failing = fromNode(failed);
    failed.destroy(new Error("the cable was cut"));
    await failing.closed;

    const ended = make();
    const ending = fromNode(ended);
    ended.push(null);
    assertStrictEquals(await ending.read(), null);
    await ending.closeWrite();
    await ending.closed;
  }
});

for (const breaks of ["emit", "destroy"] as const) {
  test(`fromNode() hands out, once, what the stream had buffered before its error (${breaks})`, async () => {
    const stream = new Duplex({ read() {}, write() {} });
    const connection = fromNode(stream);
    for (const chunk of ["one", "two", "three"]) stream.push(chunk);
    assertEquals(await connection.read(), bytes("one"));
    stream.push("four");
    const cause = new Error("the cable was cut");
    if (breaks === "emit") stream.emit("error", cause);
    else stream.destroy(cause);
    let rest = "";
    const readOn = async (): Promise<void> => {
      for (;;) rest += text((await connection.read())!);
    };
    const error = await assertRejects(readOn, ConnectionError, "the cable was cut");
    assertEquals([rest, error.code], ["twothreefour", "other"]);
  });
}

test("fromNode() refuses a stream that decodes text or carries objects", () => {
  assertThrows(() => fromNode(new PassThrough().setEncoding("utf8")), TypeError, "utf8");
  assertThrows(() => fromNode(new PassThrough({ objectMode: true })), TypeError, "objects");
});

test("fromNode() refuses a stream that has a connection already, and leaves that one as it is", async () => {
  const stream = new PassThrough();
  const connection = fromNode(stream);
  assertThrows(() => fromNode(stream), TypeError, "has a connection already");
  await connection.write(bytes("still"));
  assertEquals(text((await connection.read())!), "still");
  connection.close();
  assertThrows(() => fromNode(stream), TypeError, "has a connection already");
});

test("fromNode() of a stream that is gone reads the end, or rejects", async () => {
  const ended = new Duplex({ read() {}, write() {}, autoDestroy: false });
  ended.push(null);
  await once(ended.resume(), "end");
  const connection = fromNode(ended);
  assertStrictEquals(await connection.read(), null);
  connection.close();

  const destroyed = new PassThrough();
  await once(destroyed.destroy(), "close");
  const other = fromNode(destroyed);
  await other.closed;
  await assertRejects(() => other.read(), ConnectionError, "closed, or reset");
});

test("fromNode() asks the stream for nothing before it is read", async () => {
  let asked = 0;
  const stream = new Duplex({
    read: () => void asked++,
    write: (_chunk, _encoding, done) => done(),
  });
  const connection = fromNode(stream);
  await connection.write(bytes("time passes"));
  assertStrictEquals(asked, 0);
  const reading = connection.read();
  stream.push("now");
  assertEquals(await reading, bytes("now"));
  assert(asked > 0);
  connection.close();
});

test("fromNode() rejects a closeWrite() that the stream refuses, or that is interrupted", async () => {
  const refusing = fromNode(
    new Duplex({ read() {}, write() {}, final: (done) => done(new Error("no end")) }),
  );
  await assertRejects(() => refusing.closeWrite(), ConnectionError, "no end");

  const hanging = fromNode(new Duplex({ read() {}, write() {}, final() {} }));
  const ending = hanging.closeWrite();
  hanging.close(new Error("enough"));
  await assertRejects(() => ending, ClosedError);
});

test("fromNode() closes a stream that was ended before, also one that does not destroy itself", async () => {
  for (const autoDestroy of [true, false]) {
    const stream = new Duplex({
      autoDestroy,
      read() {},
      write: (_chunk, _encoding, done) => done(),
    });
    stream.end("bye");
    await nextTurn();
    const connection = fromNode(stream);
    await connection.closeWrite();
    stream.push(null);
    assertStrictEquals(await connection.read(), null);
    await connection.closed;
    assert(stream.destroyed);
  }
});

test("fromNode() says reset when it writes to a stream that was destroyed or ended", async () => {
  for (const end of ["destroy", "end"] as const) {
    const stream = new PassThrough();
    const connection = fromNode(stream);
    stream[end]();
    const error = await assertRejects(() => connection.write(bytes("x")), ConnectionError);
    assertStrictEquals(error.code, "reset", end);
  }
});
