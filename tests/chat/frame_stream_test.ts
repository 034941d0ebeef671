import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Data,
  FrameStream,
  FrameTooLongError,
  IncompleteFrameError,
  jsonLines,
  lines,
  MalformedFrameError,
} from "../../mod.ts";
import { bytes } from "../support/bytes.ts";
import { nextTurn } from "../support/turn.ts";

function sourceOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map(bytes));
}

async function framesOf<F>(readable: ReadableStream<F>): Promise<F[]> {
  const frames: F[] = [];
  for await (const frame of readable) frames.push(frame);
  return frames;
}

test("FrameStream cuts what is piped through it, into bytes when it has no encoding", async () => {
  const cut = async (chunks: string[]): Promise<string[]> => {
    const stream = new FrameStream({ terminator: lines(), encoding: "utf-8" });
    return await framesOf(sourceOf(...chunks).pipeThrough(stream));
  };
  assertEquals(await cut(["one\r", "\ntwo\n\nth", "ree\n"]), ["one", "two", "", "three"]);
  assertEquals(await cut([]), []);
  const inBytes = await framesOf(
    sourceOf("abc", "d").pipeThrough(new FrameStream({ terminator: 2 })),
  );
  assertEquals(inBytes, [bytes("ab"), bytes("cd")]);
});

test("FrameStream cuts by the terminator that is set between two reads", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  const reader = sourceOf("5\nhello3\nbye").pipeThrough(stream).getReader();
  const messages: string[] = [];
  for (;;) {
    stream.terminator = "\n";
    const { done, value } = await reader.read();
    if (done) break;
    stream.terminator = Number(value);
    messages.push((await reader.read()).value!);
  }
  assertEquals(messages, ["hello", "bye"]);
  assertStrictEquals(stream.terminator, "\n");
});

test("FrameStream looks at what is here at once when its terminator is set while a read waits", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  const writer = stream.writable.getWriter();
  const reading = stream.readable.getReader().read();
  await writer.write(bytes("no line"));
  stream.terminator = 7;
  assertEquals(await reading, { done: false, value: "no line" });
});

test("FrameStream holds the writer back until its frames are read", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  let written = 0;
  const writing = ["one\ntwo\n", "three\nfour\n"]
    .map((chunk) => writer.write(bytes(chunk)).then(() => written++));
  for (const [frame, before] of [["one", 0], ["two", 0], ["three", 1], ["four", 1]] as const) {
    assertEquals((await reader.read()).value, frame);
    await nextTurn();
    assertStrictEquals(written, before);
  }
  const last = reader.read();
  await Promise.all(writing);
  await writer.close();
  assertStrictEquals((await last).done, true);
});

test("FrameStream passes the framer's error on to both its ends", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8", maxFrameLength: 4 });
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => {});
  const writing = writer.write(bytes("one\nmuch too long\n"));
  const reader = stream.readable.getReader();
  assertEquals((await reader.read()).value, "one");
  await assertRejects(() => reader.read(), FrameTooLongError);
  await Promise.allSettled([writing]);
  await assertRejects(() => writer.write(bytes("more")), FrameTooLongError);

  const incomplete = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  await assertRejects(
    () => framesOf(sourceOf("half").pipeThrough(incomplete)),
    IncompleteFrameError,
  );
});

test("FrameStream gives the whole frames, and then the error, when its source fails", async () => {
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes("one\ntwo\nthr"));
    throw new Error("it broke");
  };
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  const reader = ReadableStream.from(failing()).pipeThrough(stream).getReader();
  assertEquals((await reader.read()).value, "one");
  assertEquals((await reader.read()).value, "two");
  await assertRejects(() => reader.read(), Error, "it broke");
});

test("FrameStream stops its source when its reader cancels", async () => {
  await new Promise<void>((onReturned) => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(bytes("line\n"));
      } finally {
        onReturned();
      }
    };
    const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
    const reader = ReadableStream.from(endless()).pipeThrough(stream).getReader();
    void reader.read().then(() => reader.cancel());
  });
});

test("FrameStream refuses to be written what is no bytes, at both its ends", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "utf-8" });
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => {});
  const reading = stream.readable.getReader().read();
  reading.catch(() => {});
  await assertRejects(() => writer.write(7 as unknown as Uint8Array), TypeError, "number");
  await assertRejects(() => reading, TypeError, "number");
});

test("FrameStream takes strings, too, in its encoding or UTF-8, and joins a character that is cut between two", async () => {
  const cut = async (encoding: "utf-8" | "latin1", chunks: Data[]): Promise<string[]> => {
    const stream = new FrameStream({ terminator: "\n", encoding });
    return await framesOf(ReadableStream.from(chunks).pipeThrough(stream));
  };
  assertEquals(await cut("utf-8", ["añ", bytes("o\n"), "\ud83d", "\ude00\n"]), ["año", "😀"]);
  assertEquals(await cut("utf-8", ["half \ud83d", bytes("!\n")]), ["half \ufffd!"]);
  assertEquals(await cut("latin1", ["añ", Uint8Array.of(0xf1, 10)]), ["aññ"]);
  const inBytes = new FrameStream({ terminator: "ñ" });
  const frames = await framesOf(ReadableStream.from(["oneñtw", "oñ"]).pipeThrough(inBytes));
  assertEquals(frames, [bytes("one"), bytes("two")]);
});

test("FrameStream tells both its ends of a character that its encoding lacks", async () => {
  const stream = new FrameStream({ terminator: "\n", encoding: "latin1" });
  const writer = stream.writable.getWriter();
  writer.closed.catch(() => {});
  const reading = stream.readable.getReader().read();
  reading.catch(() => {});
  await assertRejects(() => writer.write("5 €\n"), RangeError, "€");
  await assertRejects(() => reading, RangeError, "€");
});

test("FrameStream gives messages where its framing makes them, null as well, and the error of one that is none", async () => {
  const stream = new FrameStream({ terminator: jsonLines<{ id: number } | null>() });
  const reader = sourceOf('{"id":1}\nnu', 'll\n{"id":2}\noops\n').pipeThrough(stream).getReader();
  assertEquals(await reader.read(), { done: false, value: { id: 1 } });
  assertEquals(await reader.read(), { done: false, value: null });
  assertEquals((await reader.read()).value?.id, 2);
  const error = await assertRejects(() => reader.read(), MalformedFrameError, "oops");
  assertEquals(error.bytes, bytes("oops"));
});
