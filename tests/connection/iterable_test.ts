import process from "node:process";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Chat,
  ClosedError,
  type Connection,
  ConnectionError,
  type Data,
  fromIterable,
  type WriterLike,
} from "../../mod.ts";
import { asIterable } from "../support/as_transport.ts";
import { bytes, text } from "../support/bytes.ts";
import { checkConnection, readAll } from "../support/connection_checks.ts";
import { command, CURRENT, run } from "../support/programs.ts";
import { tcpPair } from "../support/tcp_pair.ts";
import { nextTurn } from "../support/turn.ts";

async function makePair(): Promise<[Connection, Connection]> {
  const [left, right] = await tcpPair();
  return [fromIterable(...asIterable(left)), fromIterable(...asIterable(right))];
}

checkConnection("fromIterable() of batches and a writer", makePair);

test("fromIterable() reads what yields bytes, or several at a time, sync or async", async () => {
  const one = bytes("one");
  const two = bytes("two");
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield one;
    yield two;
  }
  async function* batches(): AsyncGenerator<Uint8Array[]> {
    yield [];
    yield [one, bytes(""), two];
  }
  const sources: Parameters<typeof fromIterable>[0][] = [
    [one, two],
    new Set([[one], [two]]),
    pieces(),
    batches(),
    Readable.from([one, two], { objectMode: false }),
    new Response("onetwo").body!,
  ];
  for (const source of sources) {
    const connection = fromIterable(source);
    assertEquals(await readAll(connection), bytes("onetwo"));
    assertStrictEquals(await connection.read(), null);
    await connection.closed;
  }
});

test("fromIterable() hands out a batch piece by piece, and leaves a source that it has not begun, too", async () => {
  let asked = 0;
  function* batches(): Generator<Uint8Array[]> {
    for (; asked < 2; asked++) yield [bytes("a"), bytes("b")];
  }
  const connection = fromIterable(batches());
  assertEquals([await connection.read(), await connection.read()], [bytes("a"), bytes("b")]);
  assertStrictEquals(asked, 0);
  connection.close();

  let returns = 0;
  const unbegun: Iterable<Uint8Array> = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: true, value: undefined }),
      return: () => ({ done: true, value: returns++ }),
    }),
  };
  fromIterable(unbegun).close();
  assertStrictEquals(returns, 1);
});

test("fromIterable() destroys a Node stream when it is closed, begun or not, also while a read waits", async () => {
  for (const reads of [false, true]) {
    const stream = new Readable({ read() {} });
    const connection = fromIterable(stream);
    const reading = reads ? connection.read().catch(() => {}) : undefined;
    connection.close();
    await reading;
    assertStrictEquals(stream.destroyed, true);
  }
});

test("fromIterable() leaves everything else its turn while the source yields nothing but empty pieces", async () => {
  let returns = 0;
  const source: AsyncIterator<Uint8Array> & AsyncIterable<Uint8Array> = {
    next: () => Promise.resolve({ done: false, value: new Uint8Array() }),
    return: () => Promise.resolve({ done: true, value: returns++ }),
    [Symbol.asyncIterator]: () => source,
  };
  const connection = fromIterable(source);
  const read = connection.read();
  setTimeout(() => connection.close(), 0);
  await assertRejects(() => read, ClosedError);
  assertStrictEquals(returns, 1);
});

test("fromIterable() writes to what has a write() alone, which may return nothing", async () => {
  let all = "";
  const connection = fromIterable([], { write: (chunk) => void (all += text(chunk)) });
  await connection.write(bytes("one"));
  await connection.write(bytes("two"));
  await connection.closeWrite();
  connection.close();
  assertStrictEquals(all, "onetwo");
});

test("fromIterable() refuses a sink that does not say when there is room", async () => {
  const failures: unknown[] = [];
  const sink = { write: () => true, fail: (reason: unknown) => failures.push(reason) };
  const connection = fromIterable([], sink as unknown as WriterLike);
  const error = await assertRejects(() => connection.write(bytes("x")), TypeError, "not boolean");
  assertEquals(failures, [error]);
});

test("fromIterable() writes to a Node stream, waits for each chunk, and ends it", async () => {
  const taken: string[] = [];
  let take: () => void = () => {};
  const stream = new Writable({
    write(chunk, _encoding, done) {
      taken.push(text(chunk));
      take = done;
    },
    final(done) {
      taken.push("(end)");
      done();
    },
  });
  const connection = fromIterable([], stream);
  let done = false;
  const writing = connection.write(bytes("one")).then(() => done = true);
  await nextTurn();
  assertEquals([taken, done], [["one"], false]);
  take();
  await writing;
  await connection.closeWrite();
  assertEquals([taken, stream.writableFinished], [["one", "(end)"], true]);
});

