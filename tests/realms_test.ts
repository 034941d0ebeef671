/**
 * Bytes are bytes, and errors are errors, of whatever realm they are: those of a `vm` context, as of jsdom or a worker, are
 * no instances of this realm's classes. Each place where the library is given some takes them.
 */
import { Duplex } from "node:stream";
import { test } from "node:test";
import { Buffer } from "node:buffer";
import vm from "node:vm";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  anyOf,
  Chat,
  codec,
  type Connection,
  ConnectionError,
  type Data,
  delimited,
  Framer,
  FrameStream,
  type Framing,
  fromIterable,
  fromNode,
  fromStreams,
  lengthPrefixed,
  MalformedFrameError,
  memoryPair,
  tap,
  type WriterLike,
} from "../mod.ts";
import { chaos } from "../src/testing/mod.ts";
import { fromWebSocket } from "../src/websocket/mod.ts";
import { bytes, text } from "./support/bytes.ts";
import { FakeWebSocket } from "./support/fake_websocket.ts";
import { ScriptedConnection } from "./support/scripted_connection.ts";

/** The bytes of some text, in everything that may hold them. The types say what most places ask for. */
const HOLDERS: Readonly<Record<string, (content: string) => Uint8Array>> = {
  "a Uint8Array of another realm": (content) =>
    vm.runInNewContext("Uint8Array.from(bytes)", { bytes: [...bytes(content)] }),
  "an ArrayBuffer of another realm": (content) =>
    vm.runInNewContext("Uint8Array.from(bytes).buffer", { bytes: [...bytes(content)] }),
  "a Buffer": (content) => Buffer.from(content),
  "an ArrayBuffer": (content) => bytes(content).slice().buffer as unknown as Uint8Array,
  "a DataView": (content) => new DataView(bytes(content).slice().buffer) as unknown as Uint8Array,
};

/** An error that is no instance of this realm's `Error`. */
function foreignError(message: string, properties: object = {}): Error {
  return Object.assign(vm.runInNewContext("new Error(message)", { message }), properties);
}

/** Whether it is a frame like all others: a plain `Uint8Array` of this realm. */
function assertFrame(frame: unknown, content: string): void {
  assertEquals((frame as object | undefined)?.constructor, Uint8Array);
  assertEquals(text(frame as Uint8Array), content);
}

/** All that can be read. */
async function readAll(connection: Connection): Promise<string> {
  let all = "";
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    assertEquals(chunk.constructor, Uint8Array);
    all += text(chunk);
  }
  return all;
}

test("a vm's context has arrays and errors of its own", () => {
  assert(!(HOLDERS["a Uint8Array of another realm"]!("x") instanceof Uint8Array));
  assert(!(foreignError("x") instanceof Error));
});

