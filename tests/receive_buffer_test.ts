import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { Delimiters } from "../src/framer/delimiters.ts";
import { ReceiveBuffer } from "../src/receive_buffer.ts";
import { bytes, text } from "./support/bytes.ts";

/** Counts the bytes that `indexOf` and `step` look at, and those that `set` copies, while `work` runs. */
function countWork(work: (counting: (...delimiters: string[]) => Delimiters) => void): {
  searched: number;
  copied: number;
} {
  const count = { searched: 0, copied: 0 };
  const { indexOf, set } = Uint8Array.prototype;
  class CountingDelimiters extends Delimiters {
    override step(state: number, byte: number): number {
      count.searched++;
      return super.step(state, byte);
    }
  }
  const { indexOf: indexOfBuffer } = Buffer.prototype;
  // Node searches as it does in a `Buffer`.
  Buffer.prototype.indexOf = Uint8Array.prototype.indexOf = function (
    this: Uint8Array,
    byte: unknown,
    from: unknown = 0,
  ): number {
    const found = indexOf.call(this, byte as number, from as number);
    count.searched += (found < 0 ? this.length : found + 1) - (from as number);
    return found;
  };
  Uint8Array.prototype.set = function (source: ArrayLike<number>, offset = 0): void {
    count.copied += source.length;
    set.call(this, source, offset);
  };
  try {
    work((...delimiters) => {
      const counting = new CountingDelimiters(delimiters.map(bytes));
      count.searched = 0; // its preparation is not the search
      return counting;
    });
  } finally {
    Object.assign(Uint8Array.prototype, { indexOf, set });
    Buffer.prototype.indexOf = indexOfBuffer;
  }
  return count;
}

const inChunksOf = function* (data: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += length) yield data.slice(at, at + length);
};

test("ReceiveBuffer.take() gives a view when the frame lies in one chunk", () => {
  const chunk = bytes("one\ntwo\n");
  const buffer = new ReceiveBuffer();
  buffer.append(chunk);
  const { copied } = countWork(() => {
    const frame = buffer.take(3);
    assertStrictEquals(frame.buffer, chunk.buffer);
    assertStrictEquals(text(frame), "one");
  });
  assertStrictEquals(copied, 0);
});

test("ReceiveBuffer.take() copies each byte once when the frame lies in many chunks", () => {
  const length = 1024 * 1024;
  const buffer = new ReceiveBuffer();
  const { copied } = countWork(() => {
    for (const chunk of inChunksOf(new Uint8Array(length), 1024)) buffer.append(chunk);
    assertStrictEquals(buffer.take(length).length, length);
  });
  assertStrictEquals(copied, length);
});

test("ReceiveBuffer copies each byte at most twice when a frame comes in chunks of one byte", () => {
  const length = 256 * 1024;
  const buffer = new ReceiveBuffer();
  const { copied } = countWork(() => {
    for (const chunk of inChunksOf(new Uint8Array(length), 1)) buffer.append(chunk);
    buffer.take(length);
  });
  assert(copied <= 2 * length);
});

test("ReceiveBuffer.find() looks at each byte once when a frame comes in small chunks", () => {
  for (const length of [1, 7, 1024]) {
    const data = new Uint8Array(64 * 1024).fill(120);
    const buffer = new ReceiveBuffer();
    const { searched } = countWork((counting) => {
      const delimiter = counting("\r\n");
      for (const chunk of inChunksOf(data, length)) {
        buffer.append(chunk);
        assertStrictEquals(buffer.find(delimiter, false), -1);
      }
      buffer.append(bytes("\r\n"));
      assertStrictEquals(buffer.find(delimiter, false), data.length);
    });
    assertLess(searched, data.length + 10);
  }
});

test("ReceiveBuffer.find() looks at each byte at most twice when the input nearly matches all along", () => {
  const almost = "a".repeat(99) + "b"; // the delimiter is 100 times "a", then "b"
  const data = bytes(almost.repeat(1_000));
  const buffer = new ReceiveBuffer();
  const { searched } = countWork((counting) => {
    const delimiter = counting("a".repeat(100) + "b");
    for (const chunk of inChunksOf(data, 64)) {
      buffer.append(chunk);
      assertStrictEquals(buffer.find(delimiter, false), -1);
    }
  });
  assertLess(searched, 2 * data.length);
});

