/** How a chat ends, and what it says of that: at once and when done, by itself, by a timeout or a signal. */
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Chat, ClosedError, ConnectionError, memoryPair, tap } from "../../mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
import { bytes, text } from "../support/bytes.ts";
import { chatPair, scripted, testWithChaos, ticks } from "../support/chats.ts";
import { readAll } from "../support/connection_checks.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";
import { type Timers, withClock, withTimers } from "../support/timers.ts";
import { nextTurn } from "../support/turn.ts";

const BROKEN = new ConnectionError("reset", "it broke");

// When all is sent

testWithChaos(
  "Chat.closeWrite() ends sending after the queue, and reading goes on",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    chat.push("question\n");
    await Promise.all([chat.closeWrite(), chat.closeWrite()]);
    assertStrictEquals(text(await readAll(peer)), "question\n");
    await assertRejects(() => chat.push("more"), ClosedError);
    await peer.write(bytes("answer\n"));
    assertStrictEquals(await chat.read(), "answer");
    await peer.closeWrite();
    assertStrictEquals(await chat.read(), null);
    assertStrictEquals(await chat.closed, undefined);
  },
);

testWithChaos(
  "Chat.closeWhenDone() sends all, ends its direction, reads and drops what the peer sends, and closes",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const data = "x".repeat(100_000);
    chat.push([data, data], "last words");
    const done = chat.closeWhenDone();
    assertStrictEquals(chat.closeWhenDone(), done);
    assertStrictEquals(text(await readAll(peer)), data + data + "last words");
    for (let i = 0; i < 20; i++) await peer.write(bytes(data)); // it is not kept, and nothing breaks
    assertStrictEquals(chat.stats.buffered, 0);
    await peer.closeWrite();
    await done;
    assertStrictEquals(await chat.closed, undefined);
    assertStrictEquals(await chat.read(), null);
    await assertRejects(() => chat.push("more"), ClosedError);
  },
);

testWithChaos(
  "Chat.closeWhenDone() lets a producer that reads the chat come to its end",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    async function* shout(): AsyncGenerator<string> {
      for await (const frame of chat) yield frame.toUpperCase() + "\n";
    }
    chat.push(shout());
    const done = chat.closeWhenDone();
    await peer.write(bytes("one\ntwo\n"));
    await peer.closeWrite();
    assertStrictEquals(text(await readAll(peer)), "ONE\nTWO\n");
    await done;
  },
);

testWithChaos(
  "Chat.closeWhenDone() ends a waiting read, and a loop whose terminator stays 0, when all is sent",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const reading = chat.read();
    const done = chat.closeWhenDone();
    assertStrictEquals(await reading, null);
    await peer.write(bytes("too late\n"));
    assertStrictEquals(await chat.read(), null);
    await peer.closeWrite();
    await done;

    const [empty, its] = chatPair({ terminator: 0 });
    assertStrictEquals(await empty.read(), "");
    const closing = empty.closeWhenDone();
    for await (const frame of empty) assertStrictEquals(frame.length, 0);
    await its.closeWrite();
    await closing;
  },
);

test("Chat.closeWhenDone() reads what a peer sends that could lose its last bytes, and nothing of another", async () => {
  for (const canReset of [true, undefined, false]) {
    const connection = new ScriptedConnection({ canReset });
    const chat = new Chat(tap(connection, () => {}), { terminator: "\n" });
    await chat.send("bye");
    const done = chat.closeWhenDone();
    connection.arrive(null);
    await done;
    assertEquals([connection.reads, connection.writeEnded], [canReset === false ? 0 : 1, true]);
  }
});

test("Chat.closeWhenDone() resolves when its connection is gone, and not before", async () => {
  const { chat, connection } = scripted({}, new ScriptedConnection({ isSlow: true }));
  const reading = chat.read();
  let isDone = false;
  const done = chat.closeWhenDone().then(() => isDone = true);
  assertStrictEquals(await reading, null);
  connection.arrive(null); // what the read has asked for
  await nextTurn();
  assertEquals([isDone, connection.reads, connection.closes.length], [false, 1, 1]);
  connection.vanish();
  await done;
});

