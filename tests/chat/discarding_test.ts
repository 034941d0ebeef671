/** After discardBuffers() everything else works as before: in whatever state it finds the chat. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Chat, ChatError, connect, type Producer } from "../../mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { scripted } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { startPeerProcess } from "../support/peer_process.ts";
import type { ScriptedConnection } from "../support/scripted_connection.ts";
import { TRANSPORT_PAIRS } from "../support/transport_pairs.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

interface Scene {
  readonly chat: Chat<string>;
  readonly connection: ScriptedConnection;
  /** What was asked for before, and need only settle. */
  readonly before: Promise<unknown>[];
}

/** What the chat is doing when its buffers are discarded, and what of it is sent all the same. */
const STATES: Readonly<Record<string, readonly [(scene: Scene) => unknown, string]>> = {
  "nothing was pushed": [() => {}, ""],
  "data was pushed": [({ chat }) => void chat.push("dropped"), ""],
  "a write is under way": [async ({ chat, connection }) => {
    connection.hold();
    chat.push("begun ");
    await connection.wrote();
  }, "begun "],
  "a write is under way, and more waits": [async ({ chat, connection }) => {
    connection.hold();
    chat.push("begun ");
    await connection.wrote();
    chat.push("dropped", ["dropped"], "dropped");
  }, "begun "],
  "a producer is waited for": [async ({ chat }) => {
    chat.push(late(), "dropped");
    await nextTurn();
  }, "piece "],
  "a producer was pushed and not begun": [({ chat }) => void chat.push(late()), ""],
  "data waits behind a producer": [async ({ chat, before }) => {
    chat.push(late());
    await nextTurn();
    before.push(chat.push("dropped"), chat.push("x".repeat(100_000)));
  }, "piece "],
  "a producer is held up": [async ({ chat, connection }) => {
    connection.hold();
    chat.push(endless());
    await connection.wrote();
  }, "x".repeat(64 * 1024)],
  "flush() waits": [({ chat, before }) => {
    chat.push("dropped");
    before.push(chat.flush());
  }, "dropped"],
  "flush() waits behind a producer": [({ chat, before }) => {
    chat.push(late());
    before.push(chat.flush(), chat.flush());
  }, ""],
  "a push waits for room": [({ chat, before }) => {
    chat.push(late());
    before.push(chat.push("x".repeat(100_000)));
  }, ""],
  "it was done before": [({ chat }) => {
    chat.push("dropped");
    chat.discardBuffers();
    chat.push("dropped");
  }, ""],
  "frames are here": [async ({ chat, connection }) => {
    connection.arrive(bytes("one\ntwo\nhalf"));
    await chat.read();
  }, ""],
  "a read waits": [({ chat, before }) => {
    before.push(chat.read({ signal: AbortSignal.abort(new Error("given up")) }));
  }, ""],
  "a stream is read in part": [async ({ chat, connection, before }) => {
    const stream = chat.stream(100);
    connection.arrive(bytes("a piece"));
    await stream.next();
    before.push(stream.next());
  }, ""],
  "a stream was left in part": [async ({ chat, connection }) => {
    connection.arrive(bytes("a piece"));
    for await (const _ of chat.stream(100)) break;
  }, ""],
};

/** Gives a piece, and then nothing for ever. */
async function* late(): AsyncGenerator<string & Uint8Array> {
  yield "piece " as string & Uint8Array;
  await new Promise(() => {});
}

function* endless(): Generator<string> {
  for (;;) yield "x".repeat(1024);
}

/** What works as before. Each says what it sends. */
const AFTER: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
  "flush()": async ({ chat }) => (await chat.flush(), ""),
  "push() and flush()": async ({ chat }) => {
    await chat.push("after");
    await chat.flush();
    return "after";
  },
  "a producer": async ({ chat }) => {
    chat.push("<", ["after"], ">");
    await chat.flush();
    return "<after>";
  },
  "closeWrite()": async ({ chat }) => (await chat.closeWrite(), ""),
  "push() and closeWrite()": async ({ chat }) => {
    chat.push("after");
    await chat.closeWrite();
    return "after";
  },
  "closeWhenDone()": async ({ chat, connection }) => {
    connection.arrive(null);
    await chat.closeWhenDone();
    assertStrictEquals(await chat.closed, undefined);
    return "";
  },
  "await using": async ({ chat, connection }) => {
    connection.arrive(null);
    await chat[Symbol.asyncDispose]();
    return "";
  },
  "flush() and detach()": async ({ chat }) => {
    await chat.flush();
    const { unread } = chat.detach();
    assertStrictEquals(unread.length, 0);
    return "";
  },
  "read()": async ({ chat, connection }) => {
    connection.arrive(bytes("after\nand\n"));
    assertEquals([await chat.read(), await chat.read()], ["after", "and"]);
    return "";
  },
  "discardBuffers() and flush()": async ({ chat }) => {
    chat.discardBuffers();
    await chat.flush();
    return "";
  },
};

