/** Much data over real sockets of the runtime that the tests run on, and a peer that does not read. */
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { type Chat, type ChatOptions, connect, listen } from "../mod.ts";
import { isEqual } from "./support/bytes.ts";
import { countingBytes } from "./support/connection_checks.ts";
import { Program } from "./support/programs.ts";
import { withTimers } from "./support/timers.ts";

const MEGABYTE = 1024 * 1024;
/** More than the systems of both ends take from a program whose peer does not read, and much more. */
const MUCH = 20 * MEGABYTE;
const TOTAL = 32 * MEGABYTE;

async function pair(options: Partial<ChatOptions> = {}): Promise<[Chat<string>, Chat<string>]> {
  const lines = { terminator: "\n", ...options, encoding: "utf-8" as const };
  const listener = await listen({ port: 0, ...lines });
  const client = await connect({ port: listener.address.port, ...lines });
  const server = (await listener.accept())!;
  await listener.close();
  return [client, server];
}

/** A client of Node's `net`, which says what it has received, or what broke its connection. */
const WRITE_ALL_THEN_READ = `
  const socket = require("node:net").connect(process.argv[1], "127.0.0.1");
  socket.pause();
  socket.write("a line, and much more\\n");
  socket.end(Buffer.alloc(${TOTAL}), () => socket.resume());
  let received = "";
  socket.on("data", (data) => received += data);
  socket.on("error", (error) => console.log("broken: " + error.code));
  socket.on("end", () => console.log("received: " + received.trim()));
`;

/** Waits until a producer is asked for no more, and checks that it was not drained, while a line travels again and again. */
async function stops(pulled: () => number, from: Chat<string>, to: Chat<string>): Promise<void> {
  for (let unchanged = 0, before = -1; unchanged < 50; before = pulled()) {
    from.push("ping\n");
    assertStrictEquals(await to.read("\n"), "ping");
    unchanged = pulled() === before ? unchanged + 1 : 0;
    assertLess(pulled(), MUCH, "what is not read is received all the same");
  }
}

/** Reads records to the end, and checks that together they are `countingBytes(total)`. */
async function checkArrival(chat: Chat<string>, total: number): Promise<void> {
  const expected = countingBytes(total);
  let at = 0;
  for (;;) {
    const record = await chat.readBytes(MEGABYTE);
    if (record === null) break;
    assert(isEqual(record, expected.subarray(at, at += record.length)), `near ${at}`);
  }
  assertStrictEquals(at, total);
}

test("16 MiB of 64-byte lines arrive once, in order, unchanged, one by one and in batches", async () => {
  const [client, server] = await pair();
  const LINES = 16 * MEGABYTE / 64;
  const lineAt = (i: number): string => String(i).padStart(63, ".");
  async function* produce(): AsyncGenerator<string> {
    for (let i = 0; i < LINES; i += 1_024) {
      yield Array.from({ length: 1_024 }, (_, j) => lineAt(i + j) + "\n").join("");
    }
  }
  client.push(produce());
  const done = client.closeWhenDone();
  let [i, batches] = [0, 0];
  const check = (line: string): void => {
    if (line !== lineAt(i)) assertStrictEquals(line, lineAt(i));
    i++;
  };
  for await (const line of server) {
    check(line);
    if (i === LINES / 2) break;
  }
  for await (const batch of server.batches()) {
    batches++;
    for (const line of batch) check(line);
  }
  assertStrictEquals(i, LINES);
  assertLess(batches, LINES / 4);
  await Promise.all([done, server.closeWhenDone()]);
});

test("16 MiB in one frame arrive piece by piece, between lines, at a chat whose frames are short", async () => {
  const [client, server] = await pair({ maxFrameLength: 16 });
  const expected = countingBytes(16 * MEGABYTE);
  client.push(`${expected.length}\n`, expected, "next\n");
  const done = client.closeWhenDone();
  let at = 0;
  for await (const piece of server.stream(Number(await server.read()))) {
    assert(isEqual(piece, expected.subarray(at, at += piece.length)), `near ${at}`);
  }
  assertStrictEquals(at, expected.length);
  assertStrictEquals(await server.read(), "next");
  await Promise.all([done, server.closeWhenDone()]);
});

test("a stream that is not read on with holds its peer back, and not the next frame after it is left", async () => {
  const [client, server] = await pair();
  let pulled = 0;
  function* produce(): Generator<Uint8Array> {
    for (; pulled < TOTAL; pulled += MEGABYTE) yield new Uint8Array(MEGABYTE);
  }
  client.push(produce(), "next\n");
  const pieces = server.stream(TOTAL);
  await pieces.next();
  const [other, its] = await pair(); // what can happen meanwhile has the occasion to
  await stops(() => pulled, other, its);
  await pieces.return!();
  assertStrictEquals(await server.read(), "next");
  assertStrictEquals(pulled, TOTAL);
  const chats = [client, server, other, its];
  await Promise.all(chats.map((chat) => chat.closeWhenDone()));
});

test("a producer waits while the peer does not read, and all arrives when it does, with what was pushed behind it", async () => {
  const [client, server] = await pair({ maxQueuedBytes: Infinity });
  const PIECE = 64 * 1024;
  const data = countingBytes(TOTAL + 2 * MEGABYTE);
  let pulled = 0;
  function* produce(): Generator<Uint8Array> {
    while (pulled < TOTAL) yield data.subarray(pulled, pulled += PIECE);
  }
  client.push(produce());
  for (let at = TOTAL; at < TOTAL + MEGABYTE; at += PIECE) {
    client.push(data.subarray(at, at + PIECE)); // none is awaited
  }
  client.push(data.subarray(TOTAL + MEGABYTE));
  await stops(() => pulled, server, client);
  assert(pulled > 0);

  const done = client.closeWhenDone();
  await checkArrival(server, data.length);
  assertStrictEquals(pulled, TOTAL);
  await Promise.all([done, server.closeWhenDone()]);
});

/** However long it takes, closeWhenDone() gives no peer up. */
function testInPeace(name: string, work: () => Promise<void>): void {
  test(name, () => withTimers(work));
}

testInPeace(
  "the last bytes before closeWhenDone() reach a peer that sends megabytes that are not read",
  async () => {
    const [client, server] = await pair();
    client.push(countingBytes(8 * MEGABYTE));
    client.closeWrite();
    server.push("ERR too much\n");
    const done = server.closeWhenDone();
    assertStrictEquals(await client.read(), "ERR too much");
    assertStrictEquals(await client.read(), null);
    await done;
    await client.closeWhenDone();
  },
);

testInPeace(
  "the last bytes before closeWhenDone() reach a client that writes 32 MiB before it reads",
  async () => {
    await using listener = await listen({ port: 0, terminator: "\n", encoding: "utf-8" });
    await using client = new Program([
      "node",
      "-e",
      WRITE_ALL_THEN_READ,
      `${listener.address.port}`,
    ]);
    const chat = (await listener.accept())!;
    assertStrictEquals(await chat.read(), "a line, and much more");
    chat.push("ERR too much\n");
    await chat.closeWhenDone();
    const { lines, stderr } = await client.finished();
    assertEquals([lines, stderr], [["received: ERR too much"], ""]);
  },
);
