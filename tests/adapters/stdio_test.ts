/** `fromStdio()`, in programs of their own. */
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { fromStdio, UnsupportedError } from "../../mod.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { processPair } from "../support/process_pair.ts";
import { command, CURRENT } from "../support/programs.ts";
import { shell } from "../support/shell.ts";
import { spawnNode } from "../support/spawn.ts";

const PROGRAM = "tests/programs/stdio.ts";

const OPEN = "a program's standard output ends when the program does";

checkConnection(
  "fromStdio()",
  () =>
    processPair((port) => spawnNode(...command(CURRENT, "tests/programs/stdio_bridge.ts", port))),
  {
    "is closed by itself when it ends its direction after the peer": OPEN,
    "goes on writing after the peer has ended its direction": OPEN,
  },
);

test("fromStdio() reads a pipe, a file, /dev/null, and what is closed, to the end", async () => {
  for (
    const [line, count] of [
      ["seq 100000 | $PROGRAM count", 100_000],
      ["printf 'a\\nb\\nc' | $PROGRAM count", 3],
      ["$PROGRAM count < LICENSE", 21],
      ["$PROGRAM count < /dev/null", 0],
      ["$PROGRAM count <&-", 0],
    ] as const
  ) {
    assertEquals(
      await shell(line, PROGRAM),
      { code: 0, stdout: `${count} lines\n`, stderr: "" },
      line,
    );
  }
});

const hasTerminals = spawnSync("script", ["--version"]).status === 0;
const reason = hasTerminals ? "" : " (skipped: there is no script(1) here, which makes terminals)";

test(`fromStdio() reads and writes a terminal${reason}`, { skip: !hasTerminals }, async () => {
  const line = 'script -qec "$PROGRAM count" /dev/null';
  const { code, stdout } = await shell(line, PROGRAM, { input: "a\nb\n\x04" });
  assertStrictEquals(code, 0);
  assertMatch(stdout, /2 lines\r\n/);
});

test("fromStdio() has written all, to a pipe or a file, when process.exit() follows closeWhenDone()", async () => {
  const [lines, rest] = [588_895, 8 * 1024 * 1024];
  for (
    const line of [
      "$PROGRAM print < /dev/null | wc -c",
      // Nothing is read before the pipe is full, and the program waits.
      "$PROGRAM print < /dev/null | { head -c 1; cat; } | wc -c",
      "f=$(mktemp); $PROGRAM print < /dev/null > $f; wc -c < $f; rm $f",
    ]
  ) {
    const { code, stdout, stderr } = await shell(line, PROGRAM);
    assertEquals([code, Number(stdout), stderr], [0, lines + rest, ""], line);
  }
});

test('fromStdio() rejects writes with a ConnectionError, "reset", when the reader has gone, and waits for no more input', async () => {
  const { code, stdout, stderr } = await shell("$PROGRAM printOn | head -n 1", PROGRAM);
  assertEquals([code, stdout], [0, "y\n"]);
  assertEquals(stderr.trim().split("\n"), [
    "reset: cannot write to the standard output: the connection was reset by the peer",
    "closed: reset",
  ]);
});

test("fromStdio() rejects writes with a ConnectionError when the disk is full", async () => {
  const { code, stderr } = await shell("$PROGRAM printOn > /dev/full", PROGRAM);
  assertMatch(
    stderr,
    /^other: cannot write to the standard output: .*space left.*\nclosed: other\n$/,
  );
  assertStrictEquals(code, 0);
});

test("fromStdio() keeps the program running while a frame is waited for, and not when it is closed, nor when nothing is", async () => {
  const stopped = await shell("$PROGRAM stop", PROGRAM, { input: "one\ntwo\n" });
  assertEquals(stopped, { code: 0, stdout: "first: one\nstill printed\n", stderr: "" });
  const interrupted = await shell("$PROGRAM interrupt", PROGRAM);
  assertEquals(interrupted, { code: 0, stdout: "", stderr: "enough\nlisteners: 0\n" });
  const idle = await shell("$PROGRAM idle", PROGRAM);
  assertEquals(idle, { code: 0, stdout: "idle, and not to be read out\n", stderr: "" });
});

test("fromStdio() is an UnsupportedError where there is no standard input", () => {
  const globals = globalThis as unknown as Record<string, unknown>;
  const kept = { process: globals["process"], Deno: globals["Deno"] };
  try {
    for (const name of Object.keys(kept)) {
      Object.defineProperty(globals, name, {
        value: undefined,
        configurable: true,
        writable: true,
      });
    }
    assertThrows(() => fromStdio(), UnsupportedError, "Node, Deno or Bun");
  } finally {
    Object.assign(globals, kept);
    if (kept.Deno === undefined) delete globals["Deno"];
  }
});
