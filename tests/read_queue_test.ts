/** The ways to read a chat, beyond one frame after the other: with a limit, piece by piece, in batches. */
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  type ChatOptions,
  ClosedError,
  connect,
  type Connection,
  ConnectionError,
  type FrameLayout,
  FrameTooLongError,
  IncompleteFrameError,
  lengthPrefixed,
  listen,
  MalformedFrameError,
  memoryPair,
  netstring,
  type Terminator,
  TimeoutError,
} from "../mod.ts";
import { bytes, concat, text } from "./support/bytes.ts";
import { type MakePair, testOverPairs } from "./support/chaos_pairs.ts";
import { countingBytes } from "./support/connection_checks.ts";
import { CountingSignal } from "./support/counting_signal.ts";
import { ScriptedConnection } from "./support/scripted_connection.ts";
import { nextTurn } from "./support/turn.ts";

type Options = Partial<Omit<ChatOptions, "encoding">>;

type MakeChat = (options?: Options) => [Chat<string>, Connection];

/** Makes chats of lines of text unless the options say otherwise, with the other ends of their connections. */
function chatPairOver(makePair: MakePair): MakeChat {
  return (options) => {
    const [left, right] = makePair();
    return [new Chat(left, { terminator: "\n", encoding: "utf-8", ...options }), right];
  };
}

const chatPair = chatPairOver(memoryPair);

/** A test of what holds under chaos, too. */
function testWithChaos(name: string, play: (chatPair: MakeChat) => Promise<void>): void {
  testOverPairs(name, (makePair) => play(chatPairOver(makePair)));
}

/** A chat to which just this arrives, in these chunks, and then the end. */
function chatOf(options: Options, ...chunks: string[]): Chat<string> {
  const connection = new ScriptedConnection();
  for (const chunk of chunks) connection.arrive(bytes(chunk));
  connection.arrive(null);
  return new Chat(connection, { terminator: "\n", encoding: "utf-8", ...options });
}

async function contentOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return text(concat(all));
}

// Text and bytes

test("Chat.read() gives text when the chat has an encoding, and readBytes() bytes", async () => {
  const chat = chatOf({}, "añ", "o\nbytes\nlatin\n");
  assertStrictEquals(await chat.read(), "año");
  assertEquals(await chat.readBytes(), bytes("bytes"));
  assertStrictEquals(await chat.readText(), "latin");
  assertStrictEquals(await chat.read(), null);
});

test("Chat.readText() decodes UTF-8 when the chat has no encoding", async () => {
  const [left, right] = memoryPair();
  const chat = new Chat(left, { terminator: "\n" });
  await right.write(bytes("año\naño\n"));
  assertStrictEquals(await chat.readText(), "año");
  assertEquals(await chat.read(), bytes("año"));
  chat.close();
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
    chat.close();
  },
);

testWithChaos(
  "Chat.read() rejects with MalformedFrameError when the bytes are no text and fatal is set",
  async (chatPair) => {
    const [chat, peer] = chatPair({ fatal: true });
    await peer.write(Uint8Array.of(0xff, 10, 97, 10));
    const error = await assertRejects(() => chat.read(), MalformedFrameError, "utf-8");
    assertEquals(error.bytes, Uint8Array.of(0xff));
    assertStrictEquals(await chat.read(), "a");
    chat.close();
  },
);

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
    chat.close();
  },
);

testWithChaos(
  "Chat.read() loses nothing when it is aborted in the header of a framing",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    const frame = lengthPrefixed().encode("hello");
    await peer.write(frame.subarray(0, 6));
    const controller = new AbortController();
    const reading = chat.read(lengthPrefixed(), { signal: controller.signal });
    const next = chat.readBytes(9);
    controller.abort(new Error("enough"));
    await assertRejects(() => reading, Error, "enough");
    await peer.write(frame.subarray(6));
    assertEquals(await next, frame);
    chat.close();
  },
);

test("Chat.read() takes no harm when the signal of a read that was answered is aborted by the next frame", async () => {
  const [left, right] = memoryPair();
  const controller = new AbortController();
  let frames = 0;
  const terminator = {
    *decode(): Generator<number, FrameLayout, Uint8Array> {
      const [length] = yield 1;
      if (++frames === 2) controller.abort(new Error("too late"));
      return { length: length! };
    },
  };
  const chat = new Chat(left, { terminator });
  const reads = [chat.read(undefined, { signal: controller.signal }), chat.read()];
  await right.write(bytes("\x01a\x01b"));
  assertEquals(await Promise.all(reads), [bytes("a"), bytes("b")]);
  chat.close();
  right.close();
});

