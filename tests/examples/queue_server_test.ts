/** The programs of the queue, with jobs in memory, and with `nc` and `curl` at the other end. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { QueueClient } from "../../examples/queue/client.ts";
import { text } from "../support/bytes.ts";
import { named, needs } from "../support/peers.ts";
import { run } from "../support/programs.ts";
import { doAll, program, type ProgramName, withServer } from "../support/queue_programs.ts";
import { shell, shellOutput } from "../support/shell.ts";

const nc = needs("nc");
test(
  named("nc hands in jobs, and gets their results", nc),
  nc,
  () =>
    withServer(async ({ server, port, number }) => {
      const said = await shellOutput(`printf 'JOB 1 upper 5\\nhello' | nc -N 127.0.0.1 ${port}`);
      assertStrictEquals(said, "QUEUED 1\nDONE 1 5\nHELLO\n");
      const wrong = await shellOutput(`echo hello | nc -N 127.0.0.1 ${port}`);
      assertStrictEquals(wrong, 'ERR expected JOB <id> <kind> <length>, not "hello"\n');
      await server.line(/^127\.0\.0\.1:\d+ {2}begins$/);
      await server.line(/^127\.0\.0\.1:\d+ {2}received {2}13 bytes {2}"JOB 1 upper 5"$/);
      await server.line(/^127\.0\.0\.1:\d+ {2}received {2}5 bytes {2}"hello"$/);
      await server.line(/^127\.0\.0\.1:\d+ {2}sent {2}9 bytes {2}"QUEUED 1\\n"$/);
      await server.line(/^127\.0\.0\.1:\d+ {2}sent {2}5 bytes {2}"HELLO"$/);
      await server.line(/^127\.0\.0\.1:\d+ {2}ends: in order$/);
      const shown = ["jobs_accepted_total", "jobs_done_total", "queue_depth", "connections_total"];
      assertEquals(await Promise.all(shown.map(number)), [1, 1, 0, 2]);
      const { code, lines, stderr } = await server.interrupt();
      assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
    }, "--trace"),
);

const curl = needs("curl");
test(
  named("curl reads the numbers of a queue server", curl),
  curl,
  () =>
    withServer(async ({ server }) => {
      const [, at] = await server.line(/^metrics on (http:.+)$/);
      const shown = await shellOutput(`curl --silent --fail --show-error ${at}`);
      for (
        const name of [
          "queue_depth",
          "jobs_retried_total",
          "slow_readers_cut_total",
          "queued_bytes",
        ]
      ) {
        assertMatch(shown, new RegExp(`^# TYPE ${name} (gauge|counter)\n${name} 0$`, "m"));
      }
    }),
);

test("queue_client sends words, or lines, and prints their results", () =>
  withServer(async ({ port }) => {
    const args = ["--port", String(port), "--kind", "reverse"];
    const words = await run(program("client", ...args, "--in-flight", "1", "abc", "ä b"));
    assertEquals(words.lines, ["1  done  cba", "2  done  b ä", "2 done, 0 failed"]);
    assertEquals([words.code, words.stderr], [0, ""]);
    const failing = await run(program("client", "--port", String(port), "--kind", "fail", "why"));
    assertEquals([failing.code, failing.lines], [1, ["1  failed  why", "0 done, 1 failed"]]);
    const many = await shell(`seq 1 2000 | $PROGRAM --port ${port}`, "examples/queue_client.ts");
    const lines = many.stdout.trimEnd().split("\n");
    assertStrictEquals(lines.at(-1), "2000 done, 0 failed");
    const expected = Array.from({ length: 2_000 }, (_, i) => `${i + 1}  done  ${i + 1}`);
    assertEquals(lines.slice(0, -1).sort(), expected.sort());
  }));

test("the queue server does 20,000 jobs from memory", () =>
  withServer(
    async ({ port, number }) => {
      await doAll(port, 20_000);
      assertEquals(await number("jobs_done_total"), 20_000);
      assertEquals(await number("queue_depth"), 0);
    },
    "--max-in-flight",
    "5000",
    "--max-depth",
    "1000",
  ));

test("a queue server that is stopped says so to those whose jobs it will not do", () =>
  withServer(
    async ({ server, port }) => {
      const client = await QueueClient.connect({ port });
      const long = await client.submit("sleep", "3600000");
      const waiting = await client.submit("upper", "x");
      await Promise.all([long.queued, waiting.queued]);
      const stopped = server.interrupt();
      for (const { outcome } of [waiting, long]) {
        const { isDone, data } = await outcome;
        assertEquals([isDone, text(data)], [false, "the server was stopped before it was done"]);
      }
      await client.close();
      const { code, lines } = await stopped;
      assertEquals([code, lines.at(-1)], [0, "stopped"]);
    },
    "--workers",
    "1",
  ));

test("the queue programs say what is wrong with how they were started", async () => {
  const wrong:
    readonly (readonly [name: ProgramName, args: string[], code: number, message: RegExp])[] = [
      ["server", ["--bogus"], 2, /usage: queue_server/],
      ["server", ["--port", "x"], 2, /^--port must be a number, not "x"$/],
      ["server", ["--workers", "0"], 1, /^--workers 0 needs --redis: nobody would do the jobs$/],
      ["server", ["--max-depth", "0"], 2, /^--max-depth must be at least 1, not 0$/],
      ["server", ["--redis", "redis://127.0.0.1:1"], 1, /127\.0\.0\.1:1.*refused/],
      ["server", ["--redis", "http://:secret@x"], 1, /^expected redis:[^]*http: is neither/],
      ["worker", [], 1, /^--redis is missing$/],
      ["worker", ["--redis", "redis://127.0.0.1:1"], 1, /refused/],
      [
        "worker",
        ["--redis", "redis://127.0.0.1:1", "--concurrency", "0"],
        2,
        /^--concurrency must be/,
      ],
      ["client", ["--port", "1", "x"], 1, /refused/],
      ["client", ["--in-flight", "0", "x"], 1, /^maxInFlight must be at least 1, not 0$/],
    ];
  for (const [name, args, code, message] of wrong) {
    const output = await run(program(name, ...args));
    assertMatch(output.stderr.trim(), message);
    assert(!output.stderr.includes("secret"), output.stderr);
    assertStrictEquals(output.code, code);
  }
  for (const name of ["server", "worker", "client"] as const) {
    const help = await run(program(name, "--help"));
    assertEquals([help.code, help.lines[0]?.startsWith(`usage: queue_${name}`)], [0, true]);
  }
});
