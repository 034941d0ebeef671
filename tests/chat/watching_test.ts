/** `closed`: what a chat notices of the peer's end though nobody reads, and what it reads for that, and no more. */
import process from "node:process";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Chat, ChatError, connect, type Connection, ConnectionError } from "../../mod.ts";
import { tls } from "../../src/tls/mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { chatPair, scripted, ticks } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { Authority } from "../support/certificates.ts";
import { Folder } from "../support/folder.ts";
import { type PeerProcess, startPeerProcess } from "../support/peer_process.ts";
import { CURRENT, permitted, Program } from "../support/programs.ts";
import { tcpPair } from "../support/tcp_pair.ts";
import { TRANSPORT_PAIRS } from "../support/transport_pairs.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const authority = new Authority();
const own = authority.sign("DNS:localhost,IP:127.0.0.1");
const hasUnixSockets = process.platform !== "win32";

// A process that waits for the end, and for nothing else

/** What a program does before, what the peer does, what the program says then, and whether a Unix socket can. */
const WATCHED: readonly (readonly [string, string, string, string, boolean])[] = [
  ["nothing", "obeys", "end", "in order", true],
  ["nothing", "obeys", "reset", "ConnectionError reset", false],
  ["reads a line", "greets", "end", "in order", true],
  ["reads a line", "greets", "reset", "ConnectionError reset", false],
  ["sends a line", "obeys", "end", "in order", true],
  ["sends a line", "obeys", "reset", "ConnectionError reset", false],
  // The peer closes, and has not read what it was sent: that is a reset, too.
  ["sends a line", "obeys", "close", "ConnectionError reset", true],
];

for (const over of hasUnixSockets ? ["TCP", "a Unix socket"] : ["TCP"]) {
  for (const [before, script, word, said, isForUnix] of WATCHED) {
    if (over !== "TCP" && !isForUnix) continue;
    test(`a program that ${before === "nothing" ? "does nothing else" : before} and awaits closed exits with 0 when the peer does "${word}", over ${over}`, async () => {
      using folder = new Folder();
      const path = over === "TCP" ? undefined : folder.at("a.sock");
      await using peer = await startPeerProcess(script as "obeys", path);
      const permissions = ["--allow-read", "--allow-write"];
      const file = "tests/programs/watches.ts";
      await using program = new Program(
        permitted(permissions, CURRENT, file, peer.endpoint, before),
      );
      await program.line(/^ready$/);
      peer.tell(word);
      const { code, lines, stderr } = await program.finished();
      const greeting = before === "reads a line" ? ["220 hello"] : [];
      assertEquals({ code, lines, stderr }, {
        code: 0,
        lines: [...greeting, "ready", said],
        stderr: "",
      });
    });
  }
}

// How much is read

/** Counts what was asked of a connection, and what it gave. */
class Counting extends WrappedConnection {
  reads = 0;
  bytes = 0;

  override async read(): Promise<Uint8Array | null> {
    this.reads++;
    const chunk = await super.read();
    this.bytes += chunk?.length ?? 0;
    return chunk;
  }
}

/** A chat with a peer, and what its connection has given. */
async function counted(peer: PeerProcess): Promise<{ chat: Chat<string>; counting: Counting }> {
  let counting!: Counting;
  const wrap = (connection: Connection): Connection => counting = new Counting(connection);
  const chat = await connect({ ...peer.address, ...LINES, wrap });
  return { chat, counting };
}

/** Lets what could happen happen. */
async function turns(count: number = 20): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

test("Chat reads nothing while neither a frame nor closed is asked for, and one chunk ahead when closed is", async () => {
  await using peer = await startPeerProcess("floods");
  const { chat, counting } = await counted(peer);
  await turns();
  chat.stats;
  chat.push("x");
  await chat.flush();
  assertEquals([counting.reads, counting.bytes], [0, 0]);

  void chat.closed;
  while (counting.bytes === 0) await nextTurn();
  const one = counting.bytes;
  await turns();
  void chat.closed; // asked for again, it is no more
  await turns();
  assertEquals([counting.reads, counting.bytes], [1, one]);
  assertEquals([chat.stats.bytesIn, chat.stats.buffered], [one, one]);

  // What was read ahead is handed out first, and nothing is read while it is not used up.
  assertStrictEquals(await chat.read(), "line 0");
  await turns();
  assertStrictEquals(counting.reads, 1);
  for (let i = 1; i < 10_000; i++) assertStrictEquals(await chat.read(), `line ${i}`);
  // Once more, it is a chunk ahead, and no more.
  await turns();
  const { reads } = counting;
  await turns();
  assertStrictEquals(counting.reads, reads);
  assert(chat.stats.buffered > 0);
  chat.close();
  await chat.closed;
});

