/** Much data over real sockets of the runtime that the tests run on, and a peer that does not read. */
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { type Chat, type ChatOptions, connect, listen } from "../mod.ts";
import { text } from "./support/bytes.ts";
import { countingBytes } from "./support/connection_checks.ts";
import { Program } from "./support/programs.ts";

const MEGABYTE = 1024 * 1024;
const TOTAL = 64 * MEGABYTE;

async function pair(options: Partial<Omit<ChatOptions, "encoding">> = {}): Promise<[Chat, Chat]> {
  const listener = await listen({ port: 0, terminator: "\n", ...options });
  const client = await connect({ port: listener.address.port, terminator: "\n", ...options });
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

/** Lets a line travel from one to the other: everything that can happen meanwhile has the occasion to. */
async function roundTrip(from: Chat, to: Chat): Promise<void> {
  from.push("ping\n");
  assertStrictEquals(text(await to.read("\n")), "ping");
}

/** Reads records to the end, and checks that together they are `countingBytes(TOTAL)`. */
async function checkArrival(chat: Chat): Promise<void> {
  const expected = countingBytes(TOTAL);
  let at = 0;
  chat.terminator = MEGABYTE;
  for await (const frame of chat) {
    assertEquals(frame, expected.subarray(at, at += frame.length));
  }
  assertStrictEquals(at, TOTAL);
}

test("64 MiB of 64-byte lines arrive once, in order, unchanged", async () => {
  const [client, server] = await pair();
  const LINE = 64;
  const lines = TOTAL / LINE;
  const lineAt = (i: number): string => String(i).padStart(LINE - 1, ".");
  async function* produce(): AsyncGenerator<string> {
    const LINES_A_PIECE = 1_000;
    for (let i = 0; i < lines; i += LINES_A_PIECE) {
      let piece = "";
      for (let j = i; j < Math.min(lines, i + LINES_A_PIECE); j++) piece += lineAt(j) + "\n";
      yield piece;
    }
  }
  client.push(produce());
  const done = client.closeWhenDone();
  const decoder = new TextDecoder();
  let i = 0;
  for await (const frame of server) {
    const line = decoder.decode(frame);
    if (line !== lineAt(i)) assertStrictEquals(line, lineAt(i));
    i++;
  }
  assertStrictEquals(i, lines);
  await Promise.all([done, server.closeWhenDone()]);
});

test("64 MiB in one frame arrive piece by piece, between lines, at a chat whose frames are short", async () => {
  const [client, server] = await pair({ maxFrameLength: 16 });
  client.push(`${TOTAL}\n`, countingBytes(TOTAL), "next\n");
  const done = client.closeWhenDone();
  const expected = countingBytes(TOTAL);
  let at = 0;
  for await (const piece of server.stream(Number(await server.readText()))) {
    assertEquals(piece, expected.subarray(at, at += piece.length));
  }
  assertStrictEquals(at, TOTAL);
  assertStrictEquals(await server.readText(), "next");
  await Promise.all([done, server.closeWhenDone()]);
});

test("a stream that nobody reads on with holds its peer back, and not the next frame after it is left", async () => {
  const [client, server] = await pair();
  let pulled = 0;
  function* produce(): Generator<Uint8Array> {
    for (; pulled < TOTAL; pulled += MEGABYTE) yield new Uint8Array(MEGABYTE);
  }
  client.push(produce(), "next\n");
  const pieces = server.stream(TOTAL);
  await pieces.next();
  for (let unchanged = 0, before = -1; unchanged < 50; before = pulled) {
    // Somebody else's round trip: what can happen meanwhile has the occasion to.
    const [other, its] = await pair();
    await roundTrip(other, its);
    await Promise.all([other.closeWhenDone(), its.closeWhenDone()]);
    unchanged = pulled === before ? unchanged + 1 : 0;
    assertLess(pulled, TOTAL / 2, "a stream that is not read on with is received all the same");
  }
  await pieces.return!();
  assertStrictEquals(await server.readText(), "next");
  assertStrictEquals(pulled, TOTAL);
  await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
});

test("batches give 64-byte lines in order, unchanged, many for one promise", async () => {
  const [client, server] = await pair();
  const LINES = 200_000;
  const lineAt = (i: number): string => String(i).padStart(63, ".");
  client.push((function* (): Generator<string> {
    for (let i = 0; i < LINES; i += 1_000) {
      yield Array.from({ length: 1_000 }, (_, j) => lineAt(i + j) + "\n").join("");
    }
  })());
  const done = client.closeWhenDone();
  let [i, batches] = [0, 0];
  for await (const batch of server.batches()) {
    batches++;
    for (const frame of batch) {
      const line = text(frame);
      if (line !== lineAt(i)) assertStrictEquals(line, lineAt(i));
      i++;
    }
  }
  assertStrictEquals(i, LINES);
  assertLess(batches, LINES);
  await Promise.all([done, server.closeWhenDone()]);
});

test("a producer waits while the peer does not read, and goes on when it does", async () => {
  const [client, server] = await pair();
  const PIECE = 64 * 1024;
  const data = countingBytes(TOTAL);
  let pulled = 0;
  function* produce(): Generator<Uint8Array> {
    while (pulled < TOTAL) yield data.subarray(pulled, pulled += PIECE);
  }
  client.push(produce());

  // The system's buffers fill up. Then nothing more may be pulled, however long the peer does not read.
  for (let unchanged = 0, before = -1; unchanged < 50; before = pulled) {
    await roundTrip(server, client);
    unchanged = pulled === before ? unchanged + 1 : 0;
    assertLess(pulled, TOTAL / 2, "the producer was drained into memory");
  }
  assert(pulled > 0);

  const done = client.closeWhenDone();
  await checkArrival(server);
  assertStrictEquals(pulled, TOTAL);
  await Promise.all([done, server.closeWhenDone()]);
});

test("64 MiB pushed at once arrive whole at a peer that starts reading late", async () => {
  const [client, server] = await pair();
  client.push(countingBytes(TOTAL));
  const done = client.closeWhenDone();
  for (let i = 0; i < 50; i++) await roundTrip(server, client);
  await checkArrival(server);
  await Promise.all([done, server.closeWhenDone()]);
});

test("64 MiB in a thousand pushes, none awaited, arrive whole at a peer that starts reading late", async () => {
  const [client, server] = await pair({ maxQueuedBytes: Infinity });
  const data = countingBytes(TOTAL);
  for (let at = 0; at < TOTAL; at += 64 * 1024) client.push(data.subarray(at, at + 64 * 1024));
  const done = client.closeWhenDone();
  for (let i = 0; i < 50; i++) await roundTrip(server, client);
  await checkArrival(server);
  await Promise.all([done, server.closeWhenDone()]);
});

test("the last bytes before closeWhenDone() reach a peer that sends megabytes nobody reads", async () => {
  const [client, server] = await pair();
  client.push(countingBytes(8 * MEGABYTE));
  client.closeWrite();
  server.push("ERR too much\n");
  const done = server.closeWhenDone();
  assertStrictEquals(text(await client.read()), "ERR too much");
  assertStrictEquals(await client.read(), null);
  await done;
  await client.closeWhenDone();
});

test("the last bytes before closeWhenDone() reach a client that writes 64 MiB before it reads", async () => {
  await using listener = await listen({ port: 0, terminator: "\n", encoding: "utf-8" });
  await using client = new Program(["node", "-e", WRITE_ALL_THEN_READ, `${listener.address.port}`]);
  const chat = (await listener.accept())!;
  assertStrictEquals(await chat.read(), "a line, and much more");
  chat.push("ERR too much\n");
  await chat.closeWhenDone();
  const { lines, stderr } = await client.finished();
  assertEquals([lines, stderr], [["received: ERR too much"], ""]);
});
