/** The log collector, and its records, with programs that print what ends with `\0`. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { collect } from "../../examples/records/collect.ts";
import { formatRecord, parseRecord, RECORD, RecordError } from "../../examples/records/record.ts";
import { Chat, connect, Framer } from "../../mod.ts";
import { ExampleServer } from "../support/examples.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { shellOutput } from "../support/shell.ts";

const RECORDS = { terminator: RECORD, encoding: "utf-8" } as const;

peerTest("nc", "the log collector prints what env -0 and nc send", async () => {
  await using server = await ExampleServer.start("log_collector");
  const heard = await shellOutput(
    `{ env -i A=1 B="two
lines" env -0; printf '\\0'; printf 'MESSAGE=hello\\0\\0'; } | nc -N 127.0.0.1 ${server.port} | tr '\\0' '|'`,
  );
  assertEquals(heard, "OK=1||OK=2||");
  await server.line(/"A":"1","B":"two\\nlines"/);
  await server.line(/^\{"MESSAGE":"hello","FROM":"127\.0\.0\.1:\d+"\}$/);
});

test("the log collector refuses what is no record, reads on, lets no record say who it is from, and stops at Ctrl-C", async () => {
  await using server = await ExampleServer.start("log_collector");
  const chat = await connect({ port: server.port, ...RECORDS });
  const answers: readonly (readonly [input: string, answer: RegExp])[] = [
    ["A=1\0\0", /^OK=1$/],
    ["nonsense\0\0", /^ERROR=.*"nonsense"$/],
    [`A=${"x".repeat(100_000)}\0\0`, /^ERROR=/],
    ["A=1\0A=2\0\0", /^ERROR=/],
    ["\0\0", /^ERROR=/],
    ["B=2\0FROM=somebody else\0__proto__=x\0\0", /^OK=2$/],
  ];
  for (const [input, answer] of answers) {
    await chat.push(input);
    assertMatch((await chat.read())!, answer);
  }
  await server.line(/^\{"B":"2","FROM":"127\.0\.0\.1:\d+","__proto__":"x"\}$/);
  await chat.push("C=3");
  await chat.closeWrite();
  assertMatch((await chat.read())!, /^ERROR=/);
  assertEquals(await chat.read(), null);
  await chat.closeWhenDone();
  await server.stop();
});

test("parseRecord() and formatRecord() refuse what is no record, and what would be two", () => {
  for (const frame of ["", "A", "=1", "1A=1", "A B=1", "A=1\0", "A=1\0A=2", "\0A=1"]) {
    assertThrows(() => parseRecord(frame), RecordError);
  }
  for (const record of [{}, { "": "x" }, { "A=": "x" }, { A: "x\0B=y" }]) {
    assertThrows(() => formatRecord(record), RecordError);
  }
});

test("what is formatted as a record is parsed as the same record, behind others", () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.]{0,10}$/);
  const value = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
  const record = fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true });
  fc.assert(fc.property(fc.array(record), (records) => {
    const framer = new Framer(RECORDS);
    for (const each of records) framer.push(new TextEncoder().encode(formatRecord(each) + RECORD));
    assertEquals([...framer].map(parseRecord), records);
  }));
});

test("collect() survives programs that send nonsense", () =>
  attack({
    serve: handledBy(
      (connection) => new Chat(connection, { ...RECORDS, maxFrameLength: 200 }),
      (chat) => collect(chat, (record) => assert(Object.keys(record).length > 0)),
    ),
    samples: [
      "LEVEL=info\0MESSAGE=hello\nworld\0\0A=1\0\0",
      `A=${"x".repeat(300)}\0\0B=2\0\0`,
      "\0\0nonsense\0\0A=1\0A=2\0\0A=half",
    ],
    checkAnswer(answer) {
      const said = new TextDecoder().decode(answer);
      const whole = said.slice(0, said.includes(RECORD) ? said.lastIndexOf(RECORD) + 2 : 0);
      assert(/^((OK=\d+|ERROR=[^\0]+)\0\0)*$/.test(whole), said);
    },
  }));
