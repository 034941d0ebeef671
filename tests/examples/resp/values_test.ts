/** RESP values: what is encoded is parsed as the same, and what is none is refused. */
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import { addValue, encodeCommand, type Version } from "../../../examples/resp/encode.ts";
import { commands, replies } from "../../../examples/resp/framing.ts";
import { parseCommand, parseValue } from "../../../examples/resp/parse.ts";
import { Push, RespError, type Value } from "../../../examples/resp/value.ts";
import { ChatError, type Data, Framer, type Framing, MalformedFrameError } from "../../../mod.ts";
import { bytes, concat, text } from "../../support/bytes.ts";

const join = (items: readonly Data[]): Uint8Array =>
  concat(items.map((item) => typeof item === "string" ? bytes(item) : item));

/** The frames, of input that comes a byte at a time, or all at once. */
function* frames(
  input: Uint8Array | string,
  terminator: Framing,
  chunk: number,
): Generator<Uint8Array> {
  const all = typeof input === "string" ? bytes(input) : input;
  const framer = new Framer({ terminator });
  for (let at = 0; at < all.length; at += chunk) {
    framer.push(all.slice(at, at + chunk));
    yield* framer;
  }
  framer.end();
  yield* framer;
}

function parseAll(input: Uint8Array | string, chunk: number = Infinity): Value[] {
  return [...frames(input, replies, Math.min(chunk, 1e6))].map(parseValue);
}

test("parseValue() reads each type of both versions, however it arrives", () => {
  const examples: readonly (readonly [string, Value])[] = [
    ["+OK\r\n", "OK"],
    ["+\r\n", ""],
    ["+a\rb\r\n", "a\rb"],
    ["-ERR no such key\r\n", new RespError("ERR no such key")],
    [":42\r\n", 42],
    [":-1\r\n", -1],
    [":9223372036854775807\r\n", 9223372036854775807n],
    ["$5\r\nhello\r\n", bytes("hello")],
    ["$0\r\n\r\n", bytes("")],
    ["$4\r\n\r\n\r\n\r\n", bytes("\r\n\r\n")],
    ["$-1\r\n", null],
    ["*-1\r\n", null],
    ["*0\r\n", []],
    ["*2\r\n:1\r\n*1\r\n$1\r\na\r\n", [1, [bytes("a")]]],
    ["_\r\n", null],
    ["#t\r\n", true],
    ["#f\r\n", false],
    [",1.5\r\n", 1.5],
    [",-1.5e10\r\n", -1.5e10],
    [",10\r\n", 10],
    [",-inf\r\n", -Infinity],
    [",nan\r\n", NaN],
    [
      "(3492890328409238509324850943850943825024385\r\n",
      3492890328409238509324850943850943825024385n,
    ],
    ["!21\r\nSYNTAX invalid syntax\r\n", new RespError("SYNTAX invalid syntax")],
    ["=15\r\ntxt:Some string\r\n", "Some string"],
    ["%2\r\n+a\r\n:1\r\n$1\r\nb\r\n:2\r\n", new Map([["a", 1], ["b", 2]])],
    ["~2\r\n:1\r\n:2\r\n", new Set([1, 2])],
    [">2\r\n+message\r\n+hi\r\n", new Push(["message", "hi"])],
    ["|1\r\n+ttl\r\n:3\r\n*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n:2\r\n", [1, 2]],
  ];
  for (const [wire, value] of examples) {
    for (const chunk of [1, 2, 7, 1_000]) assertEquals(parseAll(wire, chunk), [value], wire);
  }
  const all = examples.map(([wire]) => wire).join("");
  assertEquals(parseAll(all), examples.map(([, value]) => value));
});

test("what addValue() writes, parseValue() reads", () => {
  const leaf: fc.Arbitrary<Value> = fc.oneof(
    fc.uint8Array(),
    fc.string().map((string) => string.replace(/[\r\n]/g, "")),
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 2n ** 64n, max: 2n ** 70n }),
    fc.double().filter((number) => !Number.isInteger(number)),
    fc.constant(null),
    fc.boolean(),
    fc.string().map((string) => new RespError(string.replace(/[\r\n]/g, ""))),
  );
  const { value } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.array(tie("value"), { maxLength: 5 }).map((items) => new Push(items)),
      fc.array(fc.integer(), { maxLength: 5 }).map((items) => new Set(items)),
      fc.array(fc.tuple(fc.string({ unit: "grapheme-ascii" }), tie("value")), { maxLength: 5 })
        .map((pairs) => new Map(pairs)),
    ),
  }));
  fc.assert(fc.property(fc.array(value), fc.integer({ min: 1, max: 50 }), (values, chunk) => {
    const items: Data[] = [];
    for (const one of values) addValue(items, one, 3);
    assertEquals(parseAll(join(items), chunk), values);
  }));
});