for (const [name, hold] of Object.entries(HOLDERS)) {
  test(`push() takes ${name}, alone, from a producer, and several at a time`, async () => {
    async function* several(): AsyncGenerator<Uint8Array[]> {
      yield [hold("d"), hold("e")];
    }
    const connection = new ScriptedConnection();
    const chat = new Chat(connection, { terminator: "\n" });
    chat.push(hold("a"), [hold("b"), hold("c")], several(), hold("f".repeat(8_192)));
    await chat.flush();
    assertEquals(connection.sent, "abcde" + "f".repeat(8_192));
    for (const write of connection.writes) assertEquals(write.constructor, Uint8Array);
    chat.close();
  });

  test(`send() takes ${name}, and frames it`, async () => {
    const connection = new ScriptedConnection();
    const chat = new Chat(connection, { terminator: "\n" });
    chat.send(hold("a"));
    chat.terminator = lengthPrefixed({ bytes: 1 });
    chat.send(hold("b"));
    await chat.flush();
    assertEquals(connection.sent, "a\n\x01b");
    chat.close();
  });

  test(`a delimiter may be ${name}`, async () => {
    const framer = new Framer({ terminator: hold("|") });
    framer.push("1|2;3;;4,5/6/");
    assertFrame(framer.next(), "1");
    assertFrame(framer.next(hold(";")), "2");
    assertFrame(framer.next(hold(";;")), "3");
    assertFrame(framer.next(anyOf(hold(","), hold("/"))), "4");
    assertFrame(framer.next(delimited(hold("/"))), "5");
    framer.terminator = hold("/");
    assertFrame(framer.next(), "6");

    const chat = new Chat(memoryPair()[0], { terminator: "\n" }, hold("7;"));
    assertFrame(await chat.read(hold(";")), "7");
    chat.close();
  });

  test(`a Framer, and a FrameStream, are given ${name}`, async () => {
    const framer = new Framer({ terminator: "\n" });
    framer.push(hold("a\n"));
    assertFrame(framer.next(), "a");

    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(hold("b\n"));
        controller.close();
      },
    });
    const reader = source.pipeThrough(new FrameStream({ terminator: "\n" })).getReader();
    assertFrame((await reader.read()).value, "b");
  });

  test(`new Chat() is given what is unread as ${name}`, async () => {
    const chat = new Chat(memoryPair()[0], { terminator: "\n" }, hold("before\n"));
    assertFrame(await chat.read(), "before");
    chat.close();
  });

  test(`decode() asks for what comes before ${name}, and returns one as a frame or a trailer`, () => {
    const framing: Framing = {
      *decode() {
        const line = yield hold("\n");
        return line.length === 0 ? { length: 1, trailer: hold("!!") } : hold(`<${text(line)}>`);
      },
      encode: (payload) => hold(`${text(payload)}\n`),
    };
    const framer = new Framer({ terminator: framing });
    framer.push("a\n\nb!!last\n");
    assertFrame(framer.next(), "<a>");
    assertFrame(framer.next(), "b");
    assertFrame(framer.next(), "<last>");
    assertFrame(framer.encode("c"), "c\n");
  });

  test(`decode() returns ${name} at the end of the stream`, () => {
    const framing: Framing = {
      *decode() {
        try {
          yield 100;
        } catch {
          // it has ended
        }
        return hold("rest");
      },
    };
    const framer = new Framer({ terminator: framing });
    framer.push("abc");
    framer.end();
    assertFrame(framer.next(), "rest");
    assertEquals(framer.next(), undefined);
  });

  test(`codec() is given a frame that its framing returned as ${name}, and encodes to one`, () => {
    const framing: Framing = {
      *decode() {
        return hold(text(yield "\n"));
      },
      encode: (payload) => hold(`${text(payload)}\n`),
    };
    const numbers = codec(framing, {
      decode: (frame) => {
        assertFrame(frame, text(frame));
        return Number(text(frame));
      },
      encode: (number: number): Data => hold(String(number)),
    });
    const framer = new Framer({ terminator: numbers });
    framer.push(framer.encode(42));
    assertEquals(framer.next(), 42);
  });

  test(`a connection of your own gives ${name}`, async () => {
    let isRead = false;
    const read = (): Promise<Uint8Array | null> => {
      const chunk = isRead ? null : hold("a\nb\n");
      isRead = true;
      return Promise.resolve(chunk);
    };
    const connection = { ...plainConnection(), read };
    const chat = new Chat(connection, { terminator: "\n" });
    assertFrame(await chat.read(), "a");
    assertFrame(await chat.read(), "b");
    assertEquals(await chat.read(), null);
    chat.close();
  });

  test(`fromStreams() reads ${name}`, async () => {
    const readable = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(hold("one "));
        controller.enqueue(hold("two"));
        controller.close();
      },
    });
    assertEquals(await readAll(fromStreams({ readable })), "one two");
  });

  test(`fromIterable() reads ${name}, alone, and several at a time`, async () => {
    assertEquals(
      await readAll(fromIterable([hold("one "), [hold("two "), hold("three")]])),
      "one two three",
    );
  });

  test(`fromWebSocket() reads ${name}`, async () => {
    const socket = new FakeWebSocket();
    const connection = fromWebSocket(socket);
    const chunk = connection.read();
    socket.emitMessage(hold("a message"));
    assertFrame(await chunk, "a message");
    connection.close();
  });
}

test("fromNode() reads what a stream of another realm had buffered when it broke, and its error after it", async () => {
  const hold = HOLDERS["a Uint8Array of another realm"]!;
  const stream = new Duplex({ read() {}, write() {} });
  const read = stream.read.bind(stream);
  stream.read = () => {
    const chunk = read() as Uint8Array | null;
    return chunk && hold(text(chunk));
  };
  const chat = new Chat(fromNode(stream), { terminator: "\n" });
  for (const chunk of ["a\n", "b\n"]) stream.push(chunk);
  stream.emit("error", foreignError("read ECONNRESET", { code: "ECONNRESET" }));
  assertFrame(await chat.read(), "a");
  assertFrame(await chat.read(), "b");
  const error = await assertRejects(() => chat.read(), ConnectionError);
  assertEquals(error.code, "reset");
});

