/** What all programs have in common. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { listen } from "../../mod.ts";
import { runExample } from "../support/examples.ts";

const PROGRAMS = readdirSync("examples")
  .filter((file) => file.endsWith(".ts") && file !== "command_line.ts")
  .filter((file) => readFileSync(`examples/${file}`, "utf8").includes("runProgram("))
  .map((file) => file.slice(0, -".ts".length));

/** Does something with each, several at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const one = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 4 }, one));
}

test("each program says with --help how it is used, and is in the documentation", async () => {
  assert(PROGRAMS.length > 10, `only ${PROGRAMS.length} were found`);
  const pages = ["README.md", "examples/README.md", "docs/transports.md"];
  const documentation = pages.map((file) => readFileSync(file, "utf8")).join();
  await each(PROGRAMS, async (program) => {
    const { code, lines } = await runExample(program, "--help");
    assertMatch(lines.join("\n"), new RegExp(`^usage: ${program}\\b`), program);
    assertEquals(code, 0, program);
    assert(documentation.includes(`${program}.ts`), `nothing leads to ${program}`);
  });
});

test("a program says what is wrong with how it was started, without a stack, and without secrets", async () => {
  await using taken = await listen({ port: 0, terminator: null });
  const port = String(taken.address.port);
  const nowhere = ["--port", "1"];
  const noPair = ["--cert", "README.md", "--key", "LICENSE"];
  const wrong: readonly (readonly [line: string[], code: number, message: RegExp])[] = [
    [["echo_server", "--no-such-option"], 2, /no-such-option[^]*^usage: echo_server/m],
    [["echo_server", "word"], 2, /"word"[^]*^usage: echo_server/m],
    [["echo_server", "--port", "abc"], 2, /^--port .*"abc"$/],
    [["echo_server", "--port", "70000"], 1, /^port .*70000$/],
    [["echo_server", "--port", port], 1, new RegExp(`127.0.0.1:${port}: .*in use`)],
    [["echo_client", ...nowhere], 1, /127.0.0.1:1: connection refused/],
    [["crawler", "nonsense"], 1, /URL.*nonsense/],
    [["filter_lines", "--from", "/none/a", "--to", "/none/b"], 1, /no such file/],
    [["smtp_server", "--cert", "x"], 1, /--cert and --key/],
    [["smtp_server", "--cert", "/none", "--key", "/none"], 1, /\/none/],
    [["smtp_server", "--port", "0", ...noPair], 1, /README\.md and LICENSE/],
    [["chat_server", "--nats", "nats://ada:secret@127.0.0.1:1"], 1, /127\.0\.0\.1:1: /],
    [["chat_server", "--nats", "nats://ada:secret@host/x"], 1, /nats:/],
    [["queue_server", "--workers", "0"], 1, /--workers/],
    [["queue_server", "--max-depth", "0"], 2, /--max-depth/],
    [["queue_server", "--redis", "http://:secret@x"], 1, /redis:/],
    [["queue_worker", "--redis", "redis://:secret@127.0.0.1:1"], 1, /refused/],
    [["queue_worker"], 1, /--redis/],
    [["queue_client", ...nowhere, "x"], 1, /refused/],
    [["mqtt_publish", ...nowhere, "--topic", "a", "--message", "x"], 1, /refused/],
    [["mqtt_subscribe", ...nowhere], 1, /--topic/],
  ];
  await each(wrong, async ([[program, ...args], code, message]) => {
    const output = await runExample(program!, ...args);
    assertMatch(output.stderr.trim(), message);
    assertEquals([output.code, output.lines], [code, []], output.stderr);
    assert(!/secret|^\s+at /m.test(output.stderr), output.stderr);
  });
});