test("Chat.closeWhenDone() gives up on a peer that sends nothing for 2 s, or for 30 s does not end", async () => {
  for (const limit of [2_000, 30_000]) {
    await withTimers(async (timers) => {
      const limits = (): number[] => [...timers.values()].map(({ after }) => after).sort();
      const { chat, connection } = scripted();
      const done = chat.closeWhenDone();
      for (let i = 0; i < 3; i++) {
        await nextTurn();
        assertEquals(limits(), [2_000, 30_000]);
        const silence = Math.max(...timers.keys());
        connection.arrive(bytes("on and on"));
        await nextTurn();
        assert(!timers.has(silence), "it does not begin to wait anew");
      }
      assertEquals(connection.closes, []);
      [...timers.values()].find(({ after }) => after === limit)!.call();
      await Promise.allSettled([done]);
      assertEquals([connection.closes.length, timers.size], [1, 0]);
    });
  }
});

test("Chat.closeWhenDone() says that it gave up when the peer had sent something since, and not what had come before", async () => {
  for (const isSending of [false, true]) {
    await withTimers(async (timers) => {
      const { chat, connection } = scripted();
      const leaving = chat[Symbol.asyncIterator]();
      const left = leaving.next();
      await leaving.return!();
      assertEquals(await left, { done: true, value: undefined });
      connection.arrive(bytes("before\n")); // for the read that is under way: nobody waits for it
      await nextTurn();
      const done = chat.closeWhenDone();
      await nextTurn();
      if (isSending) connection.arrive(bytes("since\n"));
      await nextTurn();
      [...timers.values()].find(({ after }) => after === 2_000)!.call();
      if (isSending) {
        const error = await assertRejects(() => done, ConnectionError, "had not ended");
        assertStrictEquals(error.code, "timeout");
        assertStrictEquals(await chat.closed, error);
      } else {
        await done;
        assertStrictEquals(await chat.closed, undefined);
      }
      assertEquals([connection.closes.length, timers.size], [1, 0]);
    });
  }
});

test("Chat.closeWhenDone() says that it gave up also when the peer had sent something before all was sent", async () => {
  await withTimers(async (timers) => {
    const { chat, connection } = scripted();
    connection.hold();
    chat.push("the last words");
    await connection.wrote();
    const done = chat.closeWhenDone();
    const read = chat.read();
    connection.arrive(bytes("meanwhile\n"));
    assertStrictEquals(await read, "meanwhile");
    connection.release();
    await nextTurn();
    [...timers.values()].find(({ after }) => after === 2_000)!.call();
    const error = await assertRejects(() => done, ConnectionError, "had not ended");
    assertStrictEquals(error.code, "timeout");
  });
});

test("Chat.closeWhenDone() gives up on a peer that sends without end, as fast as it is read", async () => {
  const connection = new ScriptedConnection();
  connection.read = () =>
    connection.closes.length === 0
      ? Promise.resolve(bytes("on and on"))
      : Promise.reject(new ClosedError("closed"));
  const { chat } = scripted({ linger: { total: 20, idle: Infinity } }, connection);
  const error = await assertRejects(() => chat.closeWhenDone(), ConnectionError, "had not ended");
  assertStrictEquals(error.code, "timeout");
});

test("Chat.closeWhenDone() rejects when what was pushed could not be sent, also when that was before", async () => {
  const { chat, connection } = scripted();
  connection.hold();
  chat.push("lost");
  const done = chat.closeWhenDone();
  connection.release(BROKEN);
  assertStrictEquals(await assertRejects(() => done, ConnectionError), BROKEN);
  assertStrictEquals(await chat.closed, BROKEN);

  const silent = scripted({ idleTimeout: 1 });
  silent.connection.hold();
  silent.chat.push("lost");
  const error = await silent.chat.closed;
  assertStrictEquals(await assertRejects(() => silent.chat.closeWhenDone(), Error), error);
});

