/** A connection that is handed on by `detach()`, and what `discardBuffers()` drops. */
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  ConnectionError,
  FrameTooLongError,
  type Producer,
  TimeoutError,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { chatPair, scripted, testWithChaos, ticks } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { nextTurn } from "../support/turn.ts";

const BROKEN = new ConnectionError("reset", "it broke");

test("Chat.detach() hands the connection on, with what was not handed out, and closes nothing", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("GET /\nrest of it"));
  assertStrictEquals(await chat.read(), "GET /");
  chat.push("101\n");
  await chat.flush();
  const { connection, unread } = chat.detach();
  assertStrictEquals(text(unread), "rest of it");
  assertStrictEquals(await chat.closed, undefined);
  chat.close(new Error("too late"));
  await Promise.all([chat.closeWhenDone(), chat.closeWrite(), chat[Symbol.asyncDispose]()]);

  await peer.write(bytes(" and more"));
  assertStrictEquals(text(await connection.read()), " and more");
  await connection.write(bytes("still open"));
  await connection.closeWrite();
  assertStrictEquals(text(await readAll(peer)), "101\nstill open");
  await peer.closeWrite();
  assertStrictEquals(await connection.read(), null);
  await connection.closed;
});

testWithChaos(
  "Chat reads what was received before it was made first, and then what the connection gives",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("head\nwhole\nhal"));
    await chat.read();
    const { connection, unread } = chat.detach();
    const next = new Chat(connection, { terminator: "\n", encoding: "utf-8" }, unread);
    await peer.write(bytes("f\n"));
    await peer.closeWrite();
    const frames: string[] = [];
    for await (const frame of next) frames.push(frame);
    assertEquals(frames, ["whole", "half"]);
    next.closeWrite();
    assertStrictEquals(await next.closed, undefined); // the next owner learns of the end
  },
);

test("Chat.detach() ends waiting reads, and those that come after it, with ClosedError", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("half"));
  const waiting = [chat.read(), chat.stream(9).next()];
  await ticks();
  assertStrictEquals(text(chat.detach().unread), "half");
  for (const each of [...waiting, chat.read(), chat.push("x")]) {
    await assertRejects(() => each, ClosedError, "detached");
  }
});

test("Chat.detach() hands on what a read that was given up will still bring, and all else of its connection", async () => {
  const { chat, connection: own } = scripted();
  const controller = new AbortController();
  const reading = chat.read("\n", { signal: controller.signal });
  controller.abort();
  await assertRejects(() => reading, DOMException);
  const { connection, unread } = chat.detach();
  assertStrictEquals(unread.length, 0);
  const first = connection.read();
  assertStrictEquals(own.reads, 1);
  own.arrive(bytes("first"));
  assertStrictEquals(text(await first), "first");
  own.arrive(bytes("second"));
  assertStrictEquals(text(await connection.read()), "second");

  await connection.write(bytes("data"));
  await connection.closeWrite();
  assertEquals([own.sent, own.writeEnded, own.closes], ["data", true, []]);
  for (const key of ["localAddress", "remoteAddress", "canReset", "tls"] as const) {
    assertStrictEquals(connection[key], (own as typeof connection)[key]);
  }
  const reason = new Error("enough");
  connection.close(reason);
  assertEquals(own.closes, [reason]);
  await connection.closed;
});

test("Chat.detach() refuses while closeWrite() is under way, and hands on a connection that is half closed", async () => {
  const { chat, connection: own } = scripted();
  const closing = chat.closeWrite();
  assertThrows(() => chat.detach(), ChatError, "closeWrite");
  await closing;
  const { connection } = chat.detach();
  own.writeEnded = false;
  await connection.closeWrite();
  assertStrictEquals(own.writeEnded, false, "it was ended a second time");
  await assertRejects(() => connection.write(bytes("too late")), ClosedError, "handed on");
  assertEquals(own.writes, []);
  own.arrive(bytes("still read"));
  assertStrictEquals(text(await connection.read()), "still read");
});

testWithChaos(
  "Chat.detach() gives nothing of a frame whose stream was left half-way",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("abc"));
    for await (const _ of chat.stream(10)) break;
    await peer.write(bytes("def"));
    await assertRejects(() => chat.read("\n", { timeout: 1 }), TimeoutError);
    assertStrictEquals(text(chat.detach().unread), "");
  },
);

test("Chat.detach() refuses while something waits to be sent, and goes on", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("waits");
  const error = assertThrows(() => chat.detach(), ChatError, "under way");
  assertStrictEquals(error.code, "unsent");
  connection.release();
  await chat.flush();
  assertStrictEquals(chat.detach().connection, connection);
});

test("Chat.detach() refuses when the connection broke, in a read or a write, and says why", async () => {
  const reading = scripted();
  reading.connection.arrive(BROKEN);
  await assertRejects(() => reading.chat.read(), ConnectionError);
  const writing = scripted();
  writing.connection.hold();
  writing.chat.push("lost");
  writing.connection.release(BROKEN);
  await assertRejects(() => writing.chat.flush(), ConnectionError);
  for (const { chat, connection } of [reading, writing]) {
    assertStrictEquals(assertThrows(() => chat.detach(), ClosedError, "broke").cause, BROKEN);
    connection.arrive(null);
    assertStrictEquals(await chat.closed, BROKEN);
  }
});

test("Chat.detach() refuses when the chat is closed, closing or detached", () => {
  for (const end of ["close", "closeWhenDone", "detach"] as const) {
    const [chat] = chatPair();
    void chat[end]();
    assertThrows(() => chat.detach(), ClosedError);
  }
});

