/** Messages: the values that a typed framing makes of frames, in each way of reading and sending; and frames that come to nothing. */
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
  codec,
  type Connection,
  delimited,
  type Framing,
  FramingError,
  jsonLines,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  memoryPair,
  type ReadOptions,
  TimeoutError,
} from "../../mod.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { chatPair, ticks } from "../support/chats.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";
import { tcpPair } from "../support/tcp_pair.ts";

interface Note {
  readonly id: number;
}

const notes = jsonLines<Note>();

/** A framing that makes messages itself: words, and an empty line is a heart-beat. */
const words: Framing<readonly string[]> = {
  *decode() {
    const line = text(yield "\n");
    return line === "" ? undefined : { message: line.split(" ") };
  },
  encode: (message) => message.join(" ") + "\n",
};

/** Text behind a length. */
const lengthedText = codec(lengthPrefixed({ bytes: 2 }), {
  decode: (frame) => text(frame),
  encode: bytes,
});

function testOverBoth(
  name: string,
  play: (pair: [Connection, Connection]) => Promise<void>,
): void {
  test(name, () => play(memoryPair()));
  test(`${name} (over TCP)`, async () => play(await tcpPair()));
}

async function contentOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return text(concat(all));
}

testOverBoth(
  "Chat gives messages in a loop, in batches and in reads, null as well",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: jsonLines<Note | null>() });
    const peer = new Chat(pair[1], { terminator: jsonLines<Note | null>() });
    for (const message of [{ id: 1 }, null, { id: 2 }, null, { id: 3 }, null, { id: 4 }]) {
      await peer.send(message);
    }
    const seen: (Note | null)[] = [];
    for await (const message of chat) {
      seen.push(message);
      if (message?.id === 2) break;
    }
    assertEquals(seen, [{ id: 1 }, null, { id: 2 }]);
    for await (const batch of chat.batches()) {
      for (const message of batch) seen.push(message);
      if (seen.length >= 6) break;
    }
    void peer.closeWrite();
    while (seen.length < 7) seen.push(await chat.read());
    assertEquals(seen.slice(3), [null, { id: 3 }, null, { id: 4 }]);
    for await (const message of chat) assert(false, `${message} was never sent`);
    assertEquals([chat.stats.framesIn, peer.stats.framesOut], [7, 7]);
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth(
  "Chat.send() frames a message as its framing says, in order with what is pushed",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: notes });
    const peer = new Chat(pair[1], { terminator: "\n", encoding: "utf-8" });
    chat.push("raw ");
    await chat.send({ id: 1 });
    chat.terminator = words;
    await (chat as Chat<unknown> as Chat<readonly string[]>).send(["some", "words"]);
    assertEquals([await peer.read(), await peer.read()], ['raw {"id":1}', "some words"]);
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth(
  "Chat.read() by a framing of other messages gives one of these, and the sticky one stays",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: notes });
    const peer = new Chat(pair[1], { terminator: null });
    peer.push('{"id":1}\nhello you\n', lengthedText.encode!("año"), 'text\n{"id":2}\n');
    assertStrictEquals((await chat.read())?.id, 1);
    const greeting: readonly string[] | null = await chat.read(words);
    assertEquals(greeting, ["hello", "you"]);
    const length: string | null = await chat.read(lengthedText);
    assertStrictEquals(length, "año");
    assertStrictEquals(await chat.readText("\n"), "text");
    assertStrictEquals(chat.terminator, notes);
    assertEquals(await chat.read(), { id: 2 });
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth("Chat of text reads a message by its framing, and text by another", async (pair) => {
  const chat = new Chat(pair[0], { terminator: "\n", encoding: "utf-8" });
  const peer = new Chat(pair[1], { terminator: null });
  peer.push('one\n{"id":1}\ntwo\r\n');
  assertStrictEquals(await chat.read(), "one");
  assertEquals(await chat.read(notes), { id: 1 });
  assertStrictEquals(await chat.read(lines()), "two");
  await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
});

testOverBoth(
  "Chat looks for a message by the framing that is set while a read waits",
  async (pair) => {
    const chat = new Chat<unknown>(pair[0], { terminator: "\n" });
    const peer = new Chat(pair[1], { terminator: null });
    const reading = chat.read();
    await peer.push(lengthedText.encode!("in time"));
    await peer.flush();
    chat.terminator = lengthedText;
    assertStrictEquals(await reading, "in time");
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth(
  "Chat.stream(), readBytes() and readText() give the frame of a codec()",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: lengthedText, maxFrameLength: 4 });
    const peer = new Chat(pair[1], { terminator: lengthedText });
    for (const message of ["as long as it likes", "two", "ñ", "four"]) void peer.send(message);
    assertStrictEquals(await contentOf(chat.stream()), "as long as it likes");
    assertEquals(await chat.readBytes(), bytes("two"));
    assertStrictEquals(await chat.readText(), "ñ");
    assertStrictEquals(await chat.read(), "four");
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth(
  "Chat.stream() and readBytes() of a framing that makes messages itself reject, and lose nothing",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: words });
    const peer = new Chat(pair[1], { terminator: words });
    void peer.send(["one", "two"]);
    await assertRejects(
      () => contentOf(chat.stream()),
      FramingError,
      "where the bytes of a frame lie",
    );
    await assertRejects(() => chat.readBytes(), FramingError, "where the bytes of a frame lie");
    await assertRejects(() => chat.readText(), FramingError, "where the bytes of a frame lie");
    assertEquals(await chat.read(), ["one", "two"]);
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

