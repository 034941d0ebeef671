import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checksummed, LONGEST_PAYLOAD } from "../../../examples/checksummed/checksummed.ts";
import { FrameInjectionError, Framer, MalformedFrameError } from "../../../mod.ts";
import { bytes, concat, hex } from "../../support/bytes.ts";
import { peerTest } from "../../support/test_with_peer.ts";

const encode = (payload: Uint8Array | string): Uint8Array => checksummed().encode(payload);
const latin1 = (data: Uint8Array): string => new TextDecoder("latin1").decode(data);

interface Read {
  /** Frames, and `undefined` for each that was refused. */
  readonly frames: readonly (string | undefined)[];
  /** How many bytes were passed over. */
  readonly lost: number;
}

function read(input: Uint8Array, chunk: number = Math.max(input.length, 1)): Read {
  let lost = 0;
  const terminator = checksummed((bytes) => lost += bytes);
  const framer = new Framer({ terminator, incomplete: "drop" });
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
const wholeFrames = (input: Uint8Array, chunk?: number): string[] =>
  read(input, chunk).frames.filter((frame) => frame !== undefined);

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
      : { frames: ["before", undefined, "after"], lost: 0 };
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
      // Noise that looks like a header is taken for one, and what it seems to announce is lost: that is in the framing's comment.
      fc.pre(!hasHeader(concat([wrong, after.subarray(0, 3)]), middle));
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

/** Whether a header stands somewhere in the bytes, save the one with which the frame begins that was damaged. */
function hasHeader(input: Uint8Array, damaged: Uint8Array): boolean {
  for (let at = 0; at + 4 <= input.length; at++) {
    const [high, low, ...sum] = input.subarray(at, at + 4);
    const isOwn = at === 0 && damaged.subarray(0, 4).every((byte, i) => byte === input[i]);
    if (!isOwn && crc16(high!, low!) === 256 * sum[0]! + sum[1]!) return true;
  }
  return false;
}

function crc16(...bytes: readonly number[]): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc;
}

test("checksummed() loses the frame from which bytes were lost, those from which they are taken, and no other", () => {
  const names = ["one", "a second one", "three", "four", "five"];
  const [first, second, ...rest] = names.map(encode) as [Uint8Array, Uint8Array, ...Uint8Array[]];
  for (let at = 4; at < second.length; at++) {
    for (let length = 1; at + length <= second.length; length++) {
      const cut = concat([second.subarray(0, at), second.subarray(at + length)]);
      let missing = length;
      const expected = names.filter((_, i) => {
        if (i < 2) return i === 0;
        if (missing <= 0) return true;
        missing -= rest[i - 2]!.length;
        return false;
      });
      assertEquals(wholeFrames(concat([first, cut, ...rest]), 5), expected, `${length} at ${at}`);
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