test("Chat.discardBuffers() drops what was not handed out and what was not sent, says how much, and goes on", async () => {
  const { chat, connection } = scripted({ highWaterMark: 10 });
  connection.arrive(bytes("one\ntwo\nhal"));
  assertStrictEquals(await chat.read(), "one");

  const returned: string[] = [];
  const producer = (function* (): Generator<string> {
    try {
      yield "never";
    } finally {
      returned.push("producer");
    }
  })();
  producer.next();
  connection.hold();
  chat.push("begun");
  await connection.wrote();
  const pushed = chat.push("waits", producer, "waits, too");
  const flushed = chat.flush();
  assertEquals(chat.discardBuffers(), { unread: 7, unsent: 15 });
  assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 });
  const error = await assertRejects(() => flushed, ChatError, "discardBuffers");
  assertStrictEquals(error.code, "discarded");
  assertEquals(returned, ["producer"]);
  await pushed; // there is room, though a write is under way

  connection.release();
  chat.push("next");
  await chat.flush();
  assertEquals(connection.writes.map(text), ["begun", "next"]);
  connection.arrive(bytes("three\n"));
  assertStrictEquals(await chat.read(), "three");
  chat.close();
  assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 });
});

test("Chat sends and ends as before when all that was pushed in a turn was discarded", async () => {
  const { chat, connection } = scripted();
  chat.push("dropped");
  chat.discardBuffers();
  await chat.flush();
  chat.push("sent");
  await chat.flush();
  assertStrictEquals(connection.sent, "sent");
  chat.push("dropped");
  chat.discardBuffers();
  await chat.closeWrite();
  chat.detach();
});

/** Producers that are stopped by `discardBuffers()` at a bad moment, and what of theirs is sent. */
const AWKWARD: Readonly<Record<string, readonly [(late: Promise<string>) => Producer, string]>> = {
  "gives its next piece too late": [async function* (late) {
    yield "first";
    yield await late;
  }, "first"],
  "never goes on": [async function* () {
    yield "first";
    await new Promise(() => {});
  }, "first"],
  "fails too late": [async function* (late) {
    yield "first";
    await late;
    throw new Error("too late");
  }, "first"],
  "gives a promise that never settles": [() => [new Promise(() => {})] as unknown as Producer, ""],
};
for (const [what, [make, begun]] of Object.entries(AWKWARD)) {
  test(`Chat.discardBuffers() gets past a producer that ${what}, and nothing of it is sent after that`, async () => {
    for (let count = 0; count < 8; count++) {
      const { chat, connection } = scripted();
      let goOn = (_: string): void => {};
      chat.push(make(new Promise((resolve) => goOn = resolve)));
      await nextTurn();
      await nextTurn();
      chat.discardBuffers();
      goOn("too late");
      await ticks(count);
      chat.push("next");
      await chat.flush();
      assertStrictEquals(connection.sent, begun + "next");
      await chat.closeWrite();
    }
  });
}

test("Chat.discardBuffers() drops the pieces that a producer gave together and that were not written yet", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push((async function* (): AsyncGenerator<Uint8Array[]> {
    yield [new Uint8Array(100_000), new Uint8Array(100_000), new Uint8Array(100_000)];
  })());
  await connection.wrote();
  chat.discardBuffers();
  connection.release();
  chat.push("next");
  await chat.flush();
  assertEquals(connection.writes.map(({ length }) => length), [100_000, 4]);
});

test("Chat.discardBuffers() counts right when a producer pushes as it is stopped", async () => {
  const { chat, connection } = scripted({ maxQueuedBytes: 1_000, highWaterMark: 1 });
  function* parting(): Generator<string> {
    try {
      yield "a";
      yield "b";
    } finally {
      chat.push("x".repeat(500));
    }
  }
  connection.hold();
  chat.push(parting());
  await connection.wrote();
  chat.discardBuffers();
  await ticks(); // it is told in its own async context
  assertStrictEquals(chat.stats.queued, 501); // with the piece that is being sent
  connection.release();
  await chat.flush();
  assertStrictEquals(connection.sent, "a" + "x".repeat(500));
  assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 });
});

test("Chat.discardBuffers() leaves the write that is under way, which flush(), closeWrite() and detach() heed", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("being sent");
  await connection.wrote();
  const closing = chat.closeWrite(); // what it waits for is dropped; it goes on
  chat.push("refused");
  chat.discardBuffers();
  assertThrows(() => chat.detach(), ChatError, "under way");
  let flushed = false;
  const flush = chat.flush().then(() => flushed = true);
  await nextTurn();
  assertEquals([flushed, connection.writeEnded], [false, false]);
  connection.release();
  await Promise.all([flush, closing]);
  assertEquals([flushed, connection.writeEnded], [true, true]);
});

test("Chat.discardBuffers() begins a new frame, also when one was half skipped, or half read by a stream()", async () => {
  const [chat, peer] = chatPair({ maxFrameLength: 5 });
  await peer.write(bytes("much too long"));
  await assertRejects(() => chat.read(), FrameTooLongError);
  chat.discardBuffers();
  await peer.write(bytes("next\nabcd"));
  assertStrictEquals(await chat.read(), "next");

  const stream = chat.stream(10);
  await stream.next();
  const behind = chat.read();
  chat.discardBuffers();
  const error = await assertRejects(() => stream.next(), ChatError, "discardBuffers");
  assertStrictEquals(error.code, "discarded");
  await peer.write(bytes("new\n"));
  assertStrictEquals(await behind, "new");

  const untouched = chat.stream(3);
  chat.discardBuffers();
  await peer.write(bytes("xyzlast\n"));
  assertStrictEquals(text((await untouched.next()).value!), "xyz");
  await untouched.return!();
  assertStrictEquals(await chat.read(), "last");
});