test("Chat that is watched reads on when the loop has taken what was read ahead, and no sooner", async () => {
  const { chat, connection } = scripted();
  void chat.closed;
  await ticks();
  assertStrictEquals(connection.reads, 1);
  connection.arrive(bytes("one\ntwo\n"));
  await ticks();
  assertStrictEquals(connection.reads, 1);
  assertStrictEquals(await chat.read(), "one");
  await ticks();
  assertStrictEquals(connection.reads, 1);
  assertStrictEquals(await chat.read(), "two");
  await ticks();
  assertStrictEquals(connection.reads, 2);
  chat.close();
});

test("Chat.discardBuffers() drops what was read ahead, and goes on watching", async () => {
  const { chat, connection } = scripted();
  void chat.closed;
  connection.arrive(bytes("dropped\n"));
  await ticks();
  assertEquals(chat.discardBuffers(), { unread: 8, unsent: 0 });
  connection.arrive(null);
  assertStrictEquals(await chat.closed, undefined);
});

for (const what of ["read", "loop", "batches", "stream"] as const) {
  test(`Chat hands out what was read ahead of a ${what}`, async () => {
    const [chat, peer] = chatPair();
    void chat.closed;
    await peer.write(bytes("one\n"));
    await turns(2);
    assertEquals([chat.stats.bytesIn, chat.stats.buffered, chat.stats.framesIn], [4, 4, 0]);
    if (what === "read") assertStrictEquals(await chat.read(), "one");
    else if (what === "stream") {
      for await (const piece of chat.stream()) assertStrictEquals(text(piece), "one");
    } else if (what === "loop") {
      for await (const frame of chat) {
        assertStrictEquals(frame, "one");
        break;
      }
    } else {
      for await (const [frame] of chat.batches()) {
        assertStrictEquals(frame, "one");
        break;
      }
    }
    assertEquals([chat.stats.bytesIn, chat.stats.buffered, chat.stats.framesIn], [4, 0, 1]);
    chat.close();
  });
}

// The peer's end

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

for (const [over, makePair] of Object.entries(TRANSPORT_PAIRS)) {
  for (const reader of ["a read that waits", "a loop that is open", "a stream that is read"]) {
    test(`Chat tells ${reader} of the peer's end, and goes on sending, also if closed was asked for, over ${over}`, async () => {
      const [left, right] = await makePair();
      const chat = new Chat(left, { ...LINES, incomplete: "yield" });
      const closed = chat.closed;
      const heard = reader === "a read that waits"
        ? chat.read()
        : reader === "a loop that is open"
        ? all(chat)
        : all(chat.stream(null));
      await nextTurn();
      await right.closeWrite();
      assertEquals(await heard, reader === "a read that waits" ? null : []);
      await turns();
      await chat.push("still sent\n");
      await chat.flush();
      assertStrictEquals(text(await right.read()), "still sent\n");
      await chat.closeWhenDone();
      assertEquals((await readAll(right)).length, 0);
      assertStrictEquals(await closed, undefined);
    });
  }

  test(`Chat sends all that was pushed before it answers the peer's end, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, LINES);
    const piece = new Uint8Array(64 * 1024).fill(7);
    chat.push("head", Array.from({ length: 64 }, () => piece), "tail");
    const closed = chat.closed;
    await right.closeWrite();
    await nextTurn();
    const received = await readAll(right);
    assertStrictEquals(received.length, 64 * piece.length + 8);
    assertStrictEquals(text(received.subarray(-4)), "tail");
    assertStrictEquals(await closed, undefined);
    assertStrictEquals(chat.stats.bytesOut, received.length);
  });

  test(`Chat.detach() hands on what was read ahead, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, LINES);
    const closed = chat.closed;
    await right.write(bytes("one\ntwo"));
    while (chat.stats.buffered === 0) await nextTurn();
    const { connection, unread } = chat.detach();
    assertStrictEquals(await closed, undefined);
    await right.write(bytes(" and three\n"));
    await right.closeWrite();
    const rest = await readAll(connection);
    assertStrictEquals(text(concat([unread, rest])), "one\ntwo and three\n");
    await connection.closeWrite();
    right.close();
    connection.close();
  });
}

