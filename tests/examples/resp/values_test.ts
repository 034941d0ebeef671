/** RESP values: what is encoded is parsed as the same, and what is none is refused. */
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { addValue, join, type Piece, type Version } from "../../../examples/resp/encode.ts";
import { commands, replies } from "../../../examples/resp/framing.ts";
import { Push, RespError, type Value } from "../../../examples/resp/value.ts";
import { ChatError, Framer, type Framing, MalformedFrameError } from "../../../mod.ts";
import { bytes, text } from "../../support/bytes.ts";

/** The messages, of input that comes in chunks. */
function* messages<T>(
  input: Uint8Array | string,
  terminator: Framing<T>,
  chunk: number = 7,
): Generator<T> {
  const all = typeof input === "string" ? bytes(input) : input;
  const framer = new Framer<T>({ terminator });
  for (let at = 0; at < all.length; at += chunk) {
    framer.push(all.slice(at, at + chunk));
    yield* framer;
  }
  framer.end();
  yield* framer;
}

function parseValues(input: Uint8Array | string, chunk?: number): Value[] {
  return [...messages(input, replies, chunk)];
}

function parseCommands(input: string, chunk?: number): string[][] {
  return [...messages(input, commands, chunk)].map((words) => words.map((each) => text(each)));
}

test("replies reads what Redis writes and addValue() does not, however it arrives", () => {
  const examples: readonly (readonly [string, Value])[] = [
    ["+a\rb\r\n", "a\rb"],
    [":-1\r\n", -1],
    ["$4\r\n\r\n\r\n\r\n", bytes("\r\n\r\n")],
    ["$-1\r\n", null],
    ["*-1\r\n", null],
    ["*2\r\n:1\r\n*1\r\n$1\r\na\r\n", [1, [bytes("a")]]],
    [",-1.5e10\r\n", -1.5e10],
    [",10\r\n", 10],
    [",-inf\r\n", -Infinity],
    [",nan\r\n", NaN],
    ["!21\r\nSYNTAX invalid syntax\r\n", new RespError("SYNTAX invalid syntax")],
    ["=15\r\ntxt:Some string\r\n", "Some string"],
    ["|1\r\n+ttl\r\n:3\r\n*2\r\n:1\r\n|1\r\n+a\r\n+b\r\n:2\r\n", [1, 2]],
  ];
  for (const [wire, value] of examples) {
    for (const chunk of [1, 2, 1_000]) assertEquals(parseValues(wire, chunk), [value], wire);
  }
});

test("what replies writes, it reads", () => {
  const line = fc.string().map((string) => string.replace(/[\r\n]/g, ""));
  const leaf: fc.Arbitrary<Value> = fc.oneof(
    fc.uint8Array(),
    line,
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 2n ** 64n, max: 2n ** 70n }),
    fc.double().filter((number) => !Number.isInteger(number)),
    fc.constant(null),
    fc.boolean(),
    line.map((string) => new RespError(string)),
  );
  const { value } = fc.letrec<{ value: Value }>((tie) => {
    const items = fc.array(tie("value"), { maxLength: 5 });
    const pair = fc.tuple(fc.string({ unit: "grapheme-ascii" }), tie("value"));
    return {
      value: fc.oneof(
        { depthSize: "small" },
        leaf,
        items,
        items.map((all) => new Push(all)),
        fc.array(fc.integer(), { maxLength: 5 }).map((all) => new Set(all)),
        fc.array(pair, { maxLength: 5 }).map((pairs) => new Map(pairs)),
      ),
    };
  });
  fc.assert(fc.property(fc.array(value), fc.integer({ min: 1, max: 50 }), (values, chunk) => {
    const framer = new Framer({ terminator: replies });
    const wire = join(values.map((each) => framer.encode(each)));
    assertEquals(parseValues(wire, chunk), values);
  }));
});

test("addValue() writes for version 2 what that does not have as what is nearest, and no text as two lines", () => {
  const examples: readonly (readonly [Value, Version, string])[] = [
    [null, 2, "$-1\r\n"],
    [true, 2, ":1\r\n"],
    [1.5, 2, "$3\r\n1.5\r\n"],
    [-Infinity, 3, ",-inf\r\n"],
    [2n ** 70n, 2, "$22\r\n1180591620717411303424\r\n"],
    [new Map([["a", 1]]), 2, "*2\r\n+a\r\n:1\r\n"],
    [new Set([1]), 2, "*1\r\n:1\r\n"],
    [new Push(["a"]), 2, "*1\r\n+a\r\n"],
    ["a\r\n+b", 2, "+a +b\r\n"],
    [new RespError("ERR a\r\n+b"), 2, "-ERR a +b\r\n"],
  ];
  for (const [value, version, wire] of examples) {
    const pieces: Piece[] = [];
    addValue(pieces, value, version);
    assertEquals(text(join(pieces)), wire);
  }
});

test("commands reads arrays and lines of words", () => {
  const examples: readonly (readonly [string, readonly string[]])[] = [
    ["*2\r\n$3\r\nGET\r\n$0\r\n\r\n", ["GET", ""]],
    ["*0\r\n*-1\r\nPING\n", ["PING"]], // the first two are no commands
    ["\r\n\nPING\r\n\r\n", ["PING"]],
    ['  set  a\t\'b c\' "d\\n\\x41\\""  \r\n', ["set", "a", "b c", 'd\nA"']],
    ["set a ''\n", ["set", "a", ""]],
  ];
  for (const [wire, words] of examples) {
    for (const chunk of [1, 3, 1_000]) assertEquals(parseCommands(wire, chunk), [words], wire);
  }
  fc.assert(fc.property(fc.array(fc.array(fc.uint8Array(), { minLength: 1 })), (all) => {
    const framer = new Framer({ terminator: commands });
    const wire = join(all.map((words) => framer.encode(words)));
    assertEquals([...messages(wire, commands)], all);
  }));
});

test("what is no value and no command is refused as soon as that is known", () => {
  const noValues = ["x\r\n", "\r\n", "$x\r\n", "$1\r\nabc", "*1000000000\r\n", "*1e3\r\n", "*\r\n"];
  const noLeaves = ["%999999\r\n", ":x\r\n", ":\r\n", ",x\r\n", "#x\r\n", "(1.5\r\n"];
  for (const wire of [...noValues, ...noLeaves, "*1\r\n".repeat(100) + ":1\r\n"]) {
    assertThrows(() => parseValues(wire, 1), MalformedFrameError, "", wire);
  }
  const noArrays = [
    "*x\r\n",
    "*1\n$1\r\na\r\n",
    "*1000000000\r\n",
    "*1\r\n:1\r\n",
    "*1\r\n$-1\r\n",
    "*1\r\n$1\r\nabc",
  ];
  const noWords = ["*1\r\n\r\n", 'set "a\n', "set 'a\n", 'set "a"b\n', `*${"9".repeat(400)}\r\n`];
  for (const wire of [...noArrays, ...noWords]) {
    assertThrows(() => parseCommands(wire, 1), MalformedFrameError, "", wire);
  }
  assertThrows(() => parseCommands("*1\r\n$536870912\r\n", 1), ChatError, "maxFrameLength");
});