test("fromIterable() reports what broke a Node stream, whenever that was, and destroys it when it is closed", async () => {
  const cause = new Error("the disk is full");
  const failing = new Writable({ write: (_chunk, _encoding, done) => done(cause) });
  const connection = fromIterable([], failing);
  const write = (): Promise<void> => connection.write(bytes("x"));
  assertStrictEquals((await assertRejects(write, ConnectionError, "full")).cause, cause);

  const broken = new Writable();
  const other = fromIterable([], broken);
  broken.destroy(cause);
  await new Promise((resolve) => broken.on("close", resolve));
  const error = await assertRejects(() => other.write(bytes("x")), ConnectionError);
  assertStrictEquals(error.cause, cause);

  const stuck = new Writable({ write() {} });
  const last = fromIterable([], stuck);
  const writing = last.write(bytes("x"));
  last.close();
  await assertRejects(() => writing, ClosedError);
  assertStrictEquals(stuck.destroyed, true);
});

test("fromIterable() refuses what is no iterable of bytes, and what has no write()", () => {
  const wrong: readonly [unknown, string][] = [
    [undefined, "undefined"],
    [{}, "Object"],
    ["text", "string"],
    [new Uint8Array(1), "Uint8Array"],
    [function* () {}, "function: call it"],
  ];
  for (const [source, said] of wrong) {
    assertThrows(() => fromIterable(source as []), TypeError, `not ${said}`);
  }
  for (const [sink, said] of [[new WritableStream(), "WritableStream"], [null, "null"]]) {
    assertThrows(() => fromIterable([], sink as never), TypeError, `${said} has none`);
  }
});

const FLAG = "--experimental-stream-iter";
const lacksIter = CURRENT === "bun" || process.allowedNodeEnvironmentFlags.has(FLAG)
  ? undefined
  : `${CURRENT} has no node:stream/iter, which Node 25.9 has, and Bun 1.4`;

test(
  `a chat goes over the readable and the writer of node:stream/iter${
    lacksIter === undefined ? "" : ` (${lacksIter})`
  }`,
  { skip: lacksIter !== undefined },
  async () => {
    const [name, ...args] = command(CURRENT, "tests/programs/iterable_streams.ts");
    const { code, lines, stderr } = await run([name!, FLAG, ...args]);
    assertEquals(
      [lines, code],
      [["server heard 2 lines", "client heard: you said hello, world", "both closed"], 0],
      stderr,
    );
  },
);

test("fromIterable() reads strings as UTF-8, mixed with bytes, and joins a character that is cut between two", async () => {
  async function* pieces(): AsyncGenerator<Data | Data[]> {
    yield "año ";
    yield ["\ud83d", "\ude00 ", bytes("and "), ""];
    yield new DataView(bytes("bytes").buffer);
    yield new ArrayBuffer(1);
  }
  assertEquals(await readAll(fromIterable(pieces())), bytes("año 😀 and bytes\0"));
  assertEquals(
    await readAll(fromIterable(["o", "ne", "", "\ud83d", "", "\ude00"])),
    bytes("one😀"),
  );
  assertEquals(await readAll(fromIterable([["\ud83d"], ["\ude00"]])), bytes("😀"));
  // Half of a character is U+FFFD, where it stood.
  assertEquals(await readAll(fromIterable(["\ud83d", bytes("!")])), bytes("\ufffd!"));
  assertEquals(await readAll(fromIterable(["\ud83d", "!", "\ude00"])), bytes("\ufffd!\ufffd"));
  assertEquals(await readAll(fromIterable(["end \ud83d"])), bytes("end \ufffd"));
});

test("fromIterable() reads a Node stream that gives strings, whose characters come in any number of chunks", async () => {
  const text = "año 日本 😀\n".repeat(50);
  const chunks = Array.from(bytes(text), (byte) => Uint8Array.of(byte));
  const stream = Readable.from(chunks, { objectMode: false }).setEncoding("utf8");
  const chat = new Chat(fromIterable(stream), { terminator: "\n", encoding: "utf-8" });
  const lines: string[] = [];
  for await (const line of chat) lines.push(line);
  assertEquals(lines, Array(50).fill("año 日本 😀"));
  await chat.closed;
});

test("fromIterable() refuses, as it is read, what is neither a string nor bytes", async () => {
  for (const wrong of [5, null, undefined, {}, [5], true]) {
    const connection = fromIterable(["one", wrong as unknown as string]);
    assertEquals(await connection.read(), bytes("one"));
    await assertRejects(() => connection.read(), TypeError, "the source must give");
  }
});