testWithChaos(
  "Chat.read() rejects at once, and takes nothing, when its signal is aborted already",
  async (chatPair) => {
    const chat = chatOf({}, "one\n");
    const reason = new Error("before");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => chat.read("\n", { signal }), Error), reason);
    assertStrictEquals(await chat.read(), "one");

    const [waiting] = chatPair();
    const first = waiting.read();
    assertStrictEquals(await assertRejects(() => waiting.read("\n", { signal }), Error), reason);
    waiting.close();
    assertStrictEquals(await first, null);
  },
);

test("Chat.read() gives what is here when its timeout is 0, and does not wait when nothing is", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("one\n"));
  assertStrictEquals(await chat.read("\n", { timeout: 0 }), "one");
  await assertRejects(() => chat.read("\n", { timeout: 0 }), TimeoutError);
  chat.close();
});

testWithChaos(
  "Chat answers the reads behind one that was given up, when what they want is here",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("12345"));
    const controller = new AbortController();
    const first = chat.read("\n", { signal: controller.signal });
    const second = chat.read(5);
    for (let i = 0; i < 10; i++) await Promise.resolve(); // the bytes arrive
    controller.abort();
    await assertRejects(() => first, DOMException);
    assertStrictEquals(await second, "12345");
    chat.close();
  },
);

test("Chat gives no read what belongs to a frame before it that the connection broke off", async () => {
  const broken = new ConnectionError("reset", "it broke");
  const connection = new ScriptedConnection();
  connection.arrive(bytes("whole\nhalf of ten bytes"));
  const chat = new Chat(connection, { terminator: "\n", encoding: "utf-8" });
  const reads = [chat.read(), chat.read(100), chat.read(4), chat.readText(null)];
  connection.arrive(broken);
  assertStrictEquals(await reads[0], "whole");
  for (const read of [...reads.slice(1), chat.read(100), chat.read(4)]) {
    assertStrictEquals(await assertRejects(() => read, ConnectionError), broken);
  }
});

