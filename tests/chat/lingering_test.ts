/** `linger`: how long closeWhenDone() reads and discards what the peer still sends, and what it says when it gives up. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chat, type ChatOptions, connect, ConnectionError, memoryPair } from "../../mod.ts";
import { bytes } from "../support/bytes.ts";
import { scripted } from "../support/chats.ts";
import { startPeerProcess } from "../support/peer_process.ts";
import { TRANSPORT_PAIRS } from "../support/transport_pairs.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const MIB = 1024 * 1024;
const LONG = 2 ** 31 - 1;

/** What closeWhenDone() and `closed` say: the same. */
async function ending(chat: Chat<string>): Promise<Error | undefined> {
  const done = await chat.closeWhenDone().then(() => undefined, (error) => error);
  assertStrictEquals(await chat.closed, done);
  return done;
}

function assertTimeout(error: Error | undefined): void {
  assert(error instanceof ConnectionError, `${error}`);
  assertStrictEquals(error.code, "timeout");
}

/** A peer that says something now and then, and reads so much at a time, from the first word on. */
function slowReader(milliseconds: number): { script: string } {
  return {
    script: `let count = 0, isReading = false;
    const talk = setInterval(() => { socket.write("x"); isReading = true; }, ${milliseconds});
    const read = setInterval(() => { if (isReading) count += socket.read(64 * 1024)?.length ?? socket.read()?.length ?? 0; }, 10);
    socket.once("end", () => { say("read " + count); socket.end(); });
    socket.on("close", () => { clearInterval(talk); clearInterval(read); });
    socket.on("readable", () => {});`,
  };
}

// Peers that are slow

test("Chat.closeWhenDone() rejects when it gave up though the peer still spoke, and was still reading", async () => {
  await using peer = await startPeerProcess(slowReader(300));
  const linger = { idle: 200 };
  const chat = await connect({ port: peer.port, ...LINES, linger });
  chat.push(new Uint8Array(8 * MIB));
  assertTimeout(await ending(chat));
});

test("Chat.closeWhenDone() waits for a slow peer that reads all, if linger is long enough", async () => {
  await using peer = await startPeerProcess(slowReader(50));
  const linger = { total: LONG, idle: LONG };
  const chat = await connect({ port: peer.port, ...LINES, linger });
  chat.push(new Uint8Array(2 * MIB));
  assertStrictEquals(await ending(chat), undefined);
  assertStrictEquals(await peer.heard(), `read ${2 * MIB}`);
});

test("Chat.closeWhenDone() waits for a peer that speaks and does not end, until total has passed", async () => {
  await using peer = await startPeerProcess("talks");
  const chat = await connect({ port: peer.port, ...LINES, linger: { total: 200, idle: LONG } });
  chat.push("hello\n");
  const start = performance.now();
  assertTimeout(await ending(chat));
  assert(performance.now() - start >= 199);
});

test("Chat.closeWhenDone() resolves when the peer was silent for idle, or total, whichever is shorter", async () => {
  await using peer = await startPeerProcess("obeys");
  for (const linger of [{ idle: 50 }, { total: 50, idle: LONG }, { idle: 0 }, { total: 0 }]) {
    const chat = await connect({ port: peer.port, ...LINES, linger });
    chat.push("hello\n");
    assertStrictEquals(await ending(chat), undefined);
  }
});

