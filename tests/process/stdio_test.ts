/** `fromStdio()`, in programs of their own. */
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Connection, UnsupportedError } from "../../mod.ts";
import { fromStdio } from "../../src/process/mod.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { processPair } from "../support/process_pair.ts";
import { command, CURRENT } from "../support/programs.ts";
import { shell } from "../support/shell.ts";
import { spawnNode } from "../support/spawn.ts";

const PROGRAM = "tests/programs/stdio.ts";

/** A connection with a program that passes on everything by its `fromStdio()`, and the other end of that. */
const bridged = (): Promise<[Connection, Connection]> =>
  processPair((port) => spawnNode(...command(CURRENT, "tests/programs/stdio_bridge.ts", port)));
const WAITS = "makes the writer wait";

checkConnection("fromStdio(), which reads,", bridged, {
  only: ["delivers bytes in order", WAITS, "is closed by itself when both"],
});
checkConnection("fromStdio(), which writes,", async () => {
  const [left, right] = await bridged();
  return [right, left];
}, { only: ["has taken all of a write", WAITS] });

test("fromStdio() reads a pipe, a file, /dev/null, and what is closed, to the end", async () => {
  for (
    const [line, count] of [
      ["{ seq 100000; printf end; } | $PROGRAM count", 100_001],
      ["$PROGRAM count < LICENSE", 21],
      ["$PROGRAM count < /dev/null", 0],
      ["$PROGRAM count <&-", 0],
    ] as const
  ) {
    const expected = { code: 0, stdout: `${count} lines\n`, stderr: "" };
    assertEquals(await shell(line, PROGRAM), expected, line);
  }
});

const hasTerminals = spawnSync("script", ["--version"]).status === 0;
const reason = hasTerminals ? "" : " (skipped: there is no script(1) here, which makes terminals)";

test(`fromStdio() reads and writes a terminal${reason}`, { skip: !hasTerminals }, async () => {
  const line = 'script -qec "$PROGRAM count" /dev/null';
  const { code, stdout } = await shell(line, PROGRAM, { input: "a\nb\n\x04" });
  assertEquals([code, stdout.match(/2 lines\r\n/)?.length], [0, 1], stdout);
});

test("fromStdio() has written all, to a pipe or a file, when process.exit() follows closeWhenDone()", async () => {
  for (
    const line of [
      // Nothing is read before the pipe is full, and the program waits.
      "$PROGRAM print < /dev/null | { head -c 1; cat; } | wc -c",
      "f=$(mktemp); $PROGRAM print < /dev/null > $f; wc -c < $f; rm $f",
    ]
  ) {
    const { code, stdout, stderr } = await shell(line, PROGRAM);
    assertEquals([code, Number(stdout), stderr], [0, 3_893 + 1024 * 1024, ""], line);
  }
});

test('fromStdio() rejects writes with a ConnectionError, "reset", when the reader has gone, and waits for no more input', async () => {
  const { code, stdout, stderr } = await shell("$PROGRAM printOn | head -n 1", PROGRAM);
  assertEquals([code, stdout], [0, "y\n"]);
  assertMatch(stderr, /^reset: cannot write to the standard output: .*\nclosed: reset\n$/);
});

test("fromStdio() rejects writes with a ConnectionError when the disk is full", async () => {
  const { code, stderr } = await shell("$PROGRAM printOn > /dev/full", PROGRAM);
  assertMatch(stderr, /^other: .*space left.*\nclosed: other\n$/);
  assertEquals(code, 0);
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
  const nothing = { value: undefined, configurable: true, writable: true };
  try {
    for (const name of Object.keys(kept)) Object.defineProperty(globals, name, nothing);
    assertThrows(() => fromStdio(), UnsupportedError);
  } finally {
    Object.assign(globals, kept);
    if (kept.Deno === undefined) delete globals["Deno"];
  }
});
