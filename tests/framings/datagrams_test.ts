import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { datagrams, FrameInjectionError, UnsupportedError } from "../../mod.ts";
import { DatagramSplitter } from "../../src/framings/datagrams.ts";
import { bytes, concat, text } from "../support/bytes.ts";
import { checkCuts, malformed } from "../support/framing_tables.ts";

test("datagrams() gives back what it encodes, also an empty datagram, and the longest", () => {
  const payloads = ["text", "", "\0udp00001:x"].map(bytes);
  checkCuts(datagrams(), concat(payloads.map((each) => datagrams().encode(each))), payloads);
  const longest = new Uint8Array(65_507).fill(7);
  checkCuts(datagrams(), datagrams().encode(longest), [longest]);
});

test("datagrams() shows text as such, behind a mark and the length", () => {
  assertStrictEquals(text(datagrams().encode("hello")), "\0udp00005:hello");
});

test("datagrams() refuses a payload that no datagram carries", () => {
  const payload = new Uint8Array(65_508);
  assertThrows(() => datagrams().encode(payload), FrameInjectionError, "65508");
});

test("datagrams() says so when it is used for a stream", () => {
  checkCuts(datagrams(), "GET / HTTP", [malformed('"GET / HTTP"', "GET / HTTP")]);
});

test("datagrams() takes no bytes for a datagram whose length is none", () => {
  for (const digits of ["     ", "-0001", "0x010", "00 10"]) {
    const wrong = `\0udp${digits}:`;
    checkCuts(datagrams(), `${wrong}\0udp00002:ok`, [malformed(digits, wrong), "ok"]);
    const split = new DatagramSplitter().split(bytes(wrong));
    assertThrows(() => split.next(), UnsupportedError, "send() makes one of each payload");
  }
});

test("DatagramSplitter takes what is written apart, however it is cut, and keeps none of the writer's arrays", () => {
  const payloads = ["one", "", "three"];
  const written = concat(payloads.map((payload) => datagrams().encode(payload)));
  for (let at = 0; at <= written.length; at++) {
    const splitter = new DatagramSplitter();
    const first = written.slice(0, at);
    const found = [...splitter.split(first)].map((datagram) => text(datagram));
    first.fill(0);
    found.push(...[...splitter.split(written.subarray(at))].map((datagram) => text(datagram)));
    assertEquals(found, payloads);
  }
});
