/** Promise 25: nothing stays behind, whatever happens. Each program runs in a process of its own. */
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { command, CURRENT, run } from "./support/programs.ts";

test("a program ends by itself when its chats and listeners are closed", async () => {
  const { code, lines, stderr } = await run(command(CURRENT, "tests/programs/exits.ts"));
  assertEquals({ code, lines, stderr }, { code: 0, lines: ["done"], stderr: "" });
});

test("a program that awaits no promise has no unhandled rejection", async () => {
  const { code, lines, stderr } = await run(command(CURRENT, "tests/programs/careless.ts"));
  assertEquals({ code, lines, stderr }, { code: 0, lines: ["done"], stderr: "" });
});

const onLinux = { skip: process.platform === "linux" ? false : "needs /proc" };

test("no socket stays open, however a connection ends", onLinux, async () => {
  const { code, lines, stderr } = await run(
    // Deno must be allowed to read /proc.
    command(CURRENT, "tests/programs/leaks.ts")
      .map((flag) => flag === "--allow-net" ? "--allow-all" : flag),
  );
  assertEquals({ code, lines, stderr }, { code: 0, lines: ["0 sockets left open"], stderr: "" });
});
