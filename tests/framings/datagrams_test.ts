import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  datagrams,
  FrameInjectionError,
  Framer,
  MalformedFrameError,
  UnsupportedError,
} from "../../mod.ts";
import { DatagramSplitter } from "../../src/framings/datagrams.ts";
import { bytes, text } from "../support/bytes.ts";

test("datagrams() gives back what it encodes, also an empty datagram, and the longest", () => {
  const framing = datagrams();
  const framer = new Framer({ terminator: framing });
  const longest = new Uint8Array(65_507).fill(7);
  for (const payload of ["text", "", "\0udp00001:x", longest]) {
    framer.push(framing.encode(payload));
    assertEquals(framer.next(), typeof payload === "string" ? bytes(payload) : payload);
  }
  assertStrictEquals(framer.next(), undefined);
});

test("datagrams() shows text as such, behind a mark and the length", () => {
  assertStrictEquals(text(datagrams().encode("hello")), "\0udp00005:hello");
});

test("datagrams() refuses a payload that no datagram carries", () => {
  assertThrows(() => datagrams().encode(new Uint8Array(65_508)), FrameInjectionError, "65508");
});

test("datagrams() says so when it is used for a stream", () => {
  const framer = new Framer({ terminator: datagrams() });
  framer.push(bytes("GET / HTTP/1.1\r\n"));
  assertThrows(() => framer.next(), MalformedFrameError, "GET / HTTP");
});

test("datagrams() takes no bytes for a datagram whose length is none", () => {
  for (const digits of ["     ", "-0001", "0x010", "00 10"]) {
    const framer = new Framer({ terminator: datagrams() });
    framer.push(bytes(`\0udp${digits}:hello`));
    assertThrows(() => framer.next(), MalformedFrameError, digits);
    assertThrows(
      () => [...new DatagramSplitter().split(bytes(`\0udp${digits}:hello`))],
      UnsupportedError,
    );
  }
});
