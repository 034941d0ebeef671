/** Producers: how far they are pulled ahead, in how few writes, in which async context, and that what they hold is given back. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createReadStream, readdirSync, readlinkSync } from "node:fs";
import { connect as netConnect, createServer, type Socket } from "node:net";
import process from "node:process";
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  connect,
  type Data,
  listen,
  memoryPair,
  type Producer,
  ProducerError,
} from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { scripted, testWithChaos, ticks } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { Folder } from "../support/folder.ts";
import { named } from "../support/peers.ts";
import { nextTurn } from "../support/turn.ts";

const MARK = 64 * 1024;
const PIECE = "a piece of 20 bytes\n";

/** A producer that fails at once. */
function failing(): Iterable<string> {
  const next = (): never => {
    throw new Error("out of paper");
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

// Ahead, and no further

/** Producers that never end, of each kind, and how many bytes they have yielded. */
class Endless {
  yielded = 0;
  readonly #piece: Data;
  readonly #length: number;

  constructor(piece: string | Uint8Array) {
    this.#piece = piece;
    this.#length = piece.length;
  }

  *generator(): Generator<Data> {
    for (;;) yield this.#next();
  }

  async *asyncGenerator(): AsyncGenerator<Data & Uint8Array> {
    for (;;) yield this.#next() as Uint8Array & Data;
  }

  stream(): Producer {
    const pull = (controller: ReadableStreamDefaultController<Data>): void =>
      controller.enqueue(this.#next());
    return new ReadableStream<Data>({ pull }, { highWaterMark: 0 });
  }

  #next(): Data {
    this.yielded += this.#length;
    return this.#piece;
  }
}

for (const kind of ["generator", "asyncGenerator", "stream"] as const) {
  for (const highWaterMark of [1, 1000, MARK]) {
    test(`Chat pulls an endless ${kind} ahead up to a highWaterMark of ${highWaterMark}, and one piece, while nothing is taken`, async () => {
      const { chat, connection } = scripted({ highWaterMark });
      const endless = new Endless(PIECE);
      connection.hold();
      chat.push(endless[kind]());
      for (let i = 0; i < 20; i++) await nextTurn();
      const most = highWaterMark + PIECE.length - 1;
      assert(endless.yielded >= highWaterMark, `${endless.yielded} bytes were yielded`);
      assert(endless.yielded <= most, `${endless.yielded} bytes were yielded, at most ${most}`);
      assertStrictEquals(chat.stats.queued, endless.yielded);
      // What was taken makes room for as much, and no more.
      const before = connection.sent.length;
      connection.release();
      for (let i = 0; i < 20; i++) {
        await nextTurn();
        assert(endless.yielded - connection.sent.length <= most);
      }
      assert(connection.sent.length > before);
      chat.close();
    });
  }
}

test("Chat does not ask a producer for a piece while what was pushed before it fills the mark", async () => {
  const { chat, connection } = scripted({ highWaterMark: 10 });
  const endless = new Endless("x");
  connection.hold();
  chat.push("0123456789", endless.generator());
  await nextTurn();
  assertStrictEquals(endless.yielded, 0);
  chat.close();
});

test("Chat does not count what producers have yielded for maxQueuedBytes, nor for the room of a push", async () => {
  const { chat, connection } = scripted({ highWaterMark: 4096, maxQueuedBytes: 2000 });
  connection.hold();
  chat.push(new Endless(new Uint8Array(4000)).asyncGenerator());
  await connection.wrote();
  await chat.push("after it");
  await chat.push("and after that");
  assertStrictEquals(chat.stats.queued, 8000 + 22);
  chat.close();
});

test("Chat writes many small pieces with few writes, together with what is pushed around them", async () => {
  for (const kind of ["generator", "async generator"]) {
    const { chat, connection } = scripted();
    const pieces = Array.from({ length: 1000 }, (_, i) => `piece ${i}\n`);
    const producer = kind === "generator" ? pieces.values() : async function* () {
      yield* pieces;
    }();
    chat.push("head\n", producer, "tail\n", pieces.slice(0, 3), "end\n");
    await chat.flush();
    assertStrictEquals(
      connection.sent,
      `head\n${pieces.join("")}tail\n${pieces.slice(0, 3).join("")}end\n`,
    );
    assertLess(connection.writes.length, 100, kind); // (more than a few where the machine is busy)
  }
});

test("Chat has a piece on the wire within the turn, also when data was gathered before", async () => {
  const { chat, connection } = scripted();
  let produce = (_: string): void => {};
  chat.push(async function* () {
    for (;;) yield await new Promise<string>((resolve) => produce = resolve);
  }());
  await nextTurn();
  for (const piece of ["one", "two", "three"]) {
    const before = connection.sent;
    produce(piece);
    await nextTurn();
    assertStrictEquals(connection.sent, before + piece);
    await nextTurn();
  }
  chat.close();
});

test("Chat lets other work have its turn while a producer yields nothing, or takes long, for ever", async () => {
  const slow = function* (): Generator<string> {
    for (;;) {
      const end = performance.now() + 1;
      while (performance.now() < end);
      yield "x";
    }
  };
  const empty = function* (): Generator<string> {
    for (;;) yield "";
  };
  const emptyLater = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(0);
  };
  for (const producer of [slow(), empty(), emptyLater()]) {
    const { chat } = scripted();
    chat.push(producer);
    for (let i = 0; i < 3; i++) await nextTurn(); // it comes at all
    chat.close();
  }
});

testWithChaos(
  "Chat joins a character that is cut between two strings of a producer",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    chat.push(["a\ud83d", "\ude00b", "\ud83d", "", "\ude00", "c\ud83d", bytes("d"), "\ude00"], [
      "\ud83d",
    ], "\ude00");
    chat.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "a\u{1f600}b\u{1f600}c\ufffdd\ufffd\ufffd\ufffd");
  },
);