testWithChaos("Chat.read() leaves no listener on its signal, however it ends", async (chatPair) => {
  const signal = new CountingSignal();
  const options = { signal };
  const chat = chatOf({}, "one\n\xff");
  assertStrictEquals(await chat.read("\n", options), "one");
  await assertRejects(() => chat.read("\n", options), IncompleteFrameError);
  assertStrictEquals(await chat.read("\n", options), null);

  const [other] = chatPair();
  const timedOut = other.read("\n", { ...options, timeout: 1 });
  const closed = other.read("\n", options);
  assertStrictEquals(signal.listeners, 1); // one for all reads of a chat
  await assertRejects(() => timedOut, TimeoutError);
  other.close(new Error("bye"));
  await assertRejects(() => closed, Error, "bye");
  assertStrictEquals(signal.listeners, 0);
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

test("Chat loses and doubles no byte when 10,000 reads are aborted at random points", async () => {
  const listener = await listen({ port: 0, terminator: "\n" });
  const client = await connect({ port: listener.address.port, terminator: "\n" });
  const server = (await listener.accept())!;
  let seed = 20261121; // so that a failure can be repeated
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const data = countingBytes(4_000_000);
  let [sent, received, aborted] = [0, 0, 0];
  const check = (frame: Uint8Array, delimiter: Uint8Array): void => {
    const end = received + frame.length + delimiter.length;
    assertEquals(concat([frame, delimiter]), data.slice(received, end));
    received = end;
  };
  const framing = lengthPrefixed({ bytes: 1, strip: 0 });
  const delimiters: Terminator[] = ["\n", Uint8Array.of(3, 4)];
  const terminators = [1, 7, 100, 1000, null, framing, ...delimiters];

  while (aborted < 10_000) {
    // Little by little, so that most reads have to wait.
    if (random(2) === 0) client.push(data.slice(sent, sent += random(200)));
    const controller = new AbortController();
    const terminator = terminators[random(terminators.length)]!;
    const reading = server.read(terminator, { signal: controller.signal });
    // Aborted before its bytes arrive, while they do, and after.
    for (let ticks = random(8); ticks > 0; ticks--) await Promise.resolve();
    if (random(8) === 0) await nextTurn();
    controller.abort();
    try {
      const frame = await reading;
      check(frame!, delimiters.includes(terminator) ? delimitedBy(terminator) : new Uint8Array(0));
    } catch (error) {
      assertInstanceOf(error, DOMException);
      aborted++;
    }
  }
  client.closeWrite();
  server.terminator = null;
  for await (const frame of server) check(frame, new Uint8Array(0));
  assertStrictEquals(received, sent);
  assertLess(100_000, sent);
  await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
});

function delimitedBy(terminator: Terminator): Uint8Array {
  return typeof terminator === "string" ? bytes(terminator) : terminator as Uint8Array;
}

// Piece by piece

test("Chat.stream() gives a frame of any size piece by piece, whatever the limit, and then the next frame", async () => {
  const chat = chatOf({ maxFrameLength: 4 }, "ten by", "tes!", "a long ", "line\nnext\n");
  assertStrictEquals(await contentOf(chat.stream(10)), "ten bytes!");
  assertStrictEquals(await contentOf(chat.stream()), "a long line");
  assertStrictEquals(await chat.read(), "next");
});

test("Chat.stream() gives the payload of a framing as it arrives, and checks what follows it", async () => {
  const chat = chatOf(
    { terminator: netstring(), maxFrameLength: 4 },
    "11:hello",
    " world",
    ",2:ok,3:bad;1:x,",
  );
  const pieces: string[] = [];
  for await (const piece of chat.stream()) pieces.push(text(piece));
  assertEquals(pieces, ["hello", " world"]);
  assertStrictEquals(await chat.read(), "ok");
  await assertRejects(() => contentOf(chat.stream()), MalformedFrameError, '","');
  assertStrictEquals(await chat.read(), "x");
});

test("Chat.stream() gives nothing when the frame is empty", async () => {
  const chat = chatOf({}, "\nnext\n");
  assertStrictEquals(await contentOf(chat.stream(0)), "");
  assertStrictEquals(await contentOf(chat.stream()), "");
  assertStrictEquals(await chat.read(), "next");
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
  const lengthOf = (part: string): string => String(part.length);
  for (const terminator of [20, ".", netstring()] as const) {
    const [chat, peer] = chatPair({ maxFrameLength: 8 });
    const content = "a frame of 20 bytes.";
    const frame = typeof terminator === "object" ? `${lengthOf(content)}:${content},` : content;
    await peer.write(bytes(frame.slice(0, 9)));
    for await (const piece of chat.stream(terminator)) {
      assert(text(piece).startsWith("a "));
      break;
    }
    const next = chat.read();
    for (const char of `${frame.slice(9)}next\n`) await peer.write(bytes(char));
    assertStrictEquals(await next, "next");
    chat.close();
  }
});

testWithChaos("Chat skips a stream that was left before its first piece came", async (chatPair) => {
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
  await peer.write(bytes("abclast\n"));
  assertStrictEquals(await chat.read(), "last");
  chat.close();
});

test("await using of a Chat.stream() leaves it", async () => {
  const chat = chatOf({}, "a bodynext\n");
  {
    await using _ = chat.stream(6);
  }
  assertStrictEquals(await chat.read(), "next");
});

test("Chat does not read on for a stream that was left, until a frame is asked for", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(bytes("abc"));
  const stream = chat.stream(10);
  await stream.next();
  await stream.return();
  assertStrictEquals(connection.reads, 1);
  const next = chat.readText();
  assertStrictEquals(connection.reads, 2);
  connection.arrive(bytes("defghijnext\n"));
  assertStrictEquals(await next, "next");
});

test("Chat does not read to find the end of a frame that was left, until somebody waits behind it", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: netstring(), encoding: "utf-8" });
  const stream = chat.stream();
  await stream.return();
  assertEquals(await stream.next(), { done: true, value: undefined });
  assertStrictEquals(connection.reads, 0);
  const next = chat.read();
  connection.arrive(bytes("7:skipped,4:next,"));
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
    chat.close();
  },
);

test("Chat.stream() answers several next() in their order", async () => {
  const [chat, peer] = chatPair();
  const stream = chat.stream(4);
  const pieces = [stream.next(), stream.next(), stream.next()];
  await peer.write(bytes("ab"));
  await peer.write(bytes("cd"));
  assertEquals((await Promise.all(pieces)).map(({ value }) => value && text(value)), [
    "ab",
    "cd",
    undefined,
  ]);
  chat.close();
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
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(bytes("half"));
  connection.arrive(new ConnectionError("reset", "it broke"));
  const stream = chat.stream(10);
  assertStrictEquals(text((await stream.next()).value!), "half");
  await assertRejects(() => stream.next(), ConnectionError, "it broke");
});

