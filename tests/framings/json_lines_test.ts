import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Framer, jsonLines, MalformedFrameError } from "../../mod.ts";
import { bytes, concat, hex, text } from "../support/bytes.ts";
import { cutsOf } from "../support/framing_tables.ts";

const framerOf = (...chunks: (string | Uint8Array)[]): Framer<unknown> => {
  const framer = new Framer<unknown>({ terminator: jsonLines() });
  for (const chunk of chunks) framer.push(chunk);
  return framer;
};

/** The values, and the names of errors. */
function readAll(framer: Framer<unknown>): unknown[] {
  const found: unknown[] = [];
  for (;;) {
    try {
      const value = framer.next();
      if (value === undefined) return found;
      found.push(value);
    } catch (error) {
      found.push((error as Error).name);
    }
  }
}

test("jsonLines() reads the value of each line, in every chunking, and goes on after a line that is not JSON", () => {
  const input = '{"a":1}\n[]\r\n"é\\n"\nnull\n nope\n\n  7 \n{"a":\n"😀"\ntrue\n';
  const values = [
    { a: 1 },
    [],
    "é\n",
    null,
    "MalformedFrameError",
    "MalformedFrameError",
    7,
    "MalformedFrameError",
    "😀",
    true,
  ];
  for (const chunks of cutsOf(bytes(input))) {
    const framer = framerOf();
    const found = chunks.flatMap((chunk) => {
      framer.push(chunk);
      return readAll(framer);
    });
    assertEquals(found, values);
  }
});

test("jsonLines() says which line is not JSON, and what is wrong with it", () => {
  for (const before of ["", "1\n2\n3\n"]) {
    const framer = framerOf(`${before}{"a": nope}\n`, "x".repeat(100) + "\n");
    for (let i = 0; i < before.length / 2; i++) framer.next();
    const error = assertThrows(() => framer.next(), MalformedFrameError, "the line is not JSON");
    assertEquals([error.message.includes('"{\\"a\\": nope}"'), text(error.bytes)], [
      true,
      '{"a": nope}',
    ]);
    const long = assertThrows(() => framer.next(), MalformedFrameError, '"...');
    assertStrictEquals(long.bytes.length, 100);
  }
});

test("jsonLines() refuses a line that is not UTF-8, whatever the encoding of the stream, and takes a byte order mark", () => {
  for (const encoding of [undefined, "utf-8", "latin1"] as const) {
    const framer = new Framer<unknown>({ terminator: jsonLines(), encoding } as never);
    framer.push(concat([bytes('\ufeff"é"\n"\ufeff"\n'), hex("22ff220a"), bytes('\ufeff"ü"\n1\n')]));
    assertEquals(readAll(framer), ["é", "\ufeff", "MalformedFrameError", "ü", 1]);
  }
});

test("jsonLines() sends each value as one line, and refuses what has no JSON text", () => {
  const framer = framerOf();
  for (const value of [{ a: "line\nend" }, [1, null], "é", 0, null, "\ud83d", new Date(0)]) {
    framer.push(framer.encode(value));
    assertEquals(framer.next(), JSON.parse(JSON.stringify(value)));
  }
  assertEquals(framer.encode("é\n"), bytes('"é\\n"\n'));
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [undefined, () => 1, Symbol("x"), 1n, circle]) {
    assertThrows(() => framer.encode(value), TypeError);
  }
});

test("jsonLines() of a stream that ends in a line gives it only when it is told to", () => {
  for (
    const [incomplete, found] of [["throw", [1, "IncompleteFrameError"]], ["yield", [1, 23]], [
      "drop",
      [1],
    ]] as const
  ) {
    const framer = new Framer<unknown>({ terminator: jsonLines(), incomplete });
    framer.push("1\n23");
    framer.end();
    assertEquals<readonly unknown[]>(readAll(framer), found);
  }
});

test("jsonLines() holds a line to the limit, in bytes", () => {
  const framer = new Framer<unknown>({ terminator: jsonLines(), maxFrameLength: 4 });
  framer.push('"é"\n"éé"\n1\n2\n"é"\n');
  assertEquals(readAll(framer), ["é", "FrameTooLongError", 1, 2, "é"]);
});