test("Chat sends what came before a producer that fails, and then ends with its error", async () => {
  for (
    const make of [
      function* (): Generator<string> {
        yield "half";
        throw new Error("out of paper");
      },
      async function* (): AsyncGenerator<string> {
        yield "half";
        throw new Error("out of paper");
      },
    ]
  ) {
    const { chat, connection } = scripted();
    connection.hold();
    chat.push("head ", make(), "tail");
    await connection.wrote();
    await nextTurn();
    connection.release();
    const error = await chat.closed;
    assert(error instanceof ProducerError);
    assertStrictEquals(connection.sent, "head half");
    assertStrictEquals(await chat.push("x").catch((reason) => reason), error);
  }
});

test("Chat forgets the failure of a producer that discardBuffers() has dropped, with what came before it", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("head ", failing());
  await connection.wrote();
  await nextTurn();
  chat.discardBuffers();
  connection.release();
  await nextTurn();
  chat.push("more");
  await chat.flush();
  assertStrictEquals(connection.sent, "head more");
});

// In the context of its push

test("Chat runs a producer in the async context of the push() that brought it, to its finally", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const note = (what: string): void => void seen.push(`${what} ${storage.getStore()}`);
  function* rows(name: string): Generator<string> {
    try {
      for (let i = 0; i < 3; i++) {
        note(name);
        yield "x".repeat(40);
      }
    } finally {
      note(`${name} ends`);
    }
  }
  async function* rowsLater(name: string): AsyncGenerator<string> {
    await nextTurn();
    yield* rows(name);
  }
  const { chat } = scripted({ highWaterMark: 50 });
  for (const tenant of ["A", "B"]) {
    storage.run(tenant, () => void chat.push(rows(tenant), rowsLater(tenant), rows(tenant)));
  }
  await chat.flush();
  const stopped = scripted({ highWaterMark: 1 });
  stopped.connection.hold();
  storage.run("C", () => void stopped.chat.push(rows("C"), rows("never begun")));
  await stopped.connection.wrote();
  await nextTurn();
  storage.run("someone else", () => stopped.chat.close());
  await ticks();
  const once = (
    tenant: string,
  ): string[] => [...Array(3).fill(`${tenant} ${tenant}`), `${tenant} ends ${tenant}`];
  assertEquals(seen, [...["A", "A", "A", "B", "B", "B"].flatMap(once), "C C", "C ends C"]);
});