test("Chat says in closeWhenDone() and closed that its direction could not be ended, and how", async () => {
  const full = new Error("the disk is full");
  const { chat, connection } = scripted();
  connection.closeWrite = () => Promise.reject(full);
  chat.push("x");
  assertStrictEquals(await assertRejects(() => chat.closeWhenDone(), Error), full);
  assertStrictEquals(await chat.closed, full);
});

test("Chat.closeWhenDone() resolves when the connection breaks while its direction ends: all was sent", async () => {
  for (const code of ["reset", "tls"] as const) {
    const [left, right] = memoryPair();
    class Breaking extends WrappedConnection {
      override async closeWrite(): Promise<void> {
        await super.closeWrite();
        throw new ConnectionError(code, "the peer has hung up");
      }
    }
    const chat = new Chat(new Breaking(left), { terminator: "\n" });
    await chat.send("bye");
    const closing = chat.closeWhenDone();
    assertEquals(await readAll(right), bytes("bye\n"));
    right.close();
    await closing;
  }
});

test("await using of a Chat sends what was pushed, and closes", async () => {
  const [left, right] = memoryPair();
  const received = readAll(right).then(async (data) => {
    await right.closeWrite();
    return data;
  });
  {
    await using chat = new Chat(left, { terminator: "\n" });
    chat.push("bye\n");
  }
  await left.closed;
  assertStrictEquals(text(await received), "bye\n");
});

test("await using of a Chat rejects with what broke, unless a read has: it would hide the error that left the block", async () => {
  const use = async (isRead: boolean): Promise<void> => {
    const connection = new ScriptedConnection();
    await using chat = new Chat(connection, { terminator: "\n" });
    connection.hold();
    chat.push("never sent");
    connection.arrive(BROKEN);
    connection.release(BROKEN);
    if (isRead) await chat.read();
  };
  for (const isRead of [true, false]) {
    assertStrictEquals(await assertRejects(() => use(isRead), ConnectionError), BROKEN);
  }
});

// At once

test("Chat.close() ends waiting reads and drops what waits, when it has no reason", async () => {
  const { chat, connection } = scripted({ highWaterMark: 1 });
  connection.hold();
  const reads = [chat.read(), chat.read("x")];
  const sending = [chat.push("waits"), chat.flush()];
  chat.close();
  chat.close(new Error("again"));
  assertEquals(await Promise.all(reads), [null, null]);
  for (const each of [...sending, chat.push("x"), chat.flush()]) {
    await assertRejects(() => each, ClosedError);
  }
  assertStrictEquals(await chat.read(), null);
  assertStrictEquals(await chat.closed, undefined);
  assertEquals(connection.closes, [undefined]);
  await chat.closeWhenDone();
});

test("Chat.flush() resolves after close() when nothing was lost", async () => {
  const { chat } = scripted();
  chat.push("sent");
  await chat.flush();
  chat.close();
  await chat.flush();
});

testWithChaos(
  "Chat.close() rejects waiting reads and pushes with its reason, and closed resolves with it",
  async (chatPair) => {
    const [chat] = chatPair({ highWaterMark: 1 });
    const waiting = [chat.read(), chat.push("x".repeat(100_000))];
    const reason = new Error("enough");
    chat.close(reason);
    for (const each of [...waiting, chat.read(), chat.push("x")]) {
      assertStrictEquals(await assertRejects(() => each, Error), reason);
    }
    assertStrictEquals(await chat.closed, reason);

    const [other] = chatPair();
    other.close("enough");
    const error = await assertRejects(() => other.read(), ClosedError, "enough");
    assertStrictEquals(error.cause, "enough");

    const [another] = chatPair();
    another.close(Symbol("enough"));
    await assertRejects(() => another.read(), ClosedError, "Symbol(enough)");
  },
);

test("Chat.closed says nothing of what close() has interrupted", async () => {
  const { chat, connection } = scripted({}, new ScriptedConnection({ isSlow: true }));
  connection.hold();
  chat.push("is being written");
  await connection.wrote();
  chat.close();
  await nextTurn();
  connection.vanish();
  assertStrictEquals(await chat.closed, undefined);
});

