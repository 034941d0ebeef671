/** What `fromStreams()` and `fromIterable()` have in common: a source and a sink as one connection. */
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  ClosedError,
  type Connection,
  ConnectionError,
  fromIterable,
  fromStreams,
  UnsupportedError,
} from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { bytes, concat } from "../support/bytes.ts";
import { countingBytes, readAll } from "../support/connection_checks.ts";
import { nextTurn } from "../support/turn.ts";

/** Gives each of these, throws if it is an error, and waits for ever after them. */
class Source {
  asked = 0;
  /** How often nothing more was asked for. */
  cancels = 0;
  readonly #answers: readonly unknown[];

  constructor(...answers: readonly (Uint8Array | Error | "end" | unknown)[]) {
    this.#answers = answers;
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const answer = this.#answers[this.asked++];
    if (answer === undefined) return new Promise(() => {});
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === "end") return Promise.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: false, value: answer as Uint8Array });
  }
}

/** Takes what it is given when there is room, which may be an error. */
class Sink {
  readonly taken: Uint8Array[] = [];
  readonly calls: string[] = [];
  room = new Deferred();

  write(chunk: Uint8Array): Promise<void> {
    this.calls.push("write");
    this.taken.push(chunk);
    return this.room.promise;
  }

  end(): Promise<void> {
    this.calls.push("end");
    return this.room.promise;
  }

  abort(reason: unknown): void {
    this.calls.push(`abort: ${reason}`);
  }
}

type Make = (source: Source, sink?: Sink) => Connection;

const KINDS: Readonly<Record<string, Make>> = {
  "fromStreams()": (source, sink) => {
    const readable = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void source.cancels++,
    }, { highWaterMark: 0 });
    const writable = sink && new WritableStream<Uint8Array>({
      write: (chunk) => sink.write(chunk),
      close: () => sink.end(),
      abort: (reason) => sink.abort(reason),
    });
    return fromStreams({ readable, writable });
  },
  "fromIterable()": (source, sink) => {
    const iterable = {
      [Symbol.asyncIterator]: () => ({
        next: () => source.next(),
        return() {
          source.cancels++;
          return Promise.reject(new Error("a clean-up that fails troubles nothing"));
        },
      }),
    };
    const writer = sink && {
      write: (chunk: Uint8Array) => sink.write(chunk),
      end: () => sink.end(),
      fail: (reason: unknown) => sink.abort(reason),
    };
    return fromIterable(iterable, writer);
  },
};

for (const [name, make] of Object.entries(KINDS)) {
  test(`${name} asks the source when it is read, and not before, and is closed at the end`, async () => {
    const source = new Source(bytes("one"), bytes(""), bytes("two"), "end");
    const connection = make(source);
    await connection.closeWrite();
    assertStrictEquals(source.asked, 0);
    assertEquals(await connection.read(), bytes("one"));
    assertStrictEquals(source.asked, 1);
    assertEquals(await connection.read(), bytes("two"));
    assertStrictEquals(source.asked, 3); // an empty piece is none
    assertStrictEquals(await connection.read(), null);
    await connection.closed;
    connection.close();
    assertEquals([source.asked, source.cancels], [4, 0]);
  });

  test(`${name} has written when the sink has taken all, in pieces that it may keep, and ends it once`, async () => {
    const sink = new Sink();
    const connection = make(new Source("end"), sink);
    const data = countingBytes(100_000);
    const expected = data.slice();
    let done = false;
    const writing = connection.write(data).then(() => done = true);
    for (const [count, is] of [[1, false], [2, false], [2, true]] as const) {
      await nextTurn();
      assertEquals([sink.taken.length, done], [count, is]);
      sink.room.resolve();
      sink.room = new Deferred();
    }
    await writing;
    data.fill(0);
    assertEquals(sink.taken.map((piece) => piece.length), [65_536, 34_464]);
    assertEquals(concat(sink.taken), expected);
    sink.room.resolve();
    await connection.closeWrite();
    await connection.closeWrite();
    connection.close();
    assertEquals(sink.calls, ["write", "write", "end"]);
  });

  test(`${name} ends both with the reason of close(), once, also what never answers`, async () => {
    const [source, sink] = [new Source(), new Sink()];
    const connection = make(source, sink);
    const waiting = [connection.read(), connection.write(bytes("into the void"))];
    await nextTurn();
    connection.close("enough");
    connection.close("again");
    for (const each of waiting) {
      assertStrictEquals((await assertRejects(() => each, ClosedError)).cause, "enough");
    }
    await connection.closed;
    sink.room.resolve();
    await nextTurn(); // whatever follows from that has been done
    assertEquals([source.cancels, sink.calls], [1, ["write", "abort: enough"]]);
  });

  test(`${name} refuses pieces that are no bytes, and tells the source once`, async () => {
    for (
      const [piece, met] of [[{}, "Object"], [1, "number"], [new Date(0), "Date"]] as const
    ) {
      const source = new Source(bytes("x"), piece);
      const connection = make(source);
      assertEquals(await connection.read(), bytes("x"));
      const refused = await assertRejects(() => connection.read(), TypeError, `not ${met}`);
      assertStrictEquals(await connection.read().catch((error) => error), refused);
      connection.close();
      await connection.closed;
      assertStrictEquals(source.cancels, 1);
    }
  });

  test(`${name} reports what either fails with as ConnectionError, again and again, with its cause`, async () => {
    const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const known = new ConnectionError("timeout", "cannot read from the radio: no answer");
    for (const failure of [cause, known]) {
      const sink = new Sink();
      const connection = make(new Source(bytes("x"), failure), sink);
      sink.room.reject(failure);
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
    }
  });

  test(`${name} reports that the sink could not be ended`, async () => {
    const sink = new Sink();
    const connection = make(new Source("end"), sink);
    sink.room.reject(new Error("the disk is full"));
    assertStrictEquals(await connection.read(), null);
    await assertRejects(() => connection.closeWrite(), ConnectionError, "the disk is full");
    await connection.closed;
  });

  test(`${name} without a sink reads, and refuses to write`, async () => {
    const connection = make(new Source(bytes("x"), "end"));
    await assertRejects(() => connection.write(bytes("y")), UnsupportedError, "no writing side");
    await connection.write(bytes(""));
    await connection.closeWrite();
    assertEquals(await readAll(connection), bytes("x"));
    await connection.closed;
  });
}
