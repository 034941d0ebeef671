/** The line filter in pipes of the shell. */
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { shell } from "../support/shell.ts";

const PROGRAM = "examples/line_filter.ts";

test("a line filter numbers what comes through a pipe, and passes every byte of it on", async () => {
  for (
    const [line, stdout] of [
      ["seq 101 103 | $PROGRAM", "1: 101\n2: 102\n3: 103\n"],
      ["printf 'one\\n\\nlast' | $PROGRAM --prefix '#'", "#1: one\n#2: \n#3: last\n"],
      ["$PROGRAM < /dev/null", ""],
      ["seq 100000 | $PROGRAM | tail -n 1", "100000: 100000\n"],
      [
        "head -c 300000 /dev/urandom > /tmp/asynchat.$$; " +
        "$PROGRAM < /tmp/asynchat.$$ | LC_ALL=C sed 's/^[0-9]*: //' | head -c 300000 | cmp - /tmp/asynchat.$$ && " +
        "rm /tmp/asynchat.$$",
        "",
      ],
    ] as const
  ) {
    assertEquals(await shell(line, PROGRAM), { code: 0, stdout, stderr: "" }, line);
  }
});

test("a line filter ends quietly when nobody reads any more, also of an input that never ends", async () => {
  const filtered = await shell("yes | $PROGRAM | head -n 2", PROGRAM);
  assertEquals(filtered, { code: 0, stdout: "1: y\n2: y\n", stderr: "" });
});

test("a line filter answers a person, line by line, and goes on until the end", async () => {
  const { stdout } = await shell("$PROGRAM", PROGRAM, { input: "one\n", end: true });
  assertStrictEquals(stdout, "1: one\n");
});
