/** `fromProcess()`, for each kind of child process that the runtime has, with the programs of every Unix. */
import { spawn as nodeSpawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Chat, ConnectionError } from "../../mod.ts";
import { type ChildProcessLike, fromProcess } from "../../src/process/mod.ts";
import { bytes, text } from "../support/bytes.ts";
import { checkConnection, readAll } from "../support/connection_checks.ts";
import { processPair } from "../support/process_pair.ts";
import { command, CURRENT, run } from "../support/programs.ts";
import { exitOf, type Spawn, SPAWNS } from "../support/spawn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

for (const [name, spawn] of Object.entries(SPAWNS)) {
  checkConnection(
    `fromProcess() of ${name}`,
    () => processPair((port) => spawn(...command("node", "tests/programs/pipe_bridge.ts", port))),
  );
  testPrograms(name, spawn);
}

function testPrograms(name: string, spawn: Spawn): void {
  test(`fromProcess() of ${name} sends to a program, and reads what it makes of it`, async () => {
    const sort = spawn("sort", "-n");
    const chat = new Chat(fromProcess(sort), LINES);
    for (let i = 1_000; i > 0; i--) await chat.send(String(i));
    await chat.closeWrite();
    let count = 0;
    for await (const line of chat) assertStrictEquals(Number(line), ++count);
    assertStrictEquals(count, 1_000);
    await chat.closeWhenDone();
    assertStrictEquals(await exitOf(sort), 0);
  });

  test(`fromProcess() of ${name} reads all that a program printed, and the end, when it has ended long ago`, async () => {
    const seq = spawn("seq", "1000");
    const connection = fromProcess(seq);
    await exited(seq);
    assertStrictEquals(text(await readAll(connection)).split("\n").length, 1001);
    await assertRejects(async () => {
      for (;;) await connection.write(bytes("x"));
    }, ConnectionError);
    await connection.closed;
  });

  test(`fromProcess() of ${name} reads what a program prints that does not read all it is sent`, async () => {
    const chat = new Chat(fromProcess(spawn("head", "-n", "2")), LINES);
    const error = await assertRejects(async () => {
      for (let i = 0;; i++) await chat.push(`line ${i}\n`.repeat(1000));
    }, ConnectionError);
    assertStrictEquals(error.code, "reset");
    assertEquals([await chat.read(), await chat.read()], ["line 0", "line 0"]);
    await chat.closed;
  });

  test(`fromProcess() of ${name} has the exit code when it is closed, whatever it is`, async () => {
    for (
      const [program, printed, exit] of [
        ["printf one; exit 3", "one", 3],
        ["printf tw; kill -9 $$", "tw", "SIGKILL"],
        // It ends by itself when it is closed, and is given the time to.
        ["printf go; exec > /dev/null; cat; exit 7", "go", 7],
      ] as const
    ) {
      const child = spawn("sh", "-c", program);
      const connection = fromProcess(child, { grace: 1_000_000 });
      assertStrictEquals(text(await readAll(connection)), printed);
      connection.close();
      await connection.closed;
      assertStrictEquals(await exitOf(child), exit);
    }
  });

  test(`fromProcess() of ${name} kills a program that does not end when it is closed`, async () => {
    const sleeper = spawn("sleep", "60");
    const connection = fromProcess(sleeper, { grace: 1 });
    connection.close();
    await connection.closed;
    assertStrictEquals(await exitOf(sleeper), "SIGTERM");

    const stubborn = spawn("sh", "-c", "trap '' TERM; echo ready; exec sleep 60");
    const chat = new Chat(fromProcess(stubborn, { grace: 1 }), LINES);
    assertStrictEquals(await chat.read(), "ready");
    chat.close();
    await chat.closed;
    // Deno's node:child_process says what signal was sent first.
    const isWrong = CURRENT === "deno" && name === "node:child_process";
    assertStrictEquals(await exitOf(stubborn), isWrong ? "SIGTERM" : "SIGKILL");
  });

  test(`fromProcess() of ${name} says what program could not be started, and why`, async () => {
    for (
      const [file, code] of [
        ["/no/such/program", "not-found"],
        ["/etc/passwd", "permission"],
      ] as const
    ) {
      for (const operation of ["read", "write", "closeWrite"] as const) {
        const error = await assertRejects(
          async () => {
            const connection = fromProcess(() => spawn(file));
            await connection[operation](bytes("x"));
            connection.close();
            await connection.closed;
          },
          ConnectionError,
          "cannot start",
        );
        assertStrictEquals(error.code, code, error.message);
        assert(error.cause instanceof Error);
      }
    }
  });
}

/** Waits until a process has ended. */
async function exited(child: ChildProcessLike): Promise<void> {
  if ("status" in child) await child.status;
  else if ("exited" in child) await child.exited;
  else if (child.exitCode === null) await once(child as never, "exit");
}

test("a program that has talked to a process ends by itself", async () => {
  const words = command(CURRENT, "tests/programs/child.ts");
  // Deno's node:child_process reads the environment, too.
  const allowed = words.map((word) => word === "--allow-net" ? "--allow-all" : word);
  const { code, lines, stderr } = await run(allowed);
  assertEquals({ code, lines, stderr }, { code: 0, lines: ["hello", "exit code 0"], stderr: "" });
});

test("fromProcess() refuses a process whose streams somebody else has, and takes neither", () => {
  const stdin = new WritableStream<Uint8Array>();
  const stdout = new ReadableStream<Uint8Array>();
  const child = { pid: 7, kill() {}, stdin, stdout, status: new Promise(() => {}) };
  for (
    const [stream, lock, name] of [
      [stdin, () => stdin.getWriter(), "the standard input of process 7"],
      [stdout, () => stdout.getReader(), "the standard output of process 7"],
    ] as const
  ) {
    const other = stream === stdin ? stdout : stdin;
    const lockHolder = lock();
    assertThrows(() => fromProcess(child), TypeError, `${name} is locked`);
    assertStrictEquals(other.locked, false);
    lockHolder.releaseLock();
  }
});

test("fromProcess() refuses what is no process, has no pipes, or carries text, and a grace that is no time", async () => {
  for (const [wrong, met] of [[null, "null"], [7, "number"], [{}, "Object"]] as const) {
    assertThrows(() => fromProcess(wrong as unknown as ChildProcessLike), TypeError, `not ${met}`);
  }
  for (const [i, name] of ["stdin", "stdout"].entries()) {
    const stdio = ["pipe", "pipe", "ignore"].with(i, "ignore") as ["pipe", "pipe", "ignore"];
    const child = nodeSpawn("cat", { stdio });
    assertThrows(
      () => fromProcess(child),
      TypeError,
      `the child's ${name} must be a pipe, not null`,
    );
    child.kill("SIGKILL");
  }
  const child = nodeSpawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
  assertThrows(() => fromProcess(child, { grace: -1 }), RangeError, "grace");
  child.stdout.setEncoding("utf8");
  assertThrows(() => fromProcess(child), TypeError, "utf8");
  child.kill("SIGKILL");
  await once(child, "close");
});
