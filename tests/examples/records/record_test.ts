import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  formatRecord,
  parseRecord,
  RECORD,
  RecordError,
} from "../../../examples/records/record.ts";
import { Chat, FrameInjectionError, Framer, memoryPair } from "../../../mod.ts";
import { bytes } from "../../support/bytes.ts";

test("parseRecord() reads fields, whose values may be of any characters but one", () => {
  assertEquals(parseRecord("A=1"), { A: "1" });
  assertEquals(parseRecord("A=\0B=b=c\0C_1.x=two\nlines"), {
    A: "",
    B: "b=c",
    "C_1.x": "two\nlines",
  });
});

test("parseRecord() and formatRecord() refuse what is no record", () => {
  for (const frame of ["", "A", "=1", "1A=1", "A B=1", "A=1\0", "A=1\0A=2", "\0A=1"]) {
    assertThrows(() => parseRecord(frame), RecordError);
  }
  for (const record of [{}, { "": "x" }, { "A=": "x" }, { A: "x\0B=y" }]) {
    assertThrows(() => formatRecord(record), RecordError);
  }
});

test("what is sent as a record is read as the same record", async () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.]{0,10}$/);
  const value = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
  await fc.assert(fc.asyncProperty(
    fc.array(fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }), { minLength: 1 }),
    async (records) => {
      const [left, right] = memoryPair();
      const chat = new Chat(left, { terminator: RECORD });
      const peer = new Chat(right, { terminator: RECORD, encoding: "utf-8" });
      for (const record of records) chat.send(formatRecord(record)).catch(() => {});
      const done = chat.closeWhenDone();
      const read: unknown[] = [];
      for await (const frame of peer) read.push(parseRecord(frame));
      assertEquals(read, records);
      await Promise.all([done, peer.closeWhenDone()]);
    },
  ));
});

test("send() refuses a record that would end early", async () => {
  const [left] = memoryPair();
  const chat = new Chat(left, { terminator: RECORD });
  for (const forged of ["A=1\0\0B=2", "A=1\0"]) {
    let refusal: unknown;
    await chat.send(forged).catch((error) => refusal = error);
    assertEquals(refusal instanceof FrameInjectionError, true);
  }
  chat.close();
});

test("records are found in any chunks", () => {
  const framer = new Framer({ terminator: RECORD, encoding: "utf-8" });
  const found: string[] = [];
  for (const byte of bytes("A=1\0B=2\0\0C=3\0\0")) {
    framer.push(Uint8Array.of(byte));
    found.push(...framer);
  }
  assertEquals(found, ["A=1\0B=2", "C=3"]);
});
