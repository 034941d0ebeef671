import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeConnect,
  encodePublish,
  encodeSubscribe,
  type Message,
  packets,
  parsePacket,
  PINGREQ,
} from "../../../examples/mqtt/packet.ts";
import { Framer, MalformedFrameError } from "../../../mod.ts";
import { bytes, concat, hex } from "../../support/bytes.ts";

function message(topic: string, payload: string): Message {
  return { topic, payload: bytes(payload), qos: 0, retain: false };
}

test("parsePacket() refuses what is no packet of a server", () => {
  const wrong = `00 00, 10 00, 50 02 00 01, 60 02 00 01, 70 02 00 01, 80 02 00 01, a0 02 00 01
    c0 00, e0 00, f0 00, 20 00, 20 01 00, 20 03 00 00 00, 20 02 02 00, 21 02 00 00, 40 02 00 00
    40 01 00, 40 03 00 01 00, 90 02 00 01, 90 03 00 01 03, 90 03 00 00 01, d0 01 00, d1 00
    30 00, 30 02 00 00, 30 02 00 05, 30 05 00 03 612b62, 30 05 00 03 612362, 30 05 00 03 610062
    30 05 00 03 61ff62, 32 05 00 03 612f62, 32 07 00 03 612f62 00 00, 34 07 00 03 612f62 00 01
    36 07 00 03 612f62 00 01`;
  for (const wire of wrong.split(/[,\n]/)) {
    assertThrows(() => parsePacket(hex(wire)), MalformedFrameError, "", wire);
  }
});

test("packets cuts them by their lengths, of 1 to 4 bytes", () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_152]) {
    const sent = message("t", "x".repeat(length));
    const packet = encodePublish(sent, 0);
    const framer = new Framer({ terminator: packets, maxFrameLength: 4 * 1024 * 1024 });
    const all = concat([packet, PINGREQ, packet]);
    const chunk = length > 20_000 ? 100_000 : 1;
    const found: number[] = [];
    for (let at = 0; at < all.length; at += chunk) {
      framer.push(all.slice(at, at + chunk));
      for (const frame of framer) found.push(frame.length);
    }
    assertEquals(found, [packet.length, 2, packet.length]);
    assertEquals(parsePacket(packet), { type: "PUBLISH", message: sent, id: 0, dup: false });
  }
  const framer = new Framer({ terminator: packets });
  framer.push(hex("30 ff ff ff ff 01"));
  assertThrows(() => framer.next(), MalformedFrameError, "4 bytes");
});

test("a client cannot send what is no packet", () => {
  for (const topic of ["", "a+", "#", "a\0"]) {
    assertThrows(() => encodePublish(message(topic, ""), 0), RangeError);
  }
  for (const filter of ["", "a#", "#/a", "a+/b", "a/b#", "\0"]) {
    assertThrows(() => encodeSubscribe(1, filter, 0), RangeError, "filter");
  }
  for (const filter of ["#", "+", "a/+/b", "/", "+/#", "a//b"]) encodeSubscribe(1, filter, 0);
  const long = "x".repeat(65_536);
  for (
    const options of [
      { keepAlive: 65_536 },
      { password: "x" },
      { will: message("w", long) },
      { clientId: long },
    ]
  ) {
    assertThrows(() => encodeConnect({ clientId: "", keepAlive: 1, ...options }), RangeError);
  }
});