test("chaos() and tap() pass bytes of another realm on", async () => {
  const hold = HOLDERS["a Uint8Array of another realm"]!;
  const chunks = [hold("a\n"), hold("b\n"), null];
  const inner = { ...plainConnection(), read: () => Promise.resolve(chunks.shift() ?? null) };
  const seen: string[] = [];
  const outer = tap(chaos(inner, { seed: 1, split: 0.5, merge: 1 }), (line) => seen.push(line));
  const chat = new Chat(outer, { terminator: "\n" });
  assertFrame(await chat.read(), "a");
  assertFrame(await chat.read(), "b");
  assertEquals(await chat.read(), null);
  assert(seen.length > 0);
  chat.close();
});

test("a chat tells the error of another realm that it was closed with, as it is", async () => {
  const reason = foreignError("enough");
  const chat = new Chat(memoryPair()[0], { terminator: "\n" });
  const read = chat.read();
  chat.close(reason);
  assertStrictEquals(await read.catch((error: unknown) => error), reason);
  assertStrictEquals(await chat.closed, reason);
});

test("a chat tells the error of another realm that its connection rejects with, as it is", async () => {
  for (const part of ["read", "write"] as const) {
    const reason = foreignError(`cannot ${part}`);
    const connection = plainConnection();
    const read = (): Promise<null> => Promise.resolve(null);
    const fails = { read, [part]: () => Promise.reject(reason) };
    const chat = new Chat({ ...connection, ...fails }, { terminator: "\n" });
    chat.push("x");
    await chat.flush().catch(() => {});
    assertStrictEquals(await chat.read().catch((error: unknown) => error), reason, part);
    assertStrictEquals(await chat.closed, reason, part);
  }
});

test("a chat makes an error of whatever else its connection rejects with", async () => {
  for (const reason of [undefined, null, "words", 7, {}, Object.create(null)]) {
    const chat = new Chat({ ...plainConnection(), read: () => Promise.reject(reason) }, {
      terminator: "\n",
    });
    const error = await assertRejects(() => chat.read(), ConnectionError);
    assertStrictEquals(error.cause, reason);
  }
});

test("streams and iterables that fail with an error of another realm, or with anything else, make a ConnectionError", async () => {
  const reasons: readonly (readonly [unknown, string])[] = [
    [foreignError("it tore"), "it tore"],
    [undefined, "undefined"],
    [null, "null"],
    [Object.create(null), "object"],
  ];
  for (const [reason, words] of reasons) {
    const readable = new ReadableStream<Uint8Array>({ start: (it) => it.error(reason) });
    const sink: WriterLike = { write: () => Promise.reject(reason) };
    const failures: readonly (() => Promise<unknown>)[] = [
      () => fromStreams({ readable }).read(),
      () => readAll(fromIterable(failing(reason))),
      () => fromIterable([], sink).write(bytes("x")),
    ];
    for (const fail of failures) {
      const error = await assertRejects(fail, ConnectionError, words);
      assertStrictEquals(error.cause, reason);
      assertEquals(error.code, "other");
    }
  }
});

test("an error of another realm keeps its code", async () => {
  const readable = new ReadableStream<Uint8Array>({
    start: (it) => it.error(foreignError("no", { code: "ECONNREFUSED" })),
  });
  const error = await assertRejects(() => fromStreams({ readable }).read(), ConnectionError);
  assertEquals(error.code, "refused");
});

test("check() of a framing may give no promise, of another realm either", () => {
  const promise = vm.runInNewContext("Promise.reject(new Error())");
  const framing = {
    *decode() {
      const line = yield "\n";
      return { length: line.length, skip: 0, check: () => promise };
    },
  } satisfies Framing;
  const framer = new Framer({ terminator: framing });
  framer.push("a\n");
  try {
    framer.next();
    assert(false, "it was handed out");
  } catch (error) {
    assertEquals((error as Error).name, "FramingError");
  }
});

test("MalformedFrameError carries bytes of another realm", () => {
  const hold = HOLDERS["a Uint8Array of another realm"]!;
  const error = new MalformedFrameError("wrong", { bytes: hold("x") });
  assertEquals(text(error.bytes), "x");
});

async function* failing(reason: unknown): AsyncGenerator<Uint8Array> {
  yield bytes("x");
  throw reason;
}

/** A connection of your own that says nothing and takes everything. */
function plainConnection(): Connection {
  let close!: () => void;
  const closed = new Promise<void>((resolve) => close = resolve);
  return {
    closed,
    close: () => close(),
    read: () => new Promise(() => {}),
    write: () => Promise.resolve(),
    closeWrite: () => Promise.resolve(),
  };
}
