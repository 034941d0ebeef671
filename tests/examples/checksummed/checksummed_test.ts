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