testOverBoth(
  "Chat rejects one read with MalformedFrameError for a line that is not JSON, and reads the next",
  async (pair) => {
    const chat = new Chat(pair[0], { terminator: notes });
    const peer = new Chat(pair[1], { terminator: null });
    peer.push('{"id":1}\n{"id":\n\n', Uint8Array.of(0x22, 0xff, 0x22, 0x0a), '{"id":2}\n');
    assertEquals(await chat.read(), { id: 1 });
    const error = await assertRejects(() => chat.read(), MalformedFrameError, "not JSON");
    assertEquals(error.bytes, bytes('{"id":'));
    await assertRejects(() => chat.read(), MalformedFrameError, "not JSON");
    await assertRejects(() => chat.read(), MalformedFrameError, "UTF-8");
    assertEquals(await chat.read(), { id: 2 });
    await Promise.all([chat.closeWhenDone(), peer.closeWhenDone()]);
  },
);

test("Chat rejects a read with what decode() of a codec throws, drops the frame, and goes on", async () => {
  const even = codec(delimited("\n"), {
    decode(frame): number {
      const number = Number(text(frame));
      if (number % 2 !== 0) throw new RangeError(`${number} is odd`);
      return number;
    },
    encode: String,
  });
  const [left, right] = memoryPair();
  const chat = new Chat(left, { terminator: even });
  await right.write(bytes("2\n3\n4\n"));
  await right.closeWrite();
  assertStrictEquals(await chat.read(), 2);
  await assertRejects(() => chat.read(), RangeError, "3 is odd");
  assertStrictEquals(await chat.read(), 4);
  assertStrictEquals(await chat.read(), null);
});

test("Chat.send() rejects what has no JSON text with TypeError, and sends nothing of it", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat(connection, { terminator: jsonLines<unknown>() });
  const circle: unknown[] = [];
  circle.push(circle);
  for (
    const wrong of [undefined, () => 1, 1n, Symbol("one"), circle, { toJSON: () => undefined }]
  ) {
    await assertRejects(() => chat.send(wrong), TypeError);
  }
  assertStrictEquals(chat.stats.framesOut, 0);
  await chat.send("a string");
  await chat.send(new Date(0));
  await chat.flush();
  assertStrictEquals(connection.sent, '"a string"\n"1970-01-01T00:00:00.000Z"\n');
});

test("Chat.send() rejects a message where frames are bytes, and a string where its framing does not take one", async () => {
  const connection = new ScriptedConnection();
  const chat = new Chat<unknown>(connection, { terminator: "\n" });
  for (const wrong of [{ id: 1 }, 7, undefined, null]) {
    await assertRejects(() => chat.send(wrong), TypeError, "payload must be");
  }
  await chat.flush();
  assertStrictEquals(connection.sent, "");
});

// Options alone