test("Chat.detach() hands on the read that watches, before anything has arrived", async () => {
  const { chat, connection: own } = scripted();
  void chat.closed;
  await ticks();
  const { connection, unread } = chat.detach();
  assertEquals([unread.length, own.reads], [0, 1]);
  own.arrive(bytes("first"));
  assertStrictEquals(text(await connection.read()), "first");
  assertStrictEquals(own.reads, 1);
  connection.close();
});

test("Chat.upgrade() takes what was read ahead for the beginning of TLS", async () => {
  const [client, server] = (await tcpPair()).map((connection) => new Chat(connection, LINES));
  const closed = server!.closed;
  await client!.send("STARTTLS");
  assertStrictEquals(await server!.read(), "STARTTLS");
  await server!.send("220 go ahead");
  await server!.flush();
  assertStrictEquals(await client!.read(), "220 go ahead");
  const starting = client!.upgrade(tls({ ca: authority.ca, servername: "localhost" }));
  while (server!.stats.buffered === 0) await nextTurn();
  await Promise.all([starting, server!.upgrade(tls(own, { isServer: true }))]);
  await client!.send("encrypted");
  assertStrictEquals(await server!.read(), "encrypted");
  await Promise.all([client!.closeWhenDone(), server!.closeWhenDone()]);
  assertStrictEquals(await closed, undefined);
});

test("Chat.upgrade() takes nothing for encrypted that was read ahead in clear", async () => {
  const [client, server] = await tcpPair();
  const chat = new Chat(server, LINES);
  const closed = chat.closed;
  await client.write(bytes("EHLO me\n"));
  while (chat.stats.buffered === 0) await nextTurn();
  const starting = chat.upgrade(tls(own, { isServer: true }));
  const error = await assertRejects(() => starting, ConnectionError);
  assertStrictEquals(error.code, "tls");
  assertStrictEquals(await closed, error);
  client.close();
});

test("Chat answers the peer's end though a loop was left before closed was asked for", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\n"));
  for await (const frame of chat) {
    assertStrictEquals(frame, "one");
    break;
  }
  const closed = chat.closed;
  await peer.closeWrite();
  assertStrictEquals((await readAll(peer)).length, 0);
  assertStrictEquals(await closed, undefined);
});

test("Chat keeps half-close when a frame was asked for after closed was, and the read was given up", async () => {
  const [chat, peer] = chatPair();
  const closed = chat.closed;
  await chat.read({ timeout: 0 }).catch(() => {});
  await peer.closeWrite();
  await turns();
  await chat.send("still here");
  assertStrictEquals(text(await peer.read()), "still here\n");
  assertStrictEquals(await chat.read(), null);
  await chat.closeWhenDone();
  assertStrictEquals(await closed, undefined);
});

test("Chat tells closed of what was pushed and cannot be sent after the peer's end", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("waits");
  await connection.wrote();
  const closed = chat.closed;
  connection.arrive(null);
  await turns(2);
  const reset = new ChatError("reset", "it broke");
  connection.release(reset);
  assertStrictEquals(await closed, reset);
  assertStrictEquals(await chat.closeWhenDone().catch((reason) => reason), reset);
  assertThrows(() => chat.detach(), ChatError);
});

test("Chat that is watched takes no memory for a peer that sends and is not read", async () => {
  const [chat, peer] = chatPair();
  void chat.closed;
  let written = 0;
  const writing = (async () => {
    for (; written < 100; written++) await peer.write(new Uint8Array(64 * 1024));
  })().catch(() => {});
  await turns();
  assertLess(written, 100);
  assertLess(chat.stats.buffered, 65 * 1024);
  chat.close();
  await writing;
});
