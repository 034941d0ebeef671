/** `noDelay` and `keepAlive`: what they may be, what a socket is told, and what the system is. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, listen, type TcpOptions, UnsupportedError } from "../../mod.ts";
import { tune } from "../../src/sockets/tcp_options.ts";
import { checkTcpOptions } from "../../src/sockets/tcp_options.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, run } from "../support/programs.ts";

const LINES = { terminator: "\n" };

test("connect() and listen() refuse a noDelay that is no switch, and a keepAlive that is neither that nor a time", async () => {
  const wrong: readonly [object, typeof TypeError | typeof RangeError, string][] = [
    [{ noDelay: 1 }, TypeError, "noDelay must be true or false, not 1"],
    [{ keepAlive: "60" }, TypeError, 'not "60"'],
    [{ keepAlive: null }, TypeError, "not null"],
    [{ keepAlive: 0 }, RangeError, "1000 to 32767000, not 0"],
    [{ keepAlive: -1_000 }, RangeError, "-1000"],
    [{ keepAlive: NaN }, RangeError, "NaN"],
    [{ keepAlive: 1_500 }, RangeError, "whole seconds, in milliseconds, not 1500"],
    [{ keepAlive: 32_768_000 }, RangeError, "32768000"],
  ];
  for (const [options, kind, said] of wrong) {
    await assertRejects(() => connect({ port: 1, ...options, ...LINES }), kind, said);
    await assertRejects(() => listen({ port: 0, ...options, ...LINES }), kind, said);
  }
  for (const keepAlive of [true, false, 1_000, 32_767_000, undefined]) {
    assertEquals(checkTcpOptions({ keepAlive }), { noDelay: true, keepAlive: keepAlive ?? false });
  }
});

test("tune() tells a socket what the options say, and leaves one alone that cannot be told", () => {
  const told = (options?: TcpOptions): unknown[] => {
    const calls: unknown[] = [];
    tune({
      setNoDelay: (...args) => calls.push(["noDelay", ...args]),
      setKeepAlive: (...args) => calls.push(["keepAlive", ...args]),
    }, options);
    return calls;
  };
  assertEquals(told(), [["noDelay", true]]);
  assertEquals(told({ noDelay: false, keepAlive: false }), [["noDelay", false]]);
  assertEquals(told({ keepAlive: true }), [["noDelay", true], ["keepAlive", true]]);
  assertEquals(told({ keepAlive: 60_000 }), [["noDelay", true], ["keepAlive", true, 60_000]]);
  tune({}, { keepAlive: true });
  const gone = (): never => {
    throw new Error("the peer has reset it");
  };
  tune({ setNoDelay: gone, setKeepAlive: gone });
});

const onDeno = { skip: CURRENT !== "deno" && `${CURRENT} has a time for keepAlive` };
test(
  named("connect() and listen() say that Deno has no time for keepAlive", onDeno),
  onDeno,
  async () => {
    const options = { keepAlive: 60_000, ...LINES };
    await assertRejects(() => connect({ port: 1, ...options }), UnsupportedError, "60000");
    await assertRejects(() => listen({ port: 0, ...options }), UnsupportedError, "keepAlive: true");
  },
);

/** What the system is told of the sockets of a program, in a word each; Linux alone shows it. */
async function toldTheSystem(options: TcpOptions): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  try {
    const log = join(folder, "log");
    const program = command(CURRENT, "tests/programs/tunes.ts", JSON.stringify(options));
    const strace = ["strace", "--follow-forks", "--trace=setsockopt", "--output", log];
    const { code, stderr } = await run([...strace, ...program]);
    assertStrictEquals(code, 0, stderr);
    return readFileSync(log, "utf8").match(/(TCP_NODELAY|SO_KEEPALIVE|TCP_KEEPIDLE), \[\d+\]/g) ??
      [];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const canTrace = spawnSync("strace", ["--trace=setsockopt", "true"]).status === 0;
const traced = { skip: !canTrace && "strace is not here, or may not look" };

test(
  named("connect() and listen() tell the system of noDelay and keepAlive", traced),
  traced,
  async () => {
    const last = (told: readonly string[], option: string): string | undefined =>
      told.findLast((line) => line.startsWith(option))?.match(/\d+/)?.[0];
    const count = (told: readonly string[], line: string): number =>
      told.filter((each) => each === line).length;

    const plain = await toldTheSystem({});
    assertStrictEquals(last(plain, "TCP_NODELAY"), "1");
    assertStrictEquals(count(plain, "TCP_NODELAY, [1]") >= 2, true); // both ends
    assertStrictEquals(count(plain, "SO_KEEPALIVE, [1]"), 0);

    // What is off from the start, Node does not switch off again.
    const off = await toldTheSystem({ noDelay: false, keepAlive: true });
    assertStrictEquals(last(off, "TCP_NODELAY") ?? "0", "0");
    assertStrictEquals(count(off, "SO_KEEPALIVE, [1]"), 2);

    if (CURRENT === "deno") return; // it has no time
    const timed = await toldTheSystem({ keepAlive: 60_000 });
    assertStrictEquals(count(timed, "TCP_KEEPIDLE, [60]"), 2);
  },
);