for (const idleTimeout of [Infinity, 100_000]) {
  for (const [state, [prepare, sent]] of Object.entries(STATES)) {
    const under = idleTimeout === Infinity ? "" : ", under an idleTimeout";
    test(`Chat goes on after discardBuffers() when ${state}${under}`, async () => {
      for (const [what, play] of Object.entries(AFTER)) {
        const scene: Scene = { ...scripted({ idleTimeout }), before: [] };
        const { chat, connection, before } = scene;
        await prepare(scene);
        chat.discardBuffers();
        assertEquals(chat.discardBuffers(), { unread: 0, unsent: 0 }, what);
        connection.release();
        const more = await within(play(scene), `${what} never settles`);
        await within(Promise.allSettled(before), `what waited before ${what} never settles`);
        const all = what === "read()" ? connection.sent : sent + more;
        assertStrictEquals(connection.sent, all, what);
        if (chat.stats.queued > 0) await chat.flush();
        assertStrictEquals(chat.stats.queued, 0, what);
        chat.close();
        await chat.closed;
      }
    });
  }
}

/** So many turns are enough for all that the test does by itself. */
async function within<T>(promise: Promise<T>, message: string): Promise<T> {
  let isSettled = false;
  const onSettled = (): void => void (isSettled = true);
  promise.then(onSettled, onSettled);
  for (let i = 0; i < 100 && !isSettled; i++) await nextTurn();
  assert(isSettled, message);
  return await promise;
}

test("Chat.discardBuffers() tells those whose bytes it drops, and no others", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("begun");
  const ofBegun = chat.flush();
  await connection.wrote();
  chat.push("dropped");
  const ofDropped = chat.flush();
  chat.discardBuffers();
  const ofNothing = chat.flush(); // of the write that is under way
  connection.release();
  await ofNothing;
  const error = await assertRejects(() => ofDropped, ChatError);
  assertStrictEquals(error.code, "discarded");
  await ofBegun.catch((reason) => assertStrictEquals(reason, error));
  assertStrictEquals(connection.sent, "begun");
});

for (const [over, makePair] of Object.entries(TRANSPORT_PAIRS)) {
  test(`Chat goes on after discardBuffers() while a long write is under way, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, idleTimeout: 30_000 });
    const much = new Uint8Array(8 * 1024 * 1024).fill(120);
    chat.push(much);
    await nextTurn();
    const producer: Producer = (function* () {
      yield "dropped";
    })();
    chat.push(producer, "dropped");
    chat.discardBuffers();
    chat.push("after");
    const done = chat.closeWhenDone();
    const received = await readAll(right);
    await right.closeWrite();
    await done;
    assertStrictEquals(await chat.closed, undefined);
    // What was begun is finished, as far as it was begun; and nothing of what was dropped is sent.
    assertStrictEquals(text(received.subarray(-5)), "after");
    assert(received.subarray(0, -5).every((byte) => byte === 120));
    assertStrictEquals(chat.stats.bytesOut, received.length);
  });
}

test("Chat.discardBuffers() again and again lets a peer in another process have all that was flushed", async () => {
  await using peer = await startPeerProcess("reads");
  const chat = await connect({ port: peer.port, ...LINES });
  let sent = 0;
  for (let i = 0; i < 50; i++) {
    chat.push("kept");
    await chat.flush();
    sent += 4;
    chat.push("dropped", ["dropped"]);
    assertEquals(chat.discardBuffers(), { unread: 0, unsent: 7 });
  }
  await chat.closeWhenDone();
  assertStrictEquals(await peer.heard(), `read ${sent}`);
});
