/** The filters of lines: in pipes of the shell, and from file to file. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { text } from "../support/bytes.ts";
import { runExample } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { shell } from "../support/shell.ts";

const PROGRAM = "examples/line_filter.ts";

test("a line filter numbers what comes through a pipe, and passes every byte of it on", async () => {
  const random = "/tmp/asynchat.$$";
  const lines: readonly (readonly [line: string, stdout: string])[] = [
    ["printf 'one\\n\\nlast' | $PROGRAM --prefix '#'", "#1: one\n#2: \n#3: last\n"],
    ["$PROGRAM < /dev/null", ""],
    ["seq 30000 | $PROGRAM | tail -n 1", "30000: 30000\n"],
    ["yes | $PROGRAM | head -n 2", "1: y\n2: y\n"], // which ends quietly when no one reads any more
    [
      `head -c 300000 /dev/urandom > ${random}; $PROGRAM < ${random} | ` +
      `LC_ALL=C sed 's/^[0-9]*: //' | head -c 300000 | cmp - ${random} && rm ${random}`,
      "",
    ],
  ];
  for (const [line, stdout] of lines) {
    assertEquals(await shell(line, PROGRAM), { code: 0, stdout, stderr: "" }, line);
  }
});

test("the filter of lines copies those that contain the text, and says how many", async () => {
  using folder = new Folder();
  const lines = Array.from({ length: 30_000 }, (_, i) => `${i % 3 ? "note" : "error"} ${i}`);
  const from = folder.write("from", lines.join("\n"));
  const args = ["--text", "error", "--from", from, "--to", folder.at("to")];
  const { lines: printed, code, stderr } = await runExample("filter_lines", ...args);
  assertEquals([printed, code], [['10000 lines contain "error"'], 0], stderr);
  const expected = lines.filter((line) => line.startsWith("error")).map((line) => `${line}\n`);
  assertEquals(text(folder.read("to")), expected.join(""));
});