test("Chat.closed resolves when the chat is closed while what is left of a closed connection is read", async () => {
  for (let count = 0; count < 10; count++) {
    const [left, right] = memoryPair();
    const chat = new Chat(left, { terminator: "\n" });
    await left.closeWrite();
    await right.write(bytes("one\n"));
    await right.closeWrite();
    await ticks(count);
    chat.close();
    assertStrictEquals(await chat.closed, undefined);
  }
});

// By itself

test("Chat says in closed why the connection ended by itself, though the program does not read", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("one\n"));
  connection.arrive(BROKEN);
  connection.vanish();
  assertStrictEquals(await chat.closed, BROKEN);
  assertStrictEquals(await chat.read(), "one");
  await assertRejects(() => chat.read(), ConnectionError, "it broke");
});

test("Chat is closed also when closed of its connection rejects", async () => {
  const connection = new ScriptedConnection();
  Object.defineProperty(connection, "closed", { value: Promise.reject(new Error("gone")) });
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(null);
  assertStrictEquals(await chat.closed, undefined);
});

test("Chat says in closed what broke, also after the connection is gone: in a write, in a read, or when it closes", async () => {
  const writing = scripted();
  writing.connection.hold();
  writing.chat.push("lost");
  writing.connection.arrive(null);
  assertStrictEquals(await writing.chat.read(), null);

  const closing = scripted();
  const done = closing.chat.closeWhenDone();
  await closing.chat.read();
  closing.connection.arrive(bytes("whatever"));

  const reading = scripted();
  reading.connection.hold();
  reading.chat.push("taken");
  await reading.connection.wrote();

  for (const { connection } of [writing, closing, reading]) connection.vanish();
  await ticks();
  writing.connection.release(BROKEN);
  closing.connection.arrive(BROKEN);
  reading.connection.release();
  await reading.chat.flush();
  reading.connection.arrive(BROKEN);
  await done;
  for (const { chat } of [writing, closing, reading]) {
    assertStrictEquals(await chat.closed, BROKEN);
  }
});

test("Chat stops the producer that is under way, and says reset, when the connection is gone after the peer has ended", async () => {
  const { chat, connection } = scripted();
  let returned = 0;
  chat.push({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<string>>(() => {}),
      return: () => {
        returned++;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  });
  const flushed = chat.flush();
  connection.arrive(null);
  assertStrictEquals(await chat.read(), null);
  connection.vanish();
  const error = await assertRejects(() => flushed, ConnectionError, "before all was sent");
  assertStrictEquals(error.code, "reset");
  assertStrictEquals(await chat.closed, error);
  assertStrictEquals(returned, 1);
});

test("Chat fetches what had arrived, and closes, when sending fails", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("ERR too much\n"));
  connection.arrive(null);
  connection.hold();
  connection.release(BROKEN);
  chat.push("too much");
  assertStrictEquals(await chat.closed, BROKEN);
  assertEquals(connection.closes, [BROKEN]);
  assertStrictEquals(await chat.read(), "ERR too much");
  await assertRejects(() => chat.read(), ConnectionError, "it broke");

  const ended = scripted();
  ended.connection.arrive(null);
  assertStrictEquals(await ended.chat.read(), null);
  ended.connection.hold();
  ended.connection.release(BROKEN);
  ended.chat.push("too late");
  await assertRejects(() => ended.chat.flush(), ConnectionError);
  assertEquals(ended.connection.closes, [BROKEN]);
  assertStrictEquals(await ended.chat.closed, BROKEN);
  await assertRejects(() => ended.chat.read(), ConnectionError, "it broke");
});

test("Chat closes its connection with the first failure, also when it is closed before what had arrived is fetched", async () => {
  for (const end of ["close", "closeWhenDone"] as const) {
    const { chat, connection } = scripted();
    const reading = chat.read();
    connection.hold();
    chat.push("too much");
    await connection.wrote();
    const done = end === "closeWhenDone" ? chat.closeWhenDone() : undefined;
    connection.release(BROKEN);
    await ticks(50);
    if (end === "close") chat.close(new Error("for another reason"));
    assertEquals(connection.closes, [BROKEN]);
    assertStrictEquals(await chat.closed, BROKEN);
    for (const told of [reading, chat.read(), done ?? chat.flush()]) {
      assertStrictEquals(await told.catch((error) => error), BROKEN);
    }
  }
});

