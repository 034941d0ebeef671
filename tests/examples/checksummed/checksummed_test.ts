import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { checksummed, LONGEST_PAYLOAD } from "../../../examples/checksummed/checksummed.ts";
import { FrameInjectionError, Framer, MalformedFrameError } from "../../../mod.ts";
import { bytes, concat, hex, text } from "../../support/bytes.ts";
import { named, needs } from "../../support/peers.ts";

interface Read {
  /** Frames, and `undefined` for each that was refused. */
  readonly frames: readonly (string | undefined)[];
  /** How many bytes were passed over. */
  readonly lost: number;
}

function read(input: Uint8Array, chunk: number = input.length): Read {
  let lost = 0;
  const framer = new Framer({
    terminator: checksummed((bytes) => lost += bytes),
    incomplete: "drop",
  });
  const frames: (string | undefined)[] = [];
  const drain = (): void => {
    for (;;) {
      try {
        const frame = framer.next();
        if (frame === undefined) return;
        frames.push(new TextDecoder("latin1").decode(frame));
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

const encode = (payload: Uint8Array | string): Uint8Array => checksummed().encode(payload);

test("checksummed() writes a length, its CRC-16, the payload, and the CRC-32 of them all", () => {
  assertEquals(encode("hello"), hex("0005 4daa 68656c6c6f c3806d60"));
});

const python = needs("/usr/bin/python3");
test(
  named("checksummed() has the checksums that Python's binascii and zlib have", python),
  python,
  () => {
    const script = `import sys, zlib, binascii, struct
data = sys.stdin.buffer.read()
head = struct.pack(">H", len(data))
head += struct.pack(">H", binascii.crc_hqx(head, 0xffff))
sys.stdout.buffer.write(head + data + struct.pack(">I", zlib.crc32(head + data)))`;
    for (const payload of ["", "hello", "x".repeat(LONGEST_PAYLOAD)]) {
      const { stdout } = spawnSync("/usr/bin/python3", ["-c", script], {
        input: payload,
        maxBuffer: 2 ** 20,
      });
      assertEquals(encode(payload), new Uint8Array(stdout));
    }
  },
);

test("checksummed() reads what it has written, in any chunks", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 })),
      fc.integer({ min: 1, max: 100 }),
      (all, chunk) => {
        const latin1 = all.map((payload) => new TextDecoder("latin1").decode(payload));
        assertEquals(read(concat(all.map(encode)), chunk), { frames: latin1, lost: 0 });
      },
    ),
  );
  assertThrows(() => encode(new Uint8Array(LONGEST_PAYLOAD + 1)), FrameInjectionError, "65535");
});

test("checksummed() loses the frame in which one bit is wrong, and no other", () => {
  const [before, damaged, after] = [encode("before"), encode("damaged"), encode("after")];
  for (let bit = 0; bit < 8 * damaged.length; bit++) {
    const wrong = damaged.slice();
    wrong[bit >> 3]! ^= 1 << (bit & 7);
    const { frames, lost } = read(concat([before, wrong, after]));
    const isHeader = bit < 32;
    const expected = isHeader ? ["before", "after"] : ["before", undefined, "after"];
    assertEquals(
      { frames, lost },
      { frames: expected, lost: isHeader ? damaged.length : 0 },
      `bit ${bit}`,
    );
  }
});

test("checksummed() finds its way back after bytes that were lost, or put in", () => {
  const all = ["one", "two", "three", "four"].map(encode);
  for (let length = 1; length < all[1]!.length; length++) {
    const cut = concat([all[0]!, all[1]!.slice(length), all[2]!, all[3]!]);
    const { frames } = read(cut, 3);
    assertEquals(
      frames.filter((frame) => frame !== undefined),
      ["one", "three", "four"],
      String(length),
    );
    const noise = bytes("~".repeat(length));
    assertEquals(read(concat([all[0]!, noise, ...all.slice(1)])), {
      frames: ["one", "two", "three", "four"],
      lost: length,
    });
  }
});

test("checksummed() loses no frame behind one in which bytes were changed, or that was cut off, or put in", () => {
  const [before, middle, after] = ["before", "in the middle", "after"].map(encode) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const at = fc.nat({ max: middle.length - 1 });
  const changed = fc.array(fc.tuple(at, fc.integer({ min: 1, max: 255 })), { minLength: 1 }).map(
    (all) => {
      const wrong = middle.slice();
      for (const [place, mask] of all) wrong[place]! ^= mask;
      return wrong;
    },
  );
  const headless = fc.integer({ min: 1, max: middle.length - 1 }).map((length) =>
    middle.slice(length)
  );
  const noise = fc.uint8Array({ minLength: 1, maxLength: 40, size: "max" });
  fc.assert(
    fc.property(
      fc.oneof(changed, headless, noise),
      fc.integer({ min: 1, max: 60 }),
      (wrong, chunk) => {
        // Noise that looks like a header is taken for one, and what it seems to announce is lost: that is in the framing's comment.
        fc.pre(!hasHeader(concat([wrong, after.subarray(0, 3)]), middle));
        const { frames } = read(concat([before, wrong, after, after]), chunk);
        const whole = frames.filter((frame) => frame !== undefined && frame !== "in the middle");
        assertEquals(whole, ["before", "after", "after"]);
      },
    ),
    { numRuns: 5_000 },
  );
});

/** Whether a header stands somewhere in the bytes, save the one with which the frame begins that was damaged. */
function hasHeader(input: Uint8Array, damaged: Uint8Array): boolean {
  const headerOf = (length: number): string =>
    String(encode(new Uint8Array(length)).subarray(0, 4));
  for (let at = 0; at + 4 <= input.length; at++) {
    const header = input.subarray(at, at + 4);
    const isOwn = at === 0 && String(header) === String(damaged.subarray(0, 4));
    if (!isOwn && headerOf(256 * header[0]! + header[1]!) === String(header)) return true;
  }
  return false;
}

test("checksummed() loses the frame from which bytes were lost, those from which they are taken, and no other", () => {
  const names = ["one", "a second one", "three", "four", "five"];
  const all = names.map(encode);
  const second = all[1]!;
  for (let at = 4; at < second.length; at++) {
    for (let length = 1; at + length <= second.length; length++) {
      const cut = concat([second.subarray(0, at), second.subarray(at + length)]);
      const { frames } = read(concat([all[0]!, cut, ...all.slice(2)]), 5);
      let missing = length;
      const expected = names.filter((_, i) => {
        if (i < 2) return i === 0;
        if (missing <= 0) return true;
        missing -= all[i]!.length;
        return false;
      });
      assertEquals(frames.filter((frame) => frame !== undefined), expected, `${length} at ${at}`);
    }
  }
});

test("checksummed() takes noise for no frame, and never hangs on it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500, size: "max" }), (noise) => {
      const { frames } = read(concat([noise, new Uint8Array(0)]));
      assert(
        frames.every((frame) => frame === undefined || frame === ""),
        text(bytes(String(frames))),
      );
    }),
    { numRuns: 10_000 },
  );
});