// Given back

/** How a producer comes not to be drained. */
const STOPS: Record<string, (chat: Chat, producer: Producer, other: () => Producer) => unknown> = {
  "while it is drained": async (chat, producer) => {
    chat.push(producer).catch(() => {});
    await nextTurn();
    await nextTurn();
    chat.close();
  },
  "before it has begun": (chat, producer, other) => {
    chat.push(other(), producer).catch(() => {});
    chat.close();
  },
  "by discardBuffers()": (chat, producer, other) => {
    chat.push(other(), producer).catch(() => {});
    chat.discardBuffers();
  },
  "because the one before it fails": async (chat, producer) => {
    await assertRejects(
      () => Promise.all([chat.push(failing(), producer), chat.flush()]),
      ProducerError,
    );
  },
  "because the chat was closed before the push": async (chat, producer) => {
    chat.close();
    await assertRejects(() => chat.push(producer), ClosedError);
  },
  "because the sending side was ended before the push": async (chat, producer) => {
    await chat.closeWrite();
    await assertRejects(() => chat.push(producer), ClosedError);
  },
};

/** Makes a producer, and tells how often it was told that it will not be drained. */
type MakeSource = () => { producer: Producer; released: () => boolean };

const never = (): Promise<never> => new Promise(() => {});

const SOURCES: Record<string, MakeSource> = {
  "an iterator whose next() never settles": () => {
    let returned = 0;
    const iterator = {
      next: never,
      return: () => {
        returned++;
        return never();
      },
    };
    return {
      producer: { [Symbol.asyncIterator]: () => iterator } as unknown as Producer,
      released: () => returned === 1,
    };
  },
  "a ReadableStream that gives nothing": () => {
    let cancelled = 0;
    const producer = new ReadableStream<Data>({ pull: never, cancel: () => void cancelled++ });
    return { producer: producer as unknown as Producer, released: () => cancelled === 1 };
  },
  "the body of a Response": () => {
    let cancelled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(bytes("x".repeat(MARK))),
      cancel: () => void cancelled++,
    });
    return {
      producer: new Response(body).body as unknown as Producer,
      released: () => cancelled === 1,
    };
  },
  "a Readable that gives nothing": () => {
    const producer = new Readable({ read(): void {} });
    return { producer, released: () => producer.destroyed };
  },
  "a Readable of an async generator": () => {
    const producer = Readable.from(new Endless(new Uint8Array(MARK)).asyncGenerator());
    return { producer, released: () => producer.destroyed };
  },
};

for (const [what, makeSource] of Object.entries(SOURCES)) {
  for (const [when, stop] of Object.entries(STOPS)) {
    test(`Chat gives back ${what} that is not drained ${when}`, async () => {
      const chat = new Chat(memoryPair()[0], { terminator: "\n" });
      const [source, other] = [makeSource(), makeSource()];
      await stop(chat, source.producer, () => other.producer);
      for (let i = 0; i < 100 && !source.released(); i++) await nextTurn();
      assert(source.released());
      chat.close();
    });
  }
}

test("Chat destroys a socket that is pushed and not drained", async () => {
  for (const stop of Object.values(STOPS)) {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as { port: number };
    const [socket, other] = [netConnect(port, "127.0.0.1"), netConnect(port, "127.0.0.1")];
    const closed = new Promise((done) => socket.on("close", done));
    const chat = new Chat(memoryPair()[0], { terminator: "\n" });
    await stop(chat, socket, () => other);
    await closed;
    chat.close();
    other.destroy();
    for (const each of sockets) each.destroy();
    await new Promise((done) => server.close(done));
  }
});

const onLinux: { skip: string | false } = {
  skip: process.platform === "linux" ? false : "needs /proc",
};

/** How often the process has the file open. (Linux) */
function countOpen(path: string): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}