testWithChaos(
  "Chat.stream() rejects when the chat is closed before the frame has ended",
  async (chatPair) => {
    for (
      const close of [
        (chat: Chat<string>) => chat.close(),
        (chat: Chat<string>) => void chat.closeWhenDone(),
      ]
    ) {
      const [chat, peer] = chatPair();
      await peer.write(bytes("half"));
      const [begun, behind] = [chat.stream(10), chat.stream(10)];
      await begun.next();
      const waiting = begun.next();
      close(chat);
      await assertRejects(() => waiting, ClosedError, "before the frame had ended");
      assertEquals(await begun.next(), { done: true, value: undefined });
      await assertRejects(() => behind.next(), ClosedError);
      await peer.closeWrite();
    }
    const [chat] = chatPair();
    const waiting = chat.stream(10).next();
    const endless = chat.stream(null);
    const reason = new Error("enough");
    chat.close(reason);
    assertStrictEquals(await assertRejects(() => waiting, Error), reason);
    assertStrictEquals(await assertRejects(() => endless.next(), Error), reason);

    const [other] = chatPair();
    const all = other.stream(null).next();
    other.close(); // without a terminator there is nothing that is not whole
    assertEquals(await all, { done: true, value: undefined });
  },
);

test("Chat.stream() refuses what is no terminator at once", () => {
  const [chat] = chatPair();
  assertThrows(() => chat.stream(-1), RangeError, "-1");
  assertThrows(() => chat.stream(""), TypeError, "empty");
  chat.close();
});

test("Chat.stream() is a source for ReadableStream.from(), pipeTo() and a Response", async () => {
  const chat = chatOf(
    { maxFrameLength: 4 },
    "first ",
    "body",
    "second body",
    "third body!",
    "next\n",
  );
  assertStrictEquals(await new Response(ReadableStream.from(chat.stream(10))).text(), "first body");

  const written: string[] = [];
  await ReadableStream.from(chat.stream(11)).pipeTo(
    new WritableStream<Uint8Array>({ write: (chunk) => void written.push(text(chunk)) }),
  );
  assertEquals(written, ["second body"]);

  const reader = ReadableStream.from(chat.stream(11)).getReader();
  await reader.cancel();
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
  chat.close();
});

test("Chat.batches() throws in the inner loop what a frame comes to, and goes on behind it", async () => {
  const chat = chatOf({ maxFrameLength: 4 }, "one\nmuch too long\ntwo\nha");
  const seen: string[] = [];
  const next = async (): Promise<void> => {
    for await (const batch of chat.batches()) seen.push(...batch);
  };
  const one = async (): Promise<void> => {
    for await (const batch of chat.batches()) for (const frame of batch) seen.push(frame);
  };
  await assertRejects(one, FrameTooLongError);
  assertEquals(seen, ["one"]);
  await assertRejects(next, IncompleteFrameError);
  assertStrictEquals(await chat.read(), null);
});

test("Chat.batches() rejects when the connection breaks, after the frames that are whole", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: "\n" });
  connection.arrive(bytes("one\ntwo\nthr"));
  connection.arrive(new ConnectionError("reset", "it broke"));
  const seen: string[] = [];
  await assertRejects(async () => {
    for await (const batch of chat.batches()) for (const frame of batch) seen.push(text(frame));
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
    const [half, rest] = [bytes("é").subarray(0, 1), bytes("é").subarray(1)];
    await peer.write(half);
    const next = chat.batches().next();
    let given = false;
    next.then(() => given = true);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    assertStrictEquals(given, false);
    await peer.write(rest);
    assertEquals([...(await next).value!], ["é"]);
    chat.close();
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
    chat.close();
  },
);

test("Chat goes on with the reads behind a stream that discardBuffers() broke off", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("half"));
  const stream = chat.stream();
  await stream.next();
  const next = chat.read();
  chat.discardBuffers();
  await peer.write(bytes("next\n"));
  assertStrictEquals(await next, "next");
  chat.close();
});

testWithChaos(
  "Chat.read() rejects all reads of a signal that is aborted, also those that could be answered then",
  async (chatPair) => {
    const [chat, peer] = chatPair();
    await peer.write(bytes("x\n"));
    const controller = new AbortController();
    const { signal } = controller;
    const reads = [chat.read(100, { signal }), chat.read("\n", { signal })];
    for (let i = 0; i < 10; i++) await Promise.resolve();
    controller.abort(new Error("enough"));
    for (const read of reads) await assertRejects(() => read, Error, "enough");
    assertStrictEquals(await chat.read(), "x");
    chat.close();
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
