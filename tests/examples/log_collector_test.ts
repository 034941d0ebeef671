/** The log collector, with programs that print what ends with `\0`. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { Chat, connect } from "../../mod.ts";
import { collect } from "../../examples/records/collect.ts";
import { RECORD } from "../../examples/records/record.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

async function withCollector(
  work: (port: number, program: Program) => Promise<void>,
): Promise<void> {
  await using program = new Program(command(CURRENT, "examples/log_collector.ts", "--port", "0"));
  await work(await program.listening(), program);
}

const nc = needs("nc");
test(
  named("the log collector prints what env -0 and printf send through nc", nc),
  nc,
  () =>
    withCollector(async (port, program) => {
      const heard = await shellOutput(
        `{ env -i A=1 B="two
lines" env -0; printf '\\0'; printf 'MESSAGE=hello\\0\\0'; } | nc -N 127.0.0.1 ${port} | tr '\\0' '|'`,
      );
      assertStrictEquals(heard, "OK=1||OK=2||");
      const [line] = await program.line(/"A":"1".*/);
      assertMatch(line, /"A":"1","B":"two\\nlines"/);
      await program.line(/^\{"MESSAGE":"hello","FROM":"127\.0\.0\.1:\d+"\}$/);
    }),
);

test("the log collector says what is no record, reads on, and stops at Ctrl-C", () =>
  withCollector(async (port, program) => {
    const chat = await connect({ port, terminator: RECORD, encoding: "utf-8" });
    const answers: readonly (readonly [input: string, answer: RegExp])[] = [
      ["A=1\0\0", /^OK=1$/],
      ["nonsense\0\0", /^ERROR=expected NAME=VALUE, not "nonsense"$/],
      [`A=${"x".repeat(100_000)}\0\0`, /^ERROR=the frame is at least \d+ bytes long/],
      ["A=1\0A=2\0\0", /^ERROR=there are two fields called A$/],
      ["\0\0", /^ERROR=expected NAME=VALUE, not ""$/],
      ["B=2\0FROM=somebody else\0__proto__=x\0\0", /^OK=2$/],
    ];
    for (const [input, answer] of answers) {
      await chat.push(input);
      assertMatch((await chat.read())!, answer);
    }
    await program.line(/^\{"B":"2","FROM":"127\.0\.0\.1:\d+","__proto__":"x"\}$/);
    await chat.push("C=3");
    await chat.closeWrite();
    assertEquals(await chat.read(), "ERROR=the last record has no end");
    assertEquals(await chat.read(), null);
    await chat.closeWhenDone();
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  }));

test("collect() survives 10,000 programs that send nonsense", async () => {
  await attack({
    serve: handledBy(
      (connection) =>
        new Chat(connection, { terminator: RECORD, encoding: "utf-8", maxFrameLength: 200 }),
      (chat) => collect(chat, (record) => assert(Object.keys(record).length > 0)),
    ),
    samples: [
      "LEVEL=info\0MESSAGE=hello\nworld\0\0A=1\0\0",
      `A=${"x".repeat(300)}\0\0B=2\0\0`,
      "\0\0nonsense\0\0A=1\0A=2\0\0A=half",
    ],
    checkAnswer(answer) {
      const said = new TextDecoder().decode(answer);
      const whole = said.slice(0, said.includes(RECORD) ? said.lastIndexOf(RECORD) + 2 : 0);
      assert(/^((OK=\d+|ERROR=[^\0]+)\0\0)*$/.test(whole), said);
    },
  });
});

test("the log collector says what is wrong with how it was started", async () => {
  const bad = await run(command(CURRENT, "examples/log_collector.ts", "--port", "x"));
  assertEquals([bad.code, bad.stderr.trim()], [2, '--port must be a number, not "x"']);
  const help = await run(command(CURRENT, "examples/log_collector.ts", "--help"));
  assertEquals([help.code, help.lines[0]?.startsWith("usage: log_collector")], [0, true]);
});
