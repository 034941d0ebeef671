/** What all programs have in common. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertMatch, assertStrictEquals } from "@std/assert";
import { command, CURRENT, run } from "../support/programs.ts";

const PROGRAMS = readdirSync("examples")
  .filter((file) => file.endsWith(".ts") && file !== "command_line.ts")
  .filter((file) => readFileSync(`examples/${file}`, "utf8").includes("runProgram("));

test("each program says with --help how it is used, refuses other options, and is in the documentation", async () => {
  assert(PROGRAMS.length > 10, `only ${PROGRAMS.length} were found`);
  const pages = ["README.md", "examples/README.md", "docs/transports.md"];
  const documentation = pages.map((file) => readFileSync(file, "utf8")).join();
  for (const program of PROGRAMS) {
    const name = program.replace(/\.ts$/, "");
    const [help, wrong] = await Promise.all([
      run(command(CURRENT, `examples/${program}`, "--help")),
      run(command(CURRENT, `examples/${program}`, "--no-such-option")),
    ]);
    assertMatch(help.lines.join("\n"), new RegExp(`^usage: ${name}\\b`), program);
    assertStrictEquals(help.code, 0, program);
    assertMatch(wrong.stderr, new RegExp(`no-such-option[^]*^usage: ${name}\\b`, "m"), program);
    assertStrictEquals(wrong.code, 2, program);
    assert(documentation.includes(program), `nothing leads to ${program}`);
  }
});
