/** One ending, one story: whatever breaks, all who wait and all who come later are told the same error, over each transport. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import {
  BackpressureError,
  Chat,
  type ChatOptions,
  connect,
  type Connection,
  ConnectionError,
  ProducerError,
} from "../../mod.ts";
import { scripted } from "../support/chats.ts";
import { Folder } from "../support/folder.ts";
import { startPeerProcess } from "../support/peer_process.ts";
import { TRANSPORT_PAIRS } from "../support/transport_pairs.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const REASON = new Error("the reason");
/** More than a system takes, and less than may wait. */
const MUCH = new Uint8Array(12 * 1024 * 1024);

type Options = Partial<Omit<ChatOptions, "encoding">>;

/** A way to break, which is brought about when all are waiting. */
interface Break {
  readonly options?: Options;
  bring(chat: Chat<string>, peer: Connection): void;
}

const fail = function* (): Generator<string> {
  throw REASON;
};

const BREAKS: Readonly<Record<string, Break>> = {
  "the peer closes": { bring: (_chat, peer) => peer.close() },
  "close(reason)": { bring: (chat) => chat.close(REASON) },
  "a signal": { bring: () => {} }, // see play()
  "too much waits": {
    options: { maxQueuedBytes: MUCH.length },
    bring: (chat) => void chat.push("one more"),
  },
  "idleTimeout": { options: { idleTimeout: 50 }, bring: () => {} },
};

/** What settles, by its name. */
type Outcomes = Record<string, Promise<unknown>>;

/** Those who wait when it breaks. */
function waiting(chat: Chat<string>): Outcomes {
  return told({
    "a waiting push": chat.push("behind it"),
    "a waiting flush": chat.flush(),
    "a waiting loop": chat[Symbol.asyncIterator]().next(),
    "a waiting read": chat.read(),
    "a waiting readBytes": chat.readBytes(),
    "a waiting batch": chat.batches().next(),
    "a waiting stream": chat.stream().next(),
  });
}

/** Those who come when it has broken. */
function later(chat: Chat<string>): Outcomes {
  return told({
    "a later push": chat.push("too late"),
    "a later producer": chat.push(["too late"]),
    "a later send": chat.send("too late"),
    "a later flush": chat.flush(),
    "a later read": chat.read(),
    "a later readText": chat.readText(5),
    "a later loop": chat[Symbol.asyncIterator]().next(),
    "a later batch": chat.batches().next(),
    "a later stream": chat.stream().next(),
    "a later closeWrite": chat.closeWrite(),
    "a later closeWhenDone": chat.closeWhenDone(),
  });
}

function told(outcomes: Outcomes): Outcomes {
  const toldOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then((value) => value ?? `nothing: ${value}`, (error) => error);
  return Object.fromEntries(Object.entries(outcomes).map(([who, it]) => [who, toldOf(it)]));
}

/**
 * Checks that all are told the one error, and returns that.
 * @param isClosed Whether the program has closed it: then `closeWhenDone()` has nothing more to tell, and waits for the end.
 */
async function check(
  chat: Chat<string>,
  first: Outcomes,
  isClosed: boolean = false,
): Promise<Error> {
  const error = await chat.closed;
  assert(error !== undefined, "closed tells of no error");
  const all = { ...first, ...later(chat) };
  for (const [who, outcome] of Object.entries(all)) {
    const other = await outcome;
    const expected = isClosed && who === "a later closeWhenDone" ? "nothing: undefined" : error;
    assert(other === expected, `${who} is told ${other}, and closed ${error}`);
  }
  assertStrictEquals(await chat.closed, error);
  assertEquals(chat.stats.queued, 0);
  return error;
}

function assertIsOf(error: Error, breaks: readonly string[]): void {
  const could: Readonly<Record<string, boolean>> = {
    "the peer closes": error instanceof ConnectionError && error.code === "reset",
    "close(reason)": error === REASON,
    "a signal": error === REASON,
    "too much waits": error instanceof BackpressureError,
    "idleTimeout": error instanceof ConnectionError && error.code === "timeout",
  };
  assert(breaks.some((name) => could[name]), `${breaks.join(", ")}: ${error}`);
}

/** Plays breaks that come in the same turn. */
async function play(
  connections: readonly [Connection, Connection],
  names: readonly string[],
): Promise<void> {
  const [left, right] = connections;
  const breaks = names.map((name) => BREAKS[name]!);
  const controller = new AbortController();
  const options = Object.assign({}, ...breaks.map(({ options }) => options)) as Options;
  const chat = new Chat(left, {
    ...LINES,
    highWaterMark: 1,
    ...options,
    signal: controller.signal,
  });
  chat.push(MUCH);
  const first = waiting(chat);
  await nextTurn();
  for (const [i, { bring }] of breaks.entries()) {
    if (names[i] === "a signal") controller.abort(REASON);
    else bring(chat, right);
  }
  const isClosed = names.includes("close(reason)") || names.includes("a signal");
  // Its end may come first, and its refusal of what we send after that: then readers are told of the end.
  const senders = { push: first["a waiting push"]!, flush: first["a waiting flush"]! };
  const isOnlyPeer = names.length === 1 && names[0] === "the peer closes";
  const error = await check(chat, isOnlyPeer ? senders : first, isClosed);
  assertIsOf(error, names);
  right.close();
}

const SINGLE = Object.keys(BREAKS);
/** What can come in the same turn, in either order. */
const PAIRS = SINGLE.flatMap((one) =>
  SINGLE.filter((other) => other !== one && one !== "idleTimeout" && other !== "idleTimeout")
    .map((other) => [one, other])
);