test("Chat fetches a bounded amount when sending fails and the peer goes on and on", async () => {
  const { chat, connection } = scripted();
  for (let i = 0; i < 100; i++) connection.arrive(new Uint8Array(256 * 1024));
  connection.hold();
  connection.release(BROKEN);
  chat.push("x");
  assertStrictEquals(await chat.closed, BROKEN);
  await ticks(1_000);
  assertLess(connection.reads, 10);
});

// When the peer is silent

/** Lets the one timer fire that is set. Returns after how many milliseconds the one fires that takes its place, if any does. */
function fire(timers: Timers): number | undefined {
  const [[id, { call }], ...others] = timers as unknown as [[number, { call(): void }]];
  assertEquals(others, []);
  timers.delete(id);
  call();
  const [next] = timers.values();
  return next?.after;
}

test("Chat takes the peer for silent only while something is waited for, and anew whenever something passes", async () => {
  await withClock(async (timers, pass) => {
    const { chat, connection } = scripted({ idleTimeout: 5 });
    await nextTurn();
    assertStrictEquals(timers.size, 0);
    const reading = chat.read();
    assertStrictEquals(fire(timers), 5, "a read waits");
    pass(3);
    assertStrictEquals(fire(timers), 2, "nothing came");
    connection.arrive(bytes("half "));
    await nextTurn();
    assertStrictEquals(fire(timers), 5, "something came");
    pass(3);
    connection.hold();
    chat.push("still here?\n");
    await connection.wrote();
    assertStrictEquals(fire(timers), 5, "a write waits, too");
    pass(3);
    connection.release();
    await chat.flush();
    assertStrictEquals(fire(timers), 5, "it was taken");
    connection.arrive(bytes("a line\n"));
    assertStrictEquals(await reading, "half a line");
    await nextTurn();
    assertStrictEquals(timers.size, 0);

    const silent = chat.read();
    pass(5);
    assertStrictEquals(fire(timers), undefined);
    const error = await assertRejects(() => silent, ConnectionError, "silent for 5 ms");
    assertStrictEquals(error.code, "timeout");
    assertStrictEquals(await chat.closed, error);
    assertStrictEquals(await assertRejects(() => chat.push("x"), ConnectionError), error);
    assertStrictEquals(timers.size, 0);
  });
});

testWithChaos(
  "Chat closes with the code timeout when it waits for a frame and the peer is silent",
  async (chatPair) => {
    const [chat, peer] = chatPair({ idleTimeout: 5 });
    await peer.write(bytes("half"));
    const error = await assertRejects(() => chat.read(), ConnectionError);
    assertStrictEquals(error.code, "timeout");
    assertStrictEquals(await peer.read(), null);
  },
);

test("Chat takes a peer for silent that takes nothing of what waits, or a direction that does not come to its end", async () => {
  const full = scripted({ idleTimeout: 5 });
  full.connection.hold();
  full.chat.push("waits");
  const endless = scripted({ idleTimeout: 5 });
  endless.connection.closeWrite = () => new Promise(() => {});
  for (const { chat } of [full, endless]) {
    chat.closeWhenDone();
    assertStrictEquals((await chat.closed as ConnectionError).code, "timeout");
  }
  await assertRejects(() => full.chat.closeWhenDone(), ConnectionError, "silent");
});