const { Deno, Bun } = globalThis as {
  Deno?: { open(path: string): Promise<{ readable: ReadableStream<Uint8Array> }> };
  Bun?: { file(path: string): { stream(): ReadableStream<Uint8Array> } };
};
/** Opens the file twice. */
const FILES: Record<string, (path: string) => Promise<[Producer, () => Producer]>> = {
  "a file of node:fs": (path) =>
    Promise.resolve([createReadStream(path), () => createReadStream(path)]),
  ...(Deno && {
    "a Deno.FsFile": async (path) => {
      const { readable } = await Deno.open(path);
      return [readable, () => createReadStream(path)];
    },
  }),
  ...(Bun && {
    "a Bun.file()": (path) => {
      const open = (): Producer => Bun.file(path).stream();
      return Promise.resolve([open(), open]);
    },
  }),
};

for (const [what, open] of Object.entries(FILES)) {
  for (const [when, stop] of Object.entries(STOPS)) {
    test(named(`Chat closes ${what} that is not drained ${when}`, onLinux), onLinux, async () => {
      using folder = new Folder();
      const path = folder.write("file", new Uint8Array(4 * 1024 * 1024));
      const listener = await listen({ port: 0, terminator: "\n" });
      const chat = await connect({ port: listener.address.port, terminator: "\n" });
      const peer = (await listener.accept())!; // it reads nothing
      await stop(chat, ...await open(path));
      chat.close();
      while (countOpen(path) > 0) await new Promise((done) => setTimeout(done, 1));
      peer.close();
      await listener.close();
    });
  }
}

test("Chat does not end the process when a stream fails that waits for its turn, and tells its error then", async () => {
  const { chat, connection } = scripted();
  let goOn = (): void => {};
  chat.push(
    async function* () {
      yield "first";
      await new Promise<void>((resolve) => goOn = resolve);
    }(),
    createReadStream("/no/such/file"),
  );
  await connection.wrote();
  for (let i = 0; i < 10; i++) await new Promise((done) => setTimeout(done, 1)); // it fails meanwhile
  goOn();
  const error = await chat.closed;
  assert(error instanceof ProducerError);
  assertStrictEquals((error.cause as { code?: string }).code, "ENOENT");
  assertStrictEquals(connection.sent, "first");
});

/** A generator that closes the chat that drains it, and counts that it was told. */
function* closing(chat: Chat<string>, told: string[]): Generator<string> {
  try {
    chat.close();
    yield "not sent";
    told.push("asked again");
  } finally {
    told.push("told");
  }
}

async function* closingLater(chat: Chat<string>, told: string[]): AsyncGenerator<string> {
  yield* closing(chat, told);
}

test("Chat tells a generator that closes it while it runs", async () => {
  for (const make of [closing, closingLater]) {
    const { chat } = scripted();
    const told: string[] = [];
    chat.push(make(chat, told));
    await nextTurn();
    assertEquals(told, ["told"]);
  }
});

test("Chat ignores what a producer throws when it is told that it will not be drained", async () => {
  const { chat } = scripted();
  const throwing = {
    [Symbol.asyncIterator]: () => ({
      next: never,
      return: () => {
        throw new Error("not now");
      },
    }),
  } as unknown as Producer;
  const rejecting = new ReadableStream({ cancel: () => Promise.reject(new Error("not now")) });
  chat.push(throwing, rejecting as unknown as Producer);
  await nextTurn();
  chat.close();
  await nextTurn();
  assertStrictEquals(await chat.closed, undefined);
});

// What is none

test("Chat refuses a Blob, a Response and an object with more(), and says what to push instead", () => {
  const { chat } = scripted();
  const refused: [unknown, string][] = [
    [new Blob(["x"]), "not Blob: push its stream()"],
    [new Response("x"), "not Response: push its body"],
    [new Request("http://localhost", { method: "POST", body: "x" }), "not Request: push its body"],
    [{ more: () => "x" }, "not an object with more(): write a generator"],
    [42, "not number"],
    [null, "not null"],
    [() => "x", "not function"],
    [{}, "not Object"],
  ];
  for (const [item, message] of refused) {
    assertThrows(() => chat.push("not queued", item as Data), TypeError, message);
  }
  assertStrictEquals(chat.stats.queued, 0);
  assert(!(chat.push("x") instanceof ChatError));
  chat.close();
});