for (const [over, makePair] of Object.entries(TRANSPORT_PAIRS)) {
  for (const names of [...SINGLE.map((name) => [name]), ...PAIRS]) {
    test(`Chat tells all the same when it is broken by ${names.join(", then ")}, over ${over}`, async () => {
      await play(await makePair(), names);
    });
  }

  test(`Chat tells all the same when a producer fails, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, highWaterMark: 1 });
    chat.push(fail());
    const error = await check(chat, waiting(chat));
    assertInstanceOf(error, ProducerError);
    assertStrictEquals(error.cause, REASON);
    right.close();
  });
}

for (const over of process.platform === "win32" ? ["TCP"] : ["TCP", "a Unix socket"]) {
  for (const word of over === "TCP" ? ["reset", "close"] : ["close"]) {
    for (const options of [{}, { maxQueuedBytes: MUCH.length }]) {
      const also = "maxQueuedBytes" in options ? ", and too much waits" : "";
      test(`Chat tells all the same when a peer in another process does "${word}" with unread data${also}, over ${over}`, async () => {
        using folder = new Folder();
        const path = over === "TCP" ? undefined : folder.at("a.sock");
        await using peer = await startPeerProcess("obeys", path);
        const chat = await connect({ ...peer.address, ...LINES, highWaterMark: 1, ...options });
        chat.push(MUCH);
        const first = waiting(chat);
        await nextTurn();
        peer.tell(word);
        if (also !== "") {
          await first["a waiting read"];
          void chat.push("one more");
        }
        const error = await check(chat, first);
        assert(error instanceof ConnectionError && error.code === "reset", `${error}`);
      });
    }

    test(`Chat tells all the same when a peer in another process does "${word}" and nothing waits, over ${over}`, async () => {
      using folder = new Folder();
      const path = over === "TCP" ? undefined : folder.at("a.sock");
      await using peer = await startPeerProcess("obeys", path);
      const chat = await connect({ ...peer.address, ...LINES });
      chat.push("a few bytes\n");
      await chat.flush();
      peer.tell(word);
      const error = await chat.read().then((frame) => `no error: ${frame}`, (error) => error);
      assertInstanceOf(error, ConnectionError);
      assertStrictEquals(error.code, "reset");
      const others = told({
        "closed": chat.closed,
        "a later push": chat.push("too late"),
        "a later read": chat.read(),
        "a later loop": chat[Symbol.asyncIterator]().next(),
        "a later stream": chat.stream().next(),
      });
      for (const [who, outcome] of Object.entries(others)) {
        const other = await outcome;
        assert(other === error, `${who} is told ${other}, and the read ${error}`);
      }
    });
  }
}

// Step by step

/** What each of two that fail in the same turn fails with, in the order in which they fail. */
const WRITE_BROKE = new ConnectionError("reset", "the write broke");
const READ_BROKE = new ConnectionError("reset", "the read broke");
const IN_ONE_TURN: Readonly<Record<string, (made: ReturnType<typeof scripted>) => void>> = {
  "a write, then a read": ({ connection }) => {
    connection.release(WRITE_BROKE);
    connection.arrive(READ_BROKE);
  },
  "a read, then a write": ({ connection }) => {
    connection.arrive(READ_BROKE);
    connection.release(WRITE_BROKE);
  },
  "too much, then a write": ({ chat, connection }) => {
    void chat.push("one more");
    connection.release(WRITE_BROKE);
  },
  "a write, then too much": ({ chat, connection }) => {
    connection.release(WRITE_BROKE);
    void chat.push("one more");
  },
  "a read, then too much": ({ chat, connection }) => {
    connection.arrive(READ_BROKE);
    void chat.push("one more");
  },
  "a write, then close(reason)": ({ chat, connection }) => {
    connection.release(WRITE_BROKE);
    chat.close(REASON);
  },
  "close(reason), then a read": ({ chat, connection }) => {
    chat.close(REASON);
    connection.arrive(READ_BROKE);
  },
  "the end, then a write": ({ connection }) => {
    connection.arrive(null);
    connection.release(WRITE_BROKE);
  },
  "a write, then the end": ({ connection }) => {
    connection.release(WRITE_BROKE);
    connection.arrive(null);
  },
  "a write, and too much some microtasks later": ({ chat, connection }) => {
    connection.release(WRITE_BROKE);
    Promise.resolve().then(() => {}).then(() => void chat.push("one more"));
    setImmediate(() => connection.arrive(null));
  },
  "a write, too much, and close(reason)": ({ chat, connection }) => {
    connection.release(WRITE_BROKE);
    void chat.push("one more");
    chat.close(REASON);
  },
};

for (const [what, bring] of Object.entries(IN_ONE_TURN)) {
  test(`Chat tells all the same when in one turn there fails ${what}`, async () => {
    const made = scripted({ highWaterMark: 1, maxQueuedBytes: 1_000 });
    made.connection.hold();
    made.chat.push("x".repeat(2_000));
    await made.connection.wrote();
    const push = told({ "a waiting flush": made.chat.flush() });
    const reads = what.startsWith("the end") || what.endsWith("the end")
      ? {} // they are told of the end
      : told({
        "a waiting read": made.chat.read(),
        "a waiting loop": made.chat[Symbol.asyncIterator]().next(),
      });
    await nextTurn();
    bring(made);
    if (!made.chat.stats.queued) await nextTurn();
    await check(made.chat, { ...push, ...reads }, what.includes("close(reason)"));
  });
}
