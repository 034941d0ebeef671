import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checksummed, LONGEST_PAYLOAD } from "../../../examples/checksummed/checksummed.ts";
import {
  FrameInjectionError,
  Framer,
  IncompleteFrameError,
  MalformedFrameError,
} from "../../../mod.ts";
import { bytes, concat, hex } from "../../support/bytes.ts";
import { peerTest } from "../../support/test_with_peer.ts";

const encode = (payload: Uint8Array | string): Uint8Array => checksummed().encode(payload);
const latin1 = (data: Uint8Array): string => new TextDecoder("latin1").decode(data);

interface Read {
  /** Frames, and `undefined` for each place that seemed to be one. */
  readonly frames: readonly (string | undefined)[];
  /** How many bytes were passed over. */
  readonly lost: number;
}

function read(
  input: Uint8Array,
  chunk: number = Math.max(input.length, 1),
  longest: number = LONGEST_PAYLOAD,
): Read {
  let lost = 0;
  const terminator = checksummed({ longest, onLost: (bytes) => lost += bytes });
  const framer = new Framer({ terminator, maxFrameLength: longest, incomplete: "drop" });
  const frames: (string | undefined)[] = [];
  const drain = (): void => {
    for (;;) {
      try {
        const frame = framer.next();
        if (frame === undefined) return;
        frames.push(latin1(frame));
      } catch (error) {
        assertInstanceOf(error, MalformedFrameError);
        frames.push(undefined);
      }
    }
  };
  for (let at = 0; at < input.length; at += chunk) {
    framer.push(input.slice(at, at + chunk));
    drain();
  }
  framer.end();
  drain();
  return { frames, lost };
}

/** The frames that were not refused. */
const wholeFrames = (input: Uint8Array, chunk?: number, longest?: number): string[] =>
  read(input, chunk, longest).frames.filter((frame) => frame !== undefined);

peerTest("/usr/bin/python3", "checksummed() has Python's checksums", () => {
  const script = `import sys, zlib, binascii, struct
data = sys.stdin.buffer.read()
head = struct.pack(">H", len(data))
head += struct.pack(">H", binascii.crc_hqx(head, 0xffff))
sys.stdout.buffer.write(head + data + struct.pack(">I", zlib.crc32(head + data)))`;
  for (const input of ["", "hello", "x".repeat(LONGEST_PAYLOAD)]) {
    const options = { input, maxBuffer: 2 ** 20 };
    const { stdout } = spawnSync("/usr/bin/python3", ["-c", script], options);
    assertEquals(encode(input), new Uint8Array(stdout));
  }
});

test("checksummed() reads what it has written, in any chunks", () => {
  assertEquals(encode("hello"), hex("0005 4daa 68656c6c6f c3806d60"));
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }));
  fc.assert(fc.property(payloads, fc.integer({ min: 1, max: 100 }), (all, chunk) => {
    assertEquals(read(concat(all.map(encode)), chunk), { frames: all.map(latin1), lost: 0 });
  }));
  assertThrows(() => encode(new Uint8Array(LONGEST_PAYLOAD + 1)), FrameInjectionError, "65535");
});

test("checksummed() loses the frame in which one bit is wrong, and no other", () => {
  const [before, damaged, after] = ["before", "damaged", "after"].map(encode);
  for (let bit = 0; bit < 8 * damaged!.length; bit++) {
    const wrong = damaged!.slice();
    wrong[bit >> 3]! ^= 1 << (bit & 7);
    const expected = bit < 32
      ? { frames: ["before", "after"], lost: damaged!.length } // the header, which leads nowhere
      : { frames: ["before", undefined, "after"], lost: damaged!.length - 1 };
    assertEquals(read(concat([before!, wrong, after!])), expected, `bit ${bit}`);
  }
});

test("checksummed() loses no frame behind one in which bytes were changed, or that was cut off, or put in", () => {
  const [before, middle, after] = ["before", "in the middle", "after"].map(encode) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const place = fc.nat({ max: middle.length - 1 });
  const changes = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { minLength: 1 });
  const changed = changes.map((all) => {
    const wrong = middle.slice();
    for (const [at, mask] of all) wrong[at]! ^= mask;
    return wrong;
  });
  const headless = place.map((at) => middle.slice(at + 1));
  const noise = fc.uint8Array({ minLength: 1, maxLength: 40, size: "max" });
  const wrong = fc.oneof(changed, headless, noise);
  fc.assert(
    fc.property(wrong, fc.integer({ min: 1, max: 60 }), (wrong, chunk) => {
      const whole = wholeFrames(concat([before, wrong, after, after]), chunk);
      assertEquals(whole.filter((frame) => frame !== "in the middle"), [
        "before",
        "after",
        "after",
      ]);
    }),
    { numRuns: 1_000 },
  );
});