test("Chat takes no peer for silent that takes a large array part by part, pushed or produced", async () => {
  await withClock(async (timers, pass) => {
    const { chat, connection } = scripted({ idleTimeout: 5 });
    const large = new Uint8Array(100 * 1024).map((_, i) => i);
    connection.hold();
    chat.push(large, [large]);
    for (let count = 1; count <= 4; count++) {
      await connection.wrote(count);
      assertStrictEquals(connection.writes.length, count);
      pass(3);
      connection.release();
      connection.hold();
      if (count === 4) break;
      await connection.wrote(count + 1);
      assertStrictEquals(fire(timers), 5, "the time has not begun again");
    }
    await chat.flush();
    await nextTurn();
    assertStrictEquals(timers.size, 0);
    assertEquals(connection.writes.map(({ length }) => length / 1024), [64, 36, 64, 36]);
    assertEquals(connection.writes[3], large.subarray(64 * 1024));
  });
});

test("Chat has limits of its own for a peer that it closes on, and leaves a detached connection alone", async () => {
  await withTimers(async (timers) => {
    const idle = (): number => [...timers.values()].filter(({ after }) => after === 5).length;
    const [chat, peer] = chatPair({ idleTimeout: 5 });
    const reading = chat.read();
    assertStrictEquals(idle(), 1);
    const done = chat.closeWhenDone();
    assertStrictEquals(await reading, null);
    await nextTurn();
    assertStrictEquals(idle(), 0);
    await peer.closeWrite();
    await done;
    assertStrictEquals(timers.size, 0);

    const [other, its] = chatPair({ idleTimeout: 5 });
    const waiting = other.read();
    const { connection } = other.detach();
    await assertRejects(() => waiting, ClosedError);
    await nextTurn();
    assertStrictEquals(timers.size, 0);
    await its.write(bytes("x"));
    assertEquals(await connection.read(), bytes("x"));
    assertStrictEquals(timers.size, 0);
  });
});

test("Chat refuses an idleTimeout and a signal that are none", () => {
  for (const idleTimeout of [-1, NaN, 2 ** 31]) {
    assertThrows(() => chatPair({ idleTimeout }), RangeError, "idleTimeout");
  }
  assertThrows(() => chatPair({ idleTimeout: "5" as unknown as number }), TypeError, '"5"');
  assertThrows(() => chatPair({ signal: {} as unknown as AbortSignal }), TypeError, "AbortSignal");
});

// By a signal

testWithChaos(
  "Chat closes with the reason of its signal when that is aborted, and listens no more when it is closed",
  async (chatPair) => {
    const signal = new CountingSignal();
    const [chat] = chatPair({ signal });
    const [reading, reason] = [chat.read(), new Error("shutting down")];
    signal.abort(reason);
    assertStrictEquals(await assertRejects(() => reading, Error), reason);
    assertStrictEquals(await chat.closed, reason);
    assertStrictEquals(signal.listeners, 0);

    const [late] = chatPair({ signal });
    assertStrictEquals(await late.closed, reason);

    const other = new CountingSignal();
    const [first] = chatPair({ signal: other });
    const [second] = chatPair({ signal: other });
    assertStrictEquals(other.listeners, 1);
    first.close();
    second.close();
    await Promise.all([first.closed, second.closed]);
    assertStrictEquals(other.listeners, 0);
  },
);

// What has passed

test("Chat.stats counts bytes and frames in and out, and what waits", async () => {
  const { chat, connection } = scripted();
  const nothing = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0, buffered: 0, queued: 0 };
  assertEquals(chat.stats, nothing);
  connection.arrive(bytes("one\ntwo\nabcdefleft"));
  await chat.read();
  await chat.read();
  for await (const _ of chat.stream(6));
  connection.hold();
  chat.send("1234");
  chat.push(
    "567",
    (function* (): Generator<string> {
      yield "produced ahead";
    })(),
  );
  await connection.wrote();
  chat.push("89");
  const seen = { ...nothing, bytesIn: 18, framesIn: 3, framesOut: 1, buffered: 4 };
  assertEquals(chat.stats, { ...seen, queued: 24 });
  connection.release();
  await chat.flush();
  assertEquals(chat.stats, { ...seen, bytesOut: 24 });
  chat.close();
  await assertRejects(() => chat.send("refused"), ClosedError);
  assertEquals(chat.stats, { ...seen, bytesOut: 24, buffered: 0 });
});