test("ReceiveBuffer.find() does not search again when an equal delimiter is asked for", () => {
  const buffer = new ReceiveBuffer();
  buffer.append(new Uint8Array(1024));
  buffer.find(new Delimiters([bytes("\n")]), false);
  const { searched } = countWork(() => {
    for (let i = 0; i < 100; i++) buffer.find(new Delimiters([bytes("\n")]), false);
  });
  assertStrictEquals(searched, 0);
});

test("ReceiveBuffer cuts many frames from one chunk without moving the rest", () => {
  const count = 10_000;
  const buffer = new ReceiveBuffer();
  buffer.append(bytes("frame\n".repeat(count)));
  const { searched, copied } = countWork((counting) => {
    const delimiter = counting("\n");
    for (let i = 0; i < count; i++) {
      assertStrictEquals(buffer.find(delimiter, false), 5);
      buffer.skip(6);
    }
  });
  // The delimiter's own byte is found, and looked at.
  assertEquals([searched, copied], [7 * count, 0]);
});

test("ReceiveBuffer holds small chunks together, not each in an array of its own", () => {
  const arrays = new Set<ArrayBufferLike>();
  const buffer = new ReceiveBuffer();
  for (const chunk of inChunksOf(new Uint8Array(64 * 1024), 1)) buffer.append(chunk);
  while (buffer.length > 0) arrays.add(buffer.takeContiguous(Infinity).buffer);
  assertLess(arrays.size, 10);
});

test("ReceiveBuffer.find() looks at each byte once when what it has searched is taken piece by piece", () => {
  const length = 64 * 1024;
  const buffer = new ReceiveBuffer();
  let taken = 0;
  const { searched } = countWork((counting) => {
    const delimiter = counting("\r\n");
    for (const chunk of inChunksOf(bytes("x\r".repeat(length / 2)), 1024)) {
      buffer.append(chunk);
      assertStrictEquals(buffer.find(delimiter, false), -1);
      while (buffer.undelimited > 0) taken += buffer.takeContiguous(buffer.undelimited).length;
      assertStrictEquals(buffer.length, 1); // it may be the beginning of a delimiter
    }
  });
  assertStrictEquals(taken, length - 1);
  // Each "\r" is found, and looked at, and so is the "x" behind it.
  assertLess(searched, 2 * length);
});

test("ReceiveBuffer.look() gives views, each behind the last, and keeps the bytes", () => {
  const chunks = [bytes("head"), bytes("body and more".repeat(100))];
  const buffer = new ReceiveBuffer();
  const { copied } = countWork(() => {
    buffer.append(chunks[0]!);
    assertStrictEquals(text(buffer.look(4)), "head");
    buffer.append(chunks[1]!); // the mark lay at the end of a chunk
    assertStrictEquals(buffer.look(4).buffer, chunks[1]!.buffer);
    assertStrictEquals(text(buffer.look(4)), " and");
  });
  assertEquals([copied, buffer.looked, buffer.length], [0, 12, 4 + 1300]);
  buffer.rewind();
  assertStrictEquals(text(buffer.take(8)), "headbody");
  assertStrictEquals(buffer.looked, 0);
});

test("ReceiveBuffer.find() begins behind the mark, and counts from there", () => {
  const buffer = new ReceiveBuffer();
  buffer.append(bytes("1;2;3;4"));
  const delimiter = new Delimiters([bytes(";")]);
  assertStrictEquals(buffer.find(delimiter, false), 1);
  buffer.advance(3);
  assertStrictEquals(buffer.find(delimiter, false), 0);
  buffer.advance(1);
  assertStrictEquals(buffer.find(delimiter, false), 1);
  assertStrictEquals(text(buffer.look(1)), "3");
  assertStrictEquals(text(buffer.take(buffer.length)), "1;2;3;4");
});