test("addValue() writes for version 2 what that does not have as what is nearest", () => {
  const encode = (value: Value, version: Version): string => {
    const items: Data[] = [];
    addValue(items, value, version);
    return text(join(items));
  };
  assertEquals(encode(null, 2), "$-1\r\n");
  assertEquals(encode(true, 2), ":1\r\n");
  assertEquals(encode(1.5, 2), "$3\r\n1.5\r\n");
  assertEquals(encode(-Infinity, 3), ",-inf\r\n");
  assertEquals(encode(2n ** 70n, 2), "$22\r\n1180591620717411303424\r\n");
  assertEquals(encode(new Map([["a", 1]]), 2), "*2\r\n+a\r\n:1\r\n");
  assertEquals(encode(new Set([1]), 2), "*1\r\n:1\r\n");
  assertEquals(encode(new Push(["a"]), 2), "*1\r\n+a\r\n");
  assertEquals(encode("a\r\n+b", 2), "+a +b\r\n");
  assertEquals(encode(new RespError("ERR a\r\n+b"), 2), "-ERR a +b\r\n");
});

test("parseCommand() reads arrays and lines of words", () => {
  const examples: readonly (readonly [string, readonly string[]])[] = [
    ["*1\r\n$4\r\nPING\r\n", ["PING"]],
    ["*2\r\n$3\r\nGET\r\n$0\r\n\r\n", ["GET", ""]],
    ["*0\r\n", []],
    ["*-1\r\n", []],
    ["PING\r\n", ["PING"]],
    ["PING\n", ["PING"]],
    ["\r\n", []],
    ["\n", []],
    ['  set  a\t\'b c\' "d\\n\\x41\\""  \r\n', ["set", "a", "b c", 'd\nA"']],
    ["set a ''\n", ["set", "a", ""]],
  ];
  for (const [wire, words] of examples) {
    for (const chunk of [1, 3, 1_000]) {
      const found = [...frames(wire, commands, chunk)].map(parseCommand);
      assertEquals(found.map((command) => command.map((word) => text(word))), [words], wire);
    }
  }
  fc.assert(fc.property(fc.array(fc.array(fc.uint8Array(), { minLength: 1 })), (all) => {
    const wire = join(all.flatMap((words) => encodeCommand(words)));
    assertEquals([...frames(wire, commands, 7)].map(parseCommand), all);
  }));
});

test("what is no value and no command is refused as soon as that is known", () => {
  const refused: readonly (readonly [Framing, string])[] = [
    ...[
      "x\r\n",
      "\r\n",
      "$x\r\n",
      "$1\r\nabc",
      "*1000000000\r\n",
      "*1e3\r\n",
      "*\r\n",
      "%999999\r\n",
    ]
      .map((wire) => [replies, wire] as const),
    ...[
      "*x\r\n",
      "*1000000000\r\n",
      "*1\r\n:1\r\n",
      "*1\r\n$-1\r\n",
      "*1\r\n$-5\r\n",
      "*1\r\n$1\r\nabc",
      "*1\r\n\r\n",
      `*${"9".repeat(400)}\r\n`,
    ].map((wire) => [commands, wire] as const),
  ];
  for (const [framing, wire] of refused) {
    assertThrows(() => [...frames(wire, framing, 1)], MalformedFrameError);
  }
  assertThrows(() => [...frames("*1\r\n$536870912\r\n", commands, 1)], ChatError, "maxFrameLength");
  const deep = "*1\r\n".repeat(100) + ":1\r\n";
  assertThrows(() => parseAll(deep), MalformedFrameError, "deep");
  for (const wire of [":x\r\n", ":\r\n", ",x\r\n", "#x\r\n", "(1.5\r\n"]) {
    assertThrows(() => parseAll(wire), MalformedFrameError, "expected");
  }
  for (const wire of ['set "a\n', "set 'a\n", 'set "a"b\n']) {
    assertThrows(
      () => [...frames(wire, commands, 9)].map(parseCommand),
      MalformedFrameError,
      "quotes",
    );
  }
});

test("replies and commands of random bytes are values, or refused, and never anything else", () => {
  const byte = fc.constantFrom(...bytes("*$+-:,(#_!=%~>|0123456789\r\n\r\n\r\nab"));
  const input = fc.array(byte, { maxLength: 60 }).map((all) => Uint8Array.from(all));
  fc.assert(
    fc.property(input, fc.constantFrom(replies, commands), (input, framing) => {
      try {
        for (const frame of frames(input, framing, 5)) {
          const read = framing === replies ? parseValue(frame) : parseCommand(frame);
          assert(read !== undefined);
        }
      } catch (error) {
        assertInstanceOf(error, ChatError);
      }
    }),
    { numRuns: 10_000 },
  );
});
