/** Too many open files: a server that has run out of them goes on. It runs in a process with a small limit. */
import process from "node:process";
import { test } from "node:test";
import { assertLess, assertMatch, assertStrictEquals } from "@std/assert";
import { type Chat, connect } from "../../mod.ts";
import { command, CURRENT, Program } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

/** Enough for any of the runtimes to start, and less than the clients. */
const LIMIT = 128;
const CLIENTS = 200;

async function ask(chat: Chat<string>, question: string): Promise<string> {
  await chat.send(question);
  return (await chat.read())!;
}

const onPosix = { skip: process.platform === "win32" ? "needs ulimit" : false };

test(
  "serve() goes on when too many files are open: serves those it has, and later others, and says so where it can",
  onPosix,
  async () => {
    await using server = new Program(
      ["sh", "-c", `ulimit -n ${LIMIT} && exec "$@"`, "sh"]
        .concat(command(CURRENT, "tests/programs/serves.ts")),
    );
    const port = Number((await server.line(/^port (\d+)$/))[1]);
    const first = await connect({ port, ...LINES });
    assertStrictEquals(await ask(first, "hello"), "hello, one of 1");

    const others = await Promise.allSettled(
      Array.from({ length: CLIENTS }, () => connect({ port, ...LINES })),
    );
    // Node closes those who wait, and does not say so.
    if (CURRENT !== "node") {
      const [, code, message] = await server.line(/^cannot accept, (\S+): (.*)$/);
      assertStrictEquals(code, "exhausted");
      assertMatch(message!, /too many open files.*ulimit -n.*maxConnections/);
    }

    while (!/^still here, one of [1-9]\d+$/.test(await ask(first, "still here")));
    // It pauses for 100 ms after each time, and so a timer of 100 ms passes for each: for two, when both are late.
    const [, refusals, timers] = (await ask(first, "watch")).match(/^(\d+) in (\d+)$/)!;
    assertLess(Number(refusals), 2 * Number(timers) + 3, "it pauses less than it should");

    for (const other of others) if (other.status === "fulfilled") other.value.close();
    while (await ask(first, "alone?") !== "alone?, one of 1");
    const late = await connect({ port, ...LINES });
    assertMatch(await ask(late, "and me?"), /^and me\?, one of/);
    await Promise.all([first.closeWhenDone(), late.closeWhenDone()]);
  },
);
