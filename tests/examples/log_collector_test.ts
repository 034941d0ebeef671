/** The log collector, with programs that print what ends with `\0`. */
import { test } from "node:test";
import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { RECORD } from "../../examples/records/record.ts";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, Program } from "../support/programs.ts";
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
      await program.line(/"MESSAGE":"hello"\}$/);
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
      ["B=2\0\0", /^OK=2$/],
    ];
    for (const [input, answer] of answers) {
      await chat.push(input);
      assertMatch((await chat.read())!, answer);
    }
    await chat.push("C=3");
    await chat.closeWrite();
    assertEquals(await chat.read(), "ERROR=the last record has no end");
    assertEquals(await chat.read(), null);
    await chat.closeWhenDone();
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  }));