test("Chat.read() takes its options alone, also of messages", async () => {
  const [left, right] = memoryPair();
  const chat = new Chat(left, { terminator: notes });
  await right.write(bytes('{"id"'));
  await assertRejects(() => chat.read({ timeout: 5 }), TimeoutError, "5 ms");
  const controller = new AbortController();
  const reading = chat.read({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  await assertRejects(() => chat.readBytes({ timeout: 1 }), TimeoutError);
  await assertRejects(() => chat.readText({ timeout: 1 }), TimeoutError);
  await right.write(bytes(":1}\n"));
  assertEquals(await chat.read({ timeout: Infinity, signal: undefined }), { id: 1 });
  await right.write(bytes('{"id":2}\n{"id":3}\n'));
  assertEquals(await chat.read({}), { id: 2 });
  assertEquals(await chat.read(undefined, { timeout: 1_000 }), { id: 3 });
});

test("Chat.read() says what is wrong with its arguments, and takes nothing", async () => {
  const [chat, peer] = chatPair();
  await peer.write(bytes("still here\n"));
  const read = (...args: unknown[]): Promise<string | null> =>
    (chat.read as (...args: unknown[]) => Promise<string | null>).apply(chat, args);
  await assertRejects(() => read({ timeout: -1 }), RangeError, "timeout must be");
  await assertRejects(() => read({ timeout: "5" }), TypeError, "timeout must be");
  await assertRejects(() => read({ signal: "abort" }), TypeError, "AbortSignal");
  await assertRejects(() => read({ timeout: 5 }, { timeout: 5 }), TypeError, "alone or last");
  await assertRejects(() => read(lines), TypeError, "call it");
  await assertRejects(() => read("\n", 5 as unknown as ReadOptions), TypeError, "options must be");
  await assertRejects(() => read({ decode: 7 }), TypeError, "terminator must be");
  assertThrows(() => chat.stream({ timeout: 5 } as unknown as string), TypeError, "terminator");
  assertStrictEquals(await chat.read(), "still here");
});

// Frames that come to nothing

const BEATS = 1_000_000;

/** Counts the turns of the event loop, and what the chat holds at most meanwhile, until it is stopped. */
function watch(
  chat: Chat<unknown>,
): { readonly turns: number; readonly held: number; stop(): void } {
  const seen = { turns: 0, held: 0, stop: () => {} };
  let isOver = false;
  const look = (): void => {
    if (isOver) return;
    seen.turns++;
    seen.held = Math.max(seen.held, chat.stats.buffered);
    setImmediate(look);
  };
  setImmediate(look);
  seen.stop = () => void (isOver = true);
  return seen;
}

type Reading = (chat: Chat<readonly string[]>) => Promise<readonly string[] | null>;

const READINGS: Readonly<Record<string, Reading>> = {
  "read()": (chat) => chat.read(),
  "a loop": async (chat) => {
    for await (const message of chat) return message;
    return null;
  },
  "batches()": async (chat) => {
    for await (const batch of chat.batches()) for (const message of batch) return message;
    return null;
  },
};

for (const [how, readOne] of Object.entries(READINGS)) {
  test(`Chat lets other work run while ${how} waits behind a million heart-beats, and finds the frame after them`, async () => {
    const [left, right] = memoryPair();
    const chat = new Chat(left, { terminator: words });
    const watched = watch(chat);
    void right.write(new Uint8Array(BEATS).fill(10));
    void right.write(bytes("at last\n"));
    assertEquals(await readOne(chat), ["at", "last"]);
    watched.stop();
    assertLess(2, watched.turns);
    assertLess(watched.held, BEATS + 1_000);
    assertEquals([chat.stats.framesIn, chat.stats.buffered], [1, 0]);
  });

  test(`Chat lets other work run while ${how} waits behind heart-beats in many small chunks, and holds few of them`, async () => {
    const [left, right] = memoryPair();
    const chat = new Chat(left, { terminator: words });
    const watched = watch(chat);
    const write = async (): Promise<void> => {
      const chunk = new Uint8Array(50).fill(10);
      for (let i = 0; i < 20_000; i++) await right.write(chunk);
      await right.write(bytes("at last\n"));
    };
    const writing = write();
    assertEquals(await readOne(chat), ["at", "last"]);
    watched.stop();
    await writing;
    assertLess(2, watched.turns);
    assertLess(watched.held, 128 * 1024);
  });
}

test("Chat cuts by the terminator that is set while heart-beats are passed over", async () => {
  for (const terminator of [";", 5, null, lengthPrefixed({ bytes: 1 }), notes]) {
    const [left, right] = memoryPair();
    const chat = new Chat<unknown>(left, { terminator: words });
    await right.write(new Uint8Array(30_000).fill(10));
    const reading = chat.read();
    await new Promise((resolve) => setImmediate(resolve)); // some of them are passed over
    const { buffered } = chat.stats;
    assertLess(0, buffered);
    assertLess(buffered, 30_000);
    chat.terminator = terminator === 5 ? buffered + 5 : terminator;
    await right.write(bytes("five!;\n"));
    const frame = await reading.catch((error) => error);
    if (terminator === ";" || terminator === 5) {
      assertStrictEquals((frame as Uint8Array).length, buffered + 5);
    } else if (terminator === null) assertStrictEquals((frame as Uint8Array).length, buffered);
    else if (terminator === notes) assert(frame instanceof MalformedFrameError);
    else assertEquals(frame, new Uint8Array(10).fill(10));
  }
});

test("Chat reads on by another terminator when a read that passed over heart-beats was given up", async () => {
  const [left, right] = memoryPair();
  const chat = new Chat(left, { terminator: words });
  await right.write(new Uint8Array(30_000).fill(10));
  const controller = new AbortController();
  const reading = chat.read({ signal: controller.signal });
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  const next = chat.readText("x");
  await ticks();
  await right.write(bytes("abcx\n\nthe next\n"));
  assertStrictEquals((await next)?.trim(), "abc");
  assertEquals(await chat.read(), ["the", "next"]);
});

for (const [how, readOne] of Object.entries(READINGS)) {
  test(`Chat loses no frame behind many heart-beats when all has arrived, the end as well, before ${how}`, async () => {
    const connection = new ScriptedConnection();
    const chat = new Chat(connection, { terminator: words });
    connection.arrive(bytes("\n".repeat(30_000) + "at last\n"));
    connection.arrive(null);
    connection.vanish(); // what has arrived is fetched
    while (chat.stats.buffered === 0) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(await readOne(chat), ["at", "last"]);
    assertStrictEquals(await chat.read(), null);
  });
}