/** The beginning of a frame of such a length. */
const headerOf = (length: number): Uint8Array => encode(new Uint8Array(length)).subarray(0, 4);

test("checksummed() loses no frame to what looks like a header, in any chunks, and at the end of the stream", () => {
  const names = ["one", "two", "three"];
  const behind = concat(names.map(encode));
  const falseStarts = [0, 1, 5, behind.length - 9, behind.length + 1, 60_000].map(headerOf);
  const damaged: Record<string, Uint8Array> = {
    "a false start": falseStarts[2]!,
    "several of them, each in the one before": concat(falseStarts),
    "the beginning of one": headerOf(7).subarray(0, 3),
  };
  for (const [i, start] of falseStarts.entries()) {
    const frame = encode(concat([bytes("in a payload "), start, bytes(" it lies")]));
    damaged[`a false start (${i}) in a payload`] = frame.with(-1, frame.at(-1)! ^ 1);
    damaged[`a false start (${i}) behind a damaged length`] = frame.with(0, frame[0]! ^ 1);
    damaged[`a false start (${i}) in what is left of a payload`] = frame.subarray(5);
  }
  for (const [name, wrong] of Object.entries(damaged)) {
    for (const chunk of [1, 2, 3, 4, 5, 7, 16, 1_000]) {
      const whole = wholeFrames(concat([encode("before"), wrong, behind]), chunk);
      assertEquals(whole, ["before", ...names], `${name}, in chunks of ${chunk}`);
    }
  }
});

test("checksummed() goes on behind a long frame that is damaged, and noise that is longer than any frame", () => {
  const long = encode("x".repeat(LONGEST_PAYLOAD));
  for (const wrong of [long.with(9, 0), long.with(0, 1), bytes("~".repeat(200_000))]) {
    for (const chunk of [997, 65_536]) {
      assertEquals(wholeFrames(concat([wrong, encode("after")]), chunk), ["after"]);
    }
  }
  const options = { longest: 10 };
  assertThrows(() => checksummed(options).encode("more than 10"), FrameInjectionError, "10 bytes");
  assertEquals(wholeFrames(concat([headerOf(2_000), encode("after")]), 99, 10), ["after"]);
  // Wherever the search is given up.
  for (let length = 990; length < 1_030; length++) {
    const noise = bytes("~".repeat(length));
    assertEquals(wholeFrames(concat([noise, encode("after")]), 99, 10), ["after"], `${length}`);
  }
});

test("checksummed() tells that the stream ended in a frame", () => {
  const framer = new Framer({ terminator: checksummed() });
  framer.push(encode("cut off").subarray(0, 9));
  framer.end();
  assertThrows(() => framer.next(), MalformedFrameError, "ends in a frame of 7 bytes");
  assertThrows(() => framer.next(), IncompleteFrameError);
  assertEquals(framer.next(), undefined);
});

test("checksummed() loses the frame from which bytes were lost, and no other", () => {
  const names = ["one", "a second one", "three", "four", "five"];
  const [first, second, ...rest] = names.map(encode) as [Uint8Array, Uint8Array, ...Uint8Array[]];
  for (let at = 0; at < second.length; at++) {
    for (let length = 1; at + length <= second.length; length++) {
      const cut = concat([second.subarray(0, at), second.subarray(at + length)]);
      const whole = wholeFrames(concat([first, cut, ...rest]), 5);
      assertEquals(whole, ["one", "three", "four", "five"], `${length} at ${at}`);
    }
  }
});

test("checksummed() takes noise for no frame, and never hangs on it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500, size: "max" }), (noise) => {
      assert(wholeFrames(noise).every((frame) => frame === ""), String(noise));
    }),
    { numRuns: 2_000 },
  );
  assertEquals(wholeFrames(concat([bytes("~".repeat(9)), encode("found")])), ["found"]);
});
