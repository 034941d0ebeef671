/** Frames in: one after the other, with a limit, piece by piece, in batches; and when the connection is read for them. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Chat,
  ClosedError,
  type Connection,
  ConnectionError,
  type FrameLayout,
  FrameTooLongError,
  IncompleteFrameError,
  lengthPrefixed,
  MalformedFrameError,
  memoryPair,
  netstring,
  TimeoutError,
} from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { chatOf, chatPair, scripted, testWithChaos, ticks } from "../support/chats.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { withTimers } from "../support/timers.ts";

const BROKEN = new ConnectionError("reset", "it broke");

async function framesOf(chat: Chat<string>): Promise<string[]> {
  const frames: string[] = [];
  for await (const frame of chat) frames.push(frame);
  return frames;
}

async function contentOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return text(concat(all));
}

// One after the other

testWithChaos("Chat yields frames, empty ones too, until the peer ends", async (chatPair) => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\ntw"));
  await peer.write(bytes("o\n\n"));
  await peer.closeWrite();
  assertEquals(await framesOf(chat), ["one", "two", ""]);
  assertStrictEquals(await chat.read(), null);
});

testWithChaos(
  "Chat carries on at the next frame when a loop was left, however, and another is begun",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntwo\nthree\nfour\nfive\n"));
    for await (const frame of chat) {
      assertStrictEquals(frame, "one");
      break;
    }
    const failing = async (): Promise<void> => {
      for await (const frame of chat) throw new Error(frame);
    };
    await assertRejects(failing, Error, "two");
    assertStrictEquals(await chat.read(), "three");
    assertEquals(await chat[Symbol.asyncIterator]().return!(7), { done: true, value: 7 });
    const wrapped = (async function* (): AsyncGenerator<string> {
      yield* chat;
    })();
    assertStrictEquals((await wrapped.next()).value, "four");
    await assertRejects(() => wrapped.throw(new Error("mine")), Error, "mine");
    await peer.closeWrite();
    assertEquals(await framesOf(chat), ["five"]);
  },
);

testWithChaos(
  "Chat's iterators give up what they asked for when they are returned from, and nothing is lost",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const reader = ReadableStream.from(chat).getReader();
    const reading = reader.read();
    await reader.cancel();
    assertStrictEquals((await reading).done, true);
    const batches = chat.batches();
    const [batch, returned] = [batches.next(), batches.return!()];
    await Promise.all([batch, returned]);
    await peer.write(bytes("one\n"));
    assertStrictEquals(await chat.read(), "one");
  },
);

testWithChaos(
  "Chat cuts by the terminator that the loop sets, also what has arrived already",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("5\nhello11\nhello\nworld0\n3\nbye"));
    await peer.closeWrite();
    const messages: string[] = [];
    for await (const frame of chat) {
      if (chat.terminator === "\n") chat.terminator = Number(frame);
      else {
        messages.push(frame);
        chat.terminator = "\n";
      }
    }
    assertEquals(messages, ["hello", "hello\nworld", "", "bye"]);
  },
);

test("Chat looks at what is here at once when the terminator or the limit is set while a read waits", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("line\nno line, and more"));
  assertStrictEquals(await chat.read(), "line");
  const reading = chat.read(); // " no line" is here, and no more is to come
  chat.terminator = 7;
  assertStrictEquals(await reading, "no line");
  const tooLong = chat.read("\n");
  chat.maxFrameLength = 9;
  await assertRejects(() => tooLong, FrameTooLongError);
});

testWithChaos("Chat answers reads in the order they were asked", async (chatPair) => {
  const [chat, peer] = chatPair();
  const reads = [chat.read(), chat.read(3), chat.readBytes(), chat.read()];
  await peer.write(bytes("one\ntwothree\n"));
  await peer.closeWrite();
  assertEquals(await Promise.all(reads), ["one", "two", bytes("three"), null]);
});

test("Chat asks the connection for bytes only while a frame is asked for", async () => {
  const { chat, connection } = scripted();
  assertStrictEquals(connection.reads, 0);
  const reads = [chat.read(), chat.read()];
  assertStrictEquals(connection.reads, 1);
  connection.arrive(bytes("one\ntwo\nthree\nfo"));
  await Promise.all(reads);
  await chat.read();
  assertStrictEquals(connection.reads, 1);
});

test("Chat.read() uses its own terminator once and leaves the sticky one alone", async () => {
  const chat = chatOf({}, "one;two\nthree");
  assertStrictEquals(await chat.read(";"), "one");
  assertStrictEquals(chat.terminator, "\n");
  assertStrictEquals(await chat.read(), "two");
  assertStrictEquals(await chat.read(null), "three");
});

testWithChaos(
  "Chat.read() keeps its delimiter when the caller changes the array that it gave",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const delimiter = bytes(";");
    const reading = chat.read(delimiter);
    delimiter[0] = 65;
    await peer.write(bytes("ABC;"));
    assertStrictEquals(await reading, "ABC");
  },
);

test("Chat.read() gives text when the chat has an encoding, readBytes() bytes, and readText() text, always", async () => {
  const chat = chatOf({}, "añ", "o\nbytes\nlatin\n");
  assertStrictEquals(await chat.read(), "año");
  assertEquals(await chat.readBytes(), bytes("bytes"));
  assertStrictEquals(await chat.readText(), "latin");
  const [left, right] = memoryPair();
  const other = new Chat(left, { terminator: "\n" });
  await right.write(bytes("año\naño\n"));
  assertStrictEquals(await other.readText(), "año");
  assertEquals(await other.read(), bytes("año"));
});

testWithChaos(
  "Chat.read() gives whole characters when there is no terminator and a chunk ends in one",
  async (chatPair) => {
    const [chat, peer] = chatPair({ terminator: null });
    const grin = bytes("😀");
    await peer.write(grin.subarray(0, 3));
    const reading = chat.read();
    await peer.write(grin.subarray(3));
    assertStrictEquals(await reading, "😀");
    await peer.write(grin.subarray(0, 2));
    await peer.closeWrite();
    assertStrictEquals(await chat.read(), "\ufffd");
    assertStrictEquals(await chat.read(), null);
  },
);

testWithChaos("Chat refuses what is no terminator, and goes on", async (chatPair) => {
  const [chat, peer] = chatPair();
  assertThrows(() => chat.terminator = -1, RangeError, "-1");
  assertThrows(() => chat.terminator = "", TypeError, "empty");
  await assertRejects(() => chat.read(1.5), RangeError, "1.5");
  assertThrows(() => chat.stream(-1), RangeError, "-1");
  assertThrows(() => chat.stream(""), TypeError, "empty");
  assertThrows(() => chat.maxFrameLength = -1, RangeError, "-1");
  await peer.write(bytes("still\n"));
  assertStrictEquals(await chat.read(), "still");
  assertThrows(() => new Chat(peer, { terminator: NaN }), RangeError, "NaN");
});

test("Chat refuses what is no Connection, and says how to make one, and what is not received bytes", () => {
  const likeDeno = { read() {}, write() {}, closeWrite() {}, close() {} };
  for (const wrong of [{}, null, undefined, "127.0.0.1:6000", likeDeno]) {
    const connection = wrong as unknown as Connection;
    assertThrows(() => new Chat(connection, { terminator: "\n" }), TypeError, "fromNode");
  }
  const unread = "HTTP/1.1" as unknown as Uint8Array;
  const make = (): unknown => new Chat(memoryPair()[0], { terminator: "\n" }, unread);
  assertThrows(make, TypeError, "unread must be a Uint8Array, not string");
});

testWithChaos("Chat goes on at the next frame after FrameTooLongError", async (chatPair) => {
  const [chat, peer] = chatPair({ maxFrameLength: 5 });
  await peer.write(bytes("much too long\nshort\n"));
  await assertRejects(() => chat.read(), FrameTooLongError);
  assertStrictEquals(await chat.read(), "short");
  chat.maxFrameLength = 20;
  assertStrictEquals(chat.maxFrameLength, 20);
  await peer.write(bytes("not so long now\n"));
  assertStrictEquals(await chat.read(), "not so long now");
});

testWithChaos(
  "Chat hands out whole frames before IncompleteFrameError, and the end after it",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntw"));
    await peer.closeWrite();
    assertStrictEquals(await chat.read(), "one");
    const error = await assertRejects(() => chat.read(), IncompleteFrameError);
    assertStrictEquals(text(error.bytes), "tw");
    assertStrictEquals(await chat.read(), null);
  },
);

test("Chat hands out whole frames before the error when the connection breaks, and the error again and again", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("one\ntwo\nhalf of ten bytes"));
  connection.arrive(BROKEN);
  assertStrictEquals(await chat.read(), "one");
  const two = chat.read();
  // What is left belongs to a frame that was broken off.
  const reads = [chat.read(100), chat.read(4), chat.readText(null), chat.read()];
  assertStrictEquals(await two, "two");
  for (const read of [...reads, chat.read(4), framesOf(chat), chat.push("x")]) {
    assertStrictEquals(await assertRejects(() => read, ConnectionError), BROKEN);
  }
  assertStrictEquals(await chat.closed, BROKEN);
  assertEquals(connection.closes, [BROKEN]);
});

const MISBEHAVIOUR: Readonly<Record<string, readonly [() => unknown, message: string]>> = {
  "rejects with undefined": [() => Promise.reject(undefined), "undefined"],
  "rejects with a string": [() => Promise.reject("broken"), '"broken"'],
  "throws": [() => {
    throw new Error("at once");
  }, "at once"],
  "gives a string": [() => Promise.resolve("text\n"), "not string"],
  "gives an array": [() => Promise.resolve([1]), "not Array"],
  "gives undefined": [() => Promise.resolve(undefined), "not undefined"],
};
for (const [what, [read, message]] of Object.entries(MISBEHAVIOUR)) {
  test(`Chat ends, and says why, when read() of a connection ${what}`, async () => {
    const { chat, connection } = scripted();
    let reads = 0;
    connection.read = () => {
      if (reads++ > 0) return Promise.reject(new Error("it was read on"));
      return read() as Promise<null>;
    };
    const error = await assertRejects(() => chat.read(), Error, message);
    assertStrictEquals(await chat.closed, error);
    await assertRejects(() => chat.push("x"), Error, message);
  });
}

test("Chat lets other work run during a loop whose terminator stays 0", async () => {
  const [chat] = chatPair({ terminator: 0 });
  let hadTurn = false;
  setTimeout(() => hadTurn = true, 0);
  let frames = 0;
  for await (const _ of chat) if (hadTurn || ++frames > 1_000_000) break;
  assert(hadTurn, `${frames} frames were read, and nothing else was done`);
});

// Limits on a read

testWithChaos(
  "Chat.read() loses nothing when it times out in the middle of a frame",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("half a "));
    const error = await assertRejects(() => chat.read("\n", { timeout: 1 }), TimeoutError, "1 ms");
    assertEquals([error.code, error.timeout], ["timeout", 1]);
    await peer.write(bytes("line\n"));
    assertStrictEquals(await chat.read(), "half a line");
  },
);

testWithChaos(
  "Chat.read() loses nothing when it is aborted in the header of a framing, and the reads behind it are answered",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const frame = lengthPrefixed().encode("hello");
    await peer.write(frame.subarray(0, 6));
    const controller = new AbortController();
    const reading = chat.read(lengthPrefixed(), { signal: controller.signal });
    const next = [chat.readBytes(2), chat.readBytes(7)];
    await ticks(); // the bytes arrive
    controller.abort(new Error("enough"));
    await assertRejects(() => reading, Error, "enough");
    await next[0]; // with what is here
    await peer.write(frame.subarray(6));
    assertEquals(concat((await Promise.all(next)).map((part) => part!)), frame);
  },
);

test("Chat.read() takes no harm when the signal of a read that was answered is aborted by the next frame", async () => {
  const controller = new AbortController();
  let frames = 0;
  const terminator = {
    *decode(): Generator<number, FrameLayout, Uint8Array> {
      const [length] = yield 1;
      if (++frames === 2) controller.abort(new Error("too late"));
      return { length: length! };
    },
  };
  const chat = chatOf({ terminator }, "\x01a\x01b");
  const reads = [chat.read(undefined, { signal: controller.signal }), chat.read()];
  assertEquals(await Promise.all(reads), ["a", "b"]);
});

test("Chat.read() rejects at once, and takes nothing, when its signal is aborted already", async () => {
  const chat = chatOf({}, "one\ntwo\n");
  const reason = new Error("before");
  const signal = AbortSignal.abort(reason);
  const first = chat.read();
  assertStrictEquals(await assertRejects(() => chat.read("\n", { signal }), Error), reason);
  assertStrictEquals(await first, "one");
  assertStrictEquals(await assertRejects(() => chat.read("\n", { signal }), Error), reason);
  assertStrictEquals(await chat.read(), "two");
});

testWithChaos(
  "Chat.read() rejects all reads of a signal that is aborted, also those that could be answered then",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("x\n"));
    const controller = new AbortController();
    const { signal } = controller;
    const reads = [chat.read(100, { signal }), chat.read("\n", { signal })];
    await ticks();
    controller.abort(new Error("enough"));
    for (const read of reads) await assertRejects(() => read, Error, "enough");
    assertStrictEquals(await chat.read(), "x");
  },
);

test("Chat.read() gives what is here when its timeout is 0, and does not wait when nothing is", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\n"));
  assertStrictEquals(await chat.read("\n", { timeout: 0 }), "one");
  await assertRejects(() => chat.read("\n", { timeout: 0 }), TimeoutError);
});

test("Chat.read() leaves no listener on its signal and no timer, however it ends, and has one listener for all reads", async () => {
  await withTimers(async (timers) => {
    const signal = new CountingSignal();
    const options = { signal, timeout: 7 };
    const chat = chatOf({}, "one\nha");
    assertStrictEquals(await chat.read("\n", options), "one");
    await assertRejects(() => chat.read("\n", options), IncompleteFrameError);
    assertStrictEquals(await chat.read("\n", options), null);
    assertEquals([signal.listeners, timers.size], [0, 0]);

    const [other] = chatPair();
    const timedOut = other.read("\n", options);
    const closed = other.read("\n", options);
    assertEquals([signal.listeners, timers.size], [1, 2]);
    timers.values().next().value!.call();
    await assertRejects(() => timedOut, TimeoutError, "7 ms");
    other.close(new Error("bye"));
    await assertRejects(() => closed, Error, "bye");
    assertEquals([signal.listeners, timers.size], [0, 0]);
  });
});

test("Chat.read() refuses a timeout and a signal that are none", async () => {
  const chat = chatOf({}, "one\n");
  for (const timeout of [-1, NaN, 2 ** 31]) {
    await assertRejects(() => chat.read("\n", { timeout }), RangeError, String(timeout));
  }
  for (const timeout of ["5", null, 1n]) {
    const options = { timeout: timeout as unknown as number };
    await assertRejects(() => chat.read("\n", options), TypeError, "milliseconds");
  }
  for (const signal of [{}, "abort", null]) {
    const options = { signal: signal as unknown as AbortSignal };
    await assertRejects(() => chat.read("\n", options), TypeError, "AbortSignal");
  }
  assertStrictEquals(await chat.read("\n", { timeout: Infinity }), "one");
});

// Piece by piece

test("Chat.stream() gives a frame of any size piece by piece, whatever the limit, and then the next frame", async () => {
  const chat = chatOf({ maxFrameLength: 4 }, "ten by", "tes!", "a long ", "line\n\nnext\n");
  assertStrictEquals(await contentOf(chat.stream(10)), "ten bytes!");
  assertStrictEquals(await contentOf(chat.stream()), "a long line");
  assertStrictEquals(await contentOf(chat.stream(0)), "");
  assertStrictEquals(await contentOf(chat.stream()), "");
  assertStrictEquals(await chat.read(), "next");
});

test("Chat.stream() gives the payload of a framing as it arrives, and checks what follows it", async () => {
  const chat = chatOf(
    { terminator: netstring(), maxFrameLength: 4 },
    ...["11:hello", " world", ",2:ok,3:bad;1:x,"],
  );
  const pieces: string[] = [];
  for await (const piece of chat.stream()) pieces.push(text(piece));
  assertEquals(pieces, ["hello", " world"]);
  assertStrictEquals(await chat.read(), "ok");
  await assertRejects(() => contentOf(chat.stream()), MalformedFrameError, '","');
  assertStrictEquals(await chat.read(), "x");
});

test("Chat.stream() gives all that comes when there is no terminator, and nothing is lost when it is left", async () => {
  const chat = chatOf({ terminator: null }, "one", "two", "three");
  for await (const piece of chat.stream()) {
    assertStrictEquals(text(piece), "one");
    break;
  }
  assertStrictEquals(await chat.read(), "two");
  assertStrictEquals(await contentOf(chat.stream(null)), "three");
});

test("Chat skips the rest of a stream that was left before it cuts the next frame", async () => {
  const content = "a frame of 20 bytes.";
  for (const terminator of [20, ".", netstring()] as const) {
    const [chat, peer] = chatPair({ maxFrameLength: 8 });
    const frame = typeof terminator === "object" ? `20:${content},` : content;
    await peer.write(bytes(frame.slice(0, 9)));
    for await (const piece of chat.stream(terminator)) {
      assert(text(piece).startsWith("a "));
      break;
    }
    const next = chat.read();
    for (const char of `${frame.slice(9)}next\n`) await peer.write(bytes(char));
    assertStrictEquals(await next, "next");
  }
});

testWithChaos(
  "Chat skips a stream that was left before its first piece came, however that is done",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const stream = chat.stream(3);
    const next = chat.read();
    await stream.return();
    await peer.write(bytes("abcnext\n"));
    assertStrictEquals(await next, "next");

    const waiting = chat.stream(3);
    const piece = waiting.next();
    await waiting.return();
    assertEquals(await piece, { done: true, value: undefined });
    {
      await using _ = chat.stream(3);
    }
    const thrownInto = chat.stream(3);
    await assertRejects(() => thrownInto.throw!(new Error("mine")), Error, "mine");
    await peer.write(bytes("abcdefghilast\n"));
    assertStrictEquals(await chat.read(), "last");
  },
);

test("Chat does not read on for a stream that was left, begun or not, until a read waits behind it", async () => {
  const { chat, connection } = scripted({ terminator: netstring() });
  connection.arrive(bytes("abc"));
  const stream = chat.stream(10);
  await stream.next();
  await stream.return();
  const untouched = chat.stream();
  await untouched.return();
  assertEquals(await untouched.next(), { done: true, value: undefined });
  assertStrictEquals(connection.reads, 1);
  const next = chat.read();
  assertStrictEquals(connection.reads, 2);
  connection.arrive(bytes("defghij7:skipped,4:next,"));
  assertStrictEquals(await next, "next");
});

testWithChaos(
  "Chat.stream() takes its turn among the reads when it is called",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const first = chat.read();
    const second = chat.stream(3);
    const third = chat.read();
    const other = chat.stream();
    await peer.write(bytes("one\ntwothree\nfour\n"));
    assertStrictEquals(await first, "one");
    assertStrictEquals(await contentOf(second), "two");
    assertStrictEquals(await third, "three");
    assertStrictEquals(await contentOf(other), "four");
  },
);

test("Chat.stream() answers several next() in their order", async () => {
  const [chat, peer] = chatPair();
  const stream = chat.stream(4);
  const pieces = [stream.next(), stream.next(), stream.next(), stream.next()];
  await peer.write(bytes("ab"));
  await peer.write(bytes("cd"));
  const values = (await Promise.all(pieces)).map(({ value }) => value && text(value));
  assertEquals(values, ["ab", "cd", undefined, undefined]);
});

test("Chat.stream() rejects with IncompleteFrameError when the stream ends before the frame does, or begins", async () => {
  for (const incomplete of ["throw", "drop"] as const) {
    const chat = chatOf({ incomplete }, "half");
    const stream = chat.stream("\r\n");
    assertStrictEquals(text((await stream.next()).value!), "half");
    await assertRejects(() => stream.next(), IncompleteFrameError);
    assertEquals(await stream.next(), { done: true, value: undefined });
    await assertRejects(() => contentOf(chat.stream(5)), IncompleteFrameError, "0 bytes");
    assertStrictEquals(await chat.read(), null);
  }
  const chat = chatOf({ incomplete: "yield" }, "half\r");
  assertStrictEquals(await contentOf(chat.stream("\r\n")), "half\r");
  assertStrictEquals(await contentOf(chat.stream("\r\n")), "");
});

test("Chat.stream() hands out what had arrived, and then the error, when the connection breaks", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("half"));
  connection.arrive(BROKEN);
  const stream = chat.stream(10);
  assertStrictEquals(text((await stream.next()).value!), "half");
  await assertRejects(() => stream.next(), ConnectionError, "it broke");
});

testWithChaos(
  "Chat.stream() rejects when the chat is closed before the frame has ended, unless there is no terminator",
  async (chatPair) => {
    for (const close of ["close", "closeWhenDone"] as const) {
      const [chat, peer] = chatPair();
      await peer.write(bytes("half"));
      const [begun, behind] = [chat.stream(10), chat.stream(10)];
      await begun.next();
      const waiting = begun.next();
      void chat[close]();
      await assertRejects(() => waiting, ClosedError, "before the frame had ended");
      assertEquals(await begun.next(), { done: true, value: undefined });
      await assertRejects(() => behind.next(), ClosedError);
      await peer.closeWrite();
    }
    const [chat] = chatPair();
    const [waiting, endless] = [chat.stream(10).next(), chat.stream(null)];
    const reason = new Error("enough");
    chat.close(reason);
    assertStrictEquals(await assertRejects(() => waiting, Error), reason);
    assertStrictEquals(await assertRejects(() => endless.next(), Error), reason);

    const [other] = chatPair();
    const all = other.stream(null).next();
    other.close();
    assertEquals(await all, { done: true, value: undefined });
  },
);

testWithChaos(
  "Chat.stream() goes by the terminator that was in force when it was begun, when the chat is closed",
  async (chatPair) => {
    const [chat, peer] = chatPair({ terminator: 100 });
    await peer.write(bytes("half"));
    const stream = chat.stream();
    await stream.next();
    chat.terminator = null;
    chat.close();
    await assertRejects(() => stream.next(), ClosedError);
  },
);

test("Chat.stream() is a source for ReadableStream.from(), which leaves it when it is cancelled", async () => {
  const chat = chatOf({ maxFrameLength: 4 }, "first ", "body", "second body", "next\n");
  assertStrictEquals(await new Response(ReadableStream.from(chat.stream(10))).text(), "first body");
  await ReadableStream.from(chat.stream(11)).cancel();
  assertStrictEquals(await chat.read(), "next");
});

// In batches

test("Chat.batches() gives all frames, in batches of one or more, whatever the chunks", async () => {
  const chat = chatOf({}, "one\ntwo\nthr", "ee", "\n", "\nlast\n");
  const batches: string[][] = [];
  for await (const batch of chat.batches()) batches.push([...batch]);
  assertEquals(batches, [["one", "two"], ["three"], ["", "last"]]);
});

test("Chat.batches() cuts by the terminator that the inner loop sets for the very next frame", async () => {
  const chat = chatOf({}, "5\nhello2\nok", "0\n3\nbye");
  const messages: string[] = [];
  for await (const batch of chat.batches()) {
    for (const frame of batch) {
      if (chat.terminator === "\n") chat.terminator = Number(frame);
      else {
        messages.push(frame);
        chat.terminator = "\n";
      }
    }
  }
  assertEquals(messages, ["hello", "ok", "", "bye"]);
});

test("Chat.batches() loses nothing when a loop is left, the inner or the outer", async () => {
  const chat = chatOf({}, "one\ntwo\nthree\nfour\nfive\n");
  const seen: string[] = [];
  outer: for await (const batch of chat.batches()) {
    for (const frame of batch) {
      seen.push(frame);
      if (frame === "one") break;
      if (frame === "three") break outer;
    }
  }
  seen.push((await chat.read())!);
  for await (const batch of chat.batches()) seen.push(...batch);
  assertEquals(seen, ["one", "two", "three", "four", "five"]);
});

testWithChaos("Chat.batches() ends a batch for a read that waits", async (chatPair) => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\ntwo\n12"));
  const { value: batch } = await chat.batches().next();
  const iterator = batch![Symbol.iterator]();
  assertStrictEquals(iterator.next().value, "one");
  const waiting = chat.read(10); // "two\n12" and what comes
  assertStrictEquals(iterator.next().done, true);
  await peer.write(bytes("3456"));
  assertStrictEquals(await waiting, "two\n123456");
});

test("Chat.batches() throws in the inner loop what a frame comes to, and goes on behind it", async () => {
  const chat = chatOf({ maxFrameLength: 4 }, "one\nmuch too long\ntwo\nha");
  const seen: string[] = [];
  const readOn = async (): Promise<void> => {
    for await (const batch of chat.batches()) for (const frame of batch) seen.push(frame);
  };
  await assertRejects(readOn, FrameTooLongError);
  assertEquals(seen, ["one"]);
  await assertRejects(readOn, IncompleteFrameError);
  assertEquals(seen, ["one", "two"]);
  assertStrictEquals(await chat.read(), null);
});

test("Chat.batches() rejects when the connection breaks, after the frames that are whole", async () => {
  const { chat, connection } = scripted();
  connection.arrive(bytes("one\ntwo\nthr"));
  connection.arrive(BROKEN);
  const seen: string[] = [];
  await assertRejects(async () => {
    for await (const batch of chat.batches()) seen.push(...batch);
  }, ConnectionError);
  assertEquals(seen, ["one", "two"]);
});

testWithChaos(
  "Chat.batches() gives no frame of a batch any more when the chat was closed",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("one\ntwo\n"));
    for await (const batch of chat.batches()) {
      const seen: string[] = [];
      for (const frame of batch) {
        seen.push(frame);
        chat.close();
      }
      assertEquals(seen, ["one"]);
    }
    const [empty] = chatPair({ terminator: 0 });
    const { value: batch } = await empty.batches().next();
    empty.close();
    assertEquals([...batch!], []);
  },
);

testWithChaos(
  "Chat.batches() waits for the rest of a character, when there is no terminator",
  async (chatPair) => {
    const [chat, peer] = chatPair({ terminator: null });
    await peer.write(bytes("é").subarray(0, 1));
    const next = chat.batches().next();
    let given = false;
    next.then(() => given = true);
    await ticks(20);
    assertStrictEquals(given, false);
    await peer.write(bytes("é").subarray(1));
    assertEquals([...(await next).value!], ["é"]);
  },
);
