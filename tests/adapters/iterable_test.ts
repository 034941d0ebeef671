import process from "node:process";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type ByteIterable,
  ClosedError,
  type Connection,
  ConnectionError,
  fromIterable,
  UnsupportedError,
  type WriterLike,
} from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
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

/** An iterable that counts what is done with it; it waits for ever behind its last piece, unless it is told otherwise. */
class Watched implements AsyncIterable<Uint8Array> {
  asked = 0;
  returns = 0;
  readonly #answers: (Uint8Array | Error | "end")[];

  constructor(...answers: (Uint8Array | Error | "end")[]) {
    this.#answers = answers;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => {
        const answer = this.#answers[this.asked++];
        if (answer === undefined) return new Promise(() => {});
        if (answer instanceof Error) return Promise.reject(answer);
        if (answer === "end") return Promise.resolve({ done: true, value: undefined });
        return Promise.resolve({ done: false, value: answer });
      },
      return: () => {
        this.returns++;
        return Promise.reject(new Error("a failing clean-up is nobody's trouble"));
      },
    };
  }
}

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
  const sources: ByteIterable[] = [
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

test("fromIterable() asks the source when it is read, and not before, and hands out a batch piece by piece", async () => {
  const source = new Watched(bytes("one"), bytes("two"), "end");
  const connection = fromIterable(source);
  await connection.closeWrite();
  assertStrictEquals(source.asked, 0);
  await connection.read();
  assertStrictEquals(source.asked, 1);
  assertEquals(await readAll(connection), bytes("two"));
  assertEquals([source.asked, source.returns], [3, 0]);

  let asked = 0;
  function* batches(): Generator<Uint8Array[]> {
    for (; asked < 2; asked++) yield [bytes("a"), bytes("b")];
  }
  const other = fromIterable(batches());
  assertEquals([await other.read(), await other.read()], [bytes("a"), bytes("b")]);
  assertStrictEquals(asked, 0);
  other.close();
});

test("fromIterable() calls return() once when it is closed, and never after the end or an error", async () => {
  const close = (connection: Connection): void => {
    connection.close();
    connection.close();
  };
  const unbegun = new Watched();
  close(fromIterable(unbegun));
  assertEquals([unbegun.asked, unbegun.returns], [0, 1]);

  const waiting = new Watched();
  const connection = fromIterable(waiting);
  const reading = connection.read();
  close(connection);
  await assertRejects(() => reading, ClosedError);
  await connection.closed;
  assertStrictEquals(waiting.returns, 1);

  for (const last of ["end", new Error("the source is dry")] as const) {
    const over = new Watched(last);
    const other = fromIterable(over);
    await other.read().catch(() => {});
    close(other);
    assertStrictEquals(over.returns, 0);
  }
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

test("fromIterable() refuses pieces that are no bytes, and tells the source once", async () => {
  for (const [piece, name] of [["text", "string"], [[1], "number"], [null, "null"]] as const) {
    let returns = 0;
    const pieces = function* (): Generator<unknown> {
      try {
        yield piece;
      } finally {
        returns++;
      }
    };
    const connection = fromIterable(pieces() as Iterable<Uint8Array>);
    await assertRejects(() => connection.read(), TypeError, `not ${name}`);
    await assertRejects(() => connection.read(), TypeError);
    connection.close();
    assertStrictEquals(returns, 1);
  }
});

test("fromIterable() reports what the source and the sink throw as ConnectionError", async () => {
  const dry = new Error("the source is dry");
  const connection = fromIterable(new Watched(dry), {
    write() {
      throw new Error("the sink is full");
    },
  });
  assertStrictEquals((await assertRejects(() => connection.read(), ConnectionError)).cause, dry);
  const write = (): Promise<void> => connection.write(bytes("x"));
  await assertRejects(write, ConnectionError, "cannot write to the sink: the sink is full");
  await connection.closed;
});

/** A sink that notes what is done with it, and takes a chunk when the test says so. */
class WatchedSink implements WriterLike {
  readonly calls: string[] = [];
  room = new Deferred();

  write(chunk: Uint8Array): Promise<void> {
    this.calls.push(text(chunk));
    return this.room.promise;
  }

  end(): Promise<void> {
    this.calls.push("(end)");
    return this.room.promise;
  }

  fail(reason: unknown): void {
    this.calls.push(`(fail: ${reason})`);
  }
}

test("fromIterable() has written when the sink has room, and ends it once", async () => {
  const sink = new WatchedSink();
  const connection = fromIterable([], sink);
  let done = false;
  const writing = connection.write(bytes("one")).then(() => done = true);
  await nextTurn();
  assertEquals([sink.calls, done], [["one"], false]);
  sink.room.resolve();
  await writing;
  await connection.closeWrite();
  await connection.closeWrite();
  assertEquals(sink.calls, ["one", "(end)"]);
});

test("fromIterable() calls fail() with the reason when it is closed, once, and not after the end", async () => {
  const sink = new WatchedSink();
  const connection = fromIterable([], sink);
  const writing = connection.write(bytes("1".repeat(100_000)));
  connection.close("enough");
  connection.close("again");
  await assertRejects(() => writing, ClosedError);
  await connection.closed;
  sink.room.resolve();
  await nextTurn(); // whatever follows from that has been done
  assertEquals(sink.calls, ["1".repeat(65_536), "(fail: enough)"]);

  const ended = new WatchedSink();
  ended.room.resolve();
  const other = fromIterable([], ended);
  await other.closeWrite();
  other.close();
  assertEquals(ended.calls, ["(end)"]);
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

test("fromIterable() without a sink refuses to write", async () => {
  const connection = fromIterable([bytes("x")]);
  await assertRejects(() => connection.write(bytes("y")), UnsupportedError, "no writing side");
  await connection.closeWrite();
  assertEquals(await readAll(connection), bytes("x"));
  await connection.closed;
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