for (const [over, makePair] of Object.entries(TRANSPORT_PAIRS)) {
  test(`Chat.closeWhenDone() rejects, and closed says the same, when the peer speaks and does not end, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, linger: { total: 100, idle: LONG } });
    await right.write(bytes("not read\n"));
    chat.push("hello\n");
    assertTimeout(await ending(chat));
    right.close();
  });

  test(`Chat.closeWhenDone() resolves when the peer ends while it lingers, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, linger: { total: LONG, idle: LONG } });
    chat.push("hello\n");
    const ended = ending(chat);
    while (await right.read() !== null) await right.write(bytes("not read\n"));
    await right.closeWrite();
    assertStrictEquals(await ended, undefined);
    right.close();
  });

  test(`Chat.closeWhenDone() does not keep everything else out while a peer writes without an end, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, linger: { total: 150, idle: LONG } });
    let isOver = false;
    const flooding = (async () => {
      const piece = new Uint8Array(64 * 1024);
      while (!isOver) await right.write(piece);
    })().catch(() => {});
    const ended = ending(chat).finally(() => isOver = true);
    let turns = 0;
    while (!isOver) {
      await nextTurn();
      turns++;
    }
    assertTimeout(await ended);
    assert(turns > 3, `${turns} turns`);
    right.close();
    await flooding;
  });
}

test("Chat.closeWhenDone() gives up a peer in another process that floods it", async () => {
  await using peer = await startPeerProcess("floods");
  const chat = await connect({ port: peer.port, ...LINES, linger: { total: 200 } });
  chat.push("hello\n");
  assertTimeout(await ending(chat));
});

// What counts

test("Chat.closeWhenDone() counts what the peer sent and nobody has read, and what came while it was sending", async () => {
  const unread = scripted({ linger: { idle: 20 } });
  unread.connection.arrive(bytes("x"));
  assertTimeout(await ending(unread.chat));

  const sending = scripted({ linger: { idle: 20 } });
  sending.connection.hold();
  sending.chat.push("x");
  await sending.connection.wrote();
  const reading = sending.chat.read();
  const ended = ending(sending.chat);
  sending.connection.arrive(bytes("a line\n"));
  assertStrictEquals(await reading, "a line");
  sending.connection.release();
  assertTimeout(await ended);
});

test("Chat.closeWhenDone() does not count what was read before it was called", async () => {
  const { chat, connection } = scripted({ linger: { idle: 20 } });
  connection.arrive(bytes("a line\n"));
  assertStrictEquals(await chat.read(), "a line");
  assertStrictEquals(await ending(chat), undefined);
});

test("Chat.closeWhenDone() starts idle anew with each chunk", async () => {
  const { chat, connection } = scripted({ linger: { total: LONG, idle: 400 } });
  const start = performance.now();
  const talking = setInterval(() => connection.arrive(bytes("x")), 20);
  setTimeout(() => clearInterval(talking), 800);
  assertTimeout(await ending(chat));
  assert(performance.now() - start >= 1_000);
});

test("Chat.closeWhenDone() lingers without a limit when that is said, until close() ends it", async () => {
  const { chat, connection } = scripted({ linger: { total: Infinity, idle: Infinity } });
  const done = chat.closeWhenDone();
  for (let i = 0; i < 5; i++) await nextTurn();
  assertEquals([connection.writeEnded, connection.closes.length], [true, 0]);
  chat.close();
  await done;
  assertStrictEquals(await chat.closed, undefined);
});

test("await using says that the chat had to give up", async () => {
  const { chat, connection } = scripted({ linger: { idle: 20 } });
  connection.arrive(bytes("x"));
  const error = await assertRejects(async () => {
    await using _ = chat;
  }, ConnectionError);
  assertTimeout(error);
  assertStrictEquals(await chat.closed, error);
});

test("Chat does not linger on a connection that cannot be reset", async () => {
  const connection = scripted({}).connection;
  Object.assign(connection, { canReset: false });
  const { chat } = scripted({ linger: { total: LONG, idle: LONG } }, connection);
  connection.arrive(bytes("x"));
  assertStrictEquals(await ending(chat), undefined);
});

// What is refused

const WRONG: readonly (readonly [unknown, typeof RangeError | typeof TypeError, string])[] = [
  [{ total: -1 }, RangeError, "linger.total must be 0 to 2147483647 milliseconds"],
  [{ idle: -1 }, RangeError, "linger.idle"],
  [{ total: NaN }, RangeError, "not NaN"],
  [{ idle: 2 ** 31 }, RangeError, "not 2147483648"],
  [{ total: "30" }, TypeError, "linger.total"],
  [{ idle: null }, TypeError, "linger.idle"],
  [5, TypeError, "linger must be an object, not number"],
  [null, TypeError, "linger must be an object, not null"],
];

for (const [linger, ErrorClass, message] of WRONG) {
  test(`Chat and connect() refuse a linger of ${JSON.stringify(linger)}`, async () => {
    const options = { ...LINES, linger: linger as ChatOptions["linger"] } satisfies ChatOptions;
    assertThrows(() => new Chat(memoryPair()[0], options), ErrorClass, message);
    await assertRejects(() => connect({ ...options, port: 1 }), ErrorClass, message);
  });
}
