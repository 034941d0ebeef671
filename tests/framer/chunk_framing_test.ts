import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { DelimitedFraming } from "../../src/framer/delimited_framing.ts";
import { ReceiveBuffer } from "../../src/receive_buffer.ts";
import { bytes, text } from "../support/bytes.ts";

const LINES = new DelimitedFraming(["\n", "\r\n"], {});

function bufferOf(...chunks: string[]): ReceiveBuffer {
  const buffer = new ReceiveBuffer();
  for (const chunk of chunks) buffer.append(bytes(chunk));
  return buffer;
}

/** All that is cut from the first chunk. */
function cutAll(
  buffer: ReceiveBuffer,
  delimited: DelimitedFraming,
  limit: number = Infinity,
): string[] {
  const frames: string[] = [];
  for (;;) {
    const frame = delimited.cutFromChunk(buffer, limit);
    if (frame === undefined) return frames;
    frames.push(text(frame));
  }
}

test("cutFromChunk() cuts the frames that lie in one chunk, as views of it", () => {
  const chunk = bytes("one\r\n\ntwo\n");
  const buffer = new ReceiveBuffer();
  buffer.append(chunk);
  const frame = LINES.cutFromChunk(buffer, 3)!;
  assertEquals([text(frame), frame.buffer === chunk.buffer], ["one", true]);
  assertEquals([cutAll(buffer, LINES), buffer.length], [["", "two"], 0]);
});

test("cutFromChunk() leaves the delimiter where it is to be kept", () => {
  const kept = new DelimitedFraming(["\n", "\r\n"], { keep: true });
  assertEquals(cutAll(bufferOf("one\r\ntwo\n"), kept), ["one\r\n", "two\n"]);
});

test("cutFromChunk() takes no byte for a delimiter that is only the last one of it", () => {
  const buffer = bufferOf("a\nb\r\nc\n\r\n");
  assertEquals(cutAll(buffer, new DelimitedFraming(["\r\n"], {})), ["a\nb", "c\n"]);
});

test("cutFromChunk() takes nothing before the frame for a part of its delimiter", () => {
  const buffer = bufferOf("\r\n");
  buffer.take(1);
  assertEquals(cutAll(buffer, LINES), [""]);
});

test("cutFromChunk() leaves to the usual way what is too long, goes on in the next chunk, or has delimiters of another kind", () => {
  const long = bufferOf("1234\n");
  assertEquals([cutAll(long, LINES, 3), long.length], [[], 5]);

  const split = bufferOf("one\r", "\ntwo\n".padEnd(600));
  assertEquals(cutAll(split, new DelimitedFraming(["\r\n"], {})), []);
  assertStrictEquals(split.find(new DelimitedFraming(["\r\n"], {}).delimiters, false), 3);

  for (const delimiters of [["aa"], ["a", "b"], ["ab", "aba"]]) {
    assertEquals(
      cutAll(bufferOf("aabaab"), new DelimitedFraming(delimiters, {})),
      [],
      `${delimiters}`,
    );
  }
});

test("cutFromChunk() searches no byte again, for which the usual way has searched, and the other way round", () => {
  const buffer = bufferOf("no delimiter here");
  assertEquals(cutAll(buffer, LINES), []);
  assertStrictEquals(buffer.fresh, undefined);
  assertStrictEquals(buffer.undelimited, "no delimiter here".length - 1); // the last may be half of one
  buffer.append(bytes("\n"));
  assertEquals(cutAll(buffer, LINES), []);
  assertStrictEquals(buffer.find(LINES.delimiters, false), "no delimiter here".length);
});
