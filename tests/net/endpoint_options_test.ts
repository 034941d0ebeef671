/** Where to connect to or to listen, and how: what `connect()` and `listen()` take, and what they refuse, each by its value. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, type ConnectOptions, listen, UnsupportedError } from "../../mod.ts";
import { readUrl } from "../../src/net/endpoint_url.ts";
import { checkTcpOptions, type TcpOptions, tune } from "../../src/net/tcp_options.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, run } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const TCP = "tcp://127.0.0.1:6000";
const LONG_NAME = "x".repeat(103);

type Refused = readonly [options: object, kind: typeof TypeError | typeof RangeError, said: string];

const host = (hostname: unknown): Refused => [{ hostname, port: 1 }, TypeError, "hostname"];
const url = (url: unknown, said: string): Refused => [{ url }, TypeError, said];

const BY_BOTH: readonly Refused[] = [
  [{}, TypeError, "a port"],
  ...[-1, 65_536, 1.5, NaN].map((port): Refused => [{ port }, RangeError, `not ${port}`]),
  [{ port: "80" }, TypeError, '"80"'],
  [{ host: "example.com", port: 1 }, TypeError, "use hostname"],
  ...["", " ", ".", "*", "a b", "a/b", "a\0b", "127.0.0.1:80", "[::1", "x".repeat(254), 5].map(
    host,
  ),

  [{ path: "" }, TypeError, "path"],
  [{ path: "a\0b" }, TypeError, "path"],
  [{ path: "/run/a/" }, TypeError, "/run/a/"],
  [{ path: 7 }, TypeError, "not 7"],
  [{ path: "/x", port: 1 }, TypeError, "/x"],
  [{ path: "/x", hostname: "localhost" }, TypeError, "/x"],
  [{ path: `/${LONG_NAME}` }, RangeError, "104"],
  [{ path: `/${"é".repeat(52)}` }, RangeError, "105"],

  url("", "no URL"),
  url("127.0.0.1:6000", "no URL"),
  url("localhost:6000", "localhost: is none"),
  url("http://localhost:6000", "http: is none"),
  url("tcp:127.0.0.1:6000", "no host"),
  url("tcp://127.0.0.1", "no port"),
  url("udp://[::1]:53", "udp: is none of these"),
  url("tcp://127.0.0.1:6000/room", "a path"),
  url("tcp://127.0.0.1:6000?a=b", "a query"),
  url("unix:/a#b", "%23"),
  url("tcp://%FF:6000", "percent-encoding"),
  url("unix:app.sock", "begin with /"),
  url("unix://run/app.sock", "begin with /"),
  url("unix:/a%00b", "path"),
  [{ url: `unix:/${LONG_NAME}` }, RangeError, "104"],
  [{ url: "tcp://127.0.0.1:65536" }, RangeError, 'not 65536: "tcp://127.0.0.1:65536"'],
  ...[7, {}, null].map((each) => url(each, "url must be a URL, not")),
  ...[{ port: 6000 }, { hostname: "127.0.0.1" }, { path: "/x" }, { transport: "tcp" }].map(
    (beside): Refused => [{ url: TCP, ...beside }, TypeError, String(Object.values(beside)[0])],
  ),

  [{ port: 1, noDelay: 1 }, TypeError, "not 1"],
  [{ port: 1, keepAlive: "60" }, TypeError, '"60"'],
  [{ port: 1, keepAlive: null }, TypeError, "not null"],
  ...[0, -1_000, NaN, 1_500, 32_768_000].map(
    (keepAlive): Refused => [{ port: 1, keepAlive }, RangeError, `not ${keepAlive}`],
  ),

  [{ port: 1, terminator: "" }, TypeError, "empty"],
  [{ port: 1, maxFrameLength: -1 }, RangeError, "-1"],
];

const BY_CONNECT: readonly Refused[] = [
  [{ port: 0 }, RangeError, "from 1"],
  [{ url: "tcp://127.0.0.1:0" }, RangeError, "not 0"],
  ...[-1, NaN, 2 ** 31].map(
    (timeout): Refused => [{ port: 1, timeout }, RangeError, `not ${timeout}`],
  ),
  [{ port: 1, timeout: "5" }, TypeError, 'not "5"'],
];

const BY_LISTEN: readonly Refused[] = [
  [{ port: 0, reusePort: "yes" }, TypeError, '"yes"'],
  [{ path: "/x", reusePort: true }, TypeError, "/x"],
  [{ url: "tls://127.0.0.1:6000" }, TypeError, "cert"],
];

const ASKED = [
  ["connect()", connect, [...BY_BOTH, ...BY_CONNECT]],
  ["listen()", listen, [...BY_BOTH, ...BY_LISTEN]],
] as const;

for (const [name, ask, refused] of ASKED) {
  test(`${name} refuses options that are none, by their values`, async () => {
    for (const [options, kind, said] of refused) {
      const all = { ...LINES, ...options } as ConnectOptions & typeof LINES;
      await assertRejects((): Promise<unknown> => ask(all), kind, said);
    }
  });
}

test("connect() refuses what is no URL, or a second one, in front of the options", async () => {
  const options = { ...LINES, url: TCP };
  await assertRejects(() => connect(TCP, options), TypeError, `another in the options: "${TCP}"`);
  for (const given of [{}, null, 6000] as unknown as string[]) {
    await assertRejects(() => connect(given, LINES), TypeError, "url must be a URL, not");
  }
  const called = connect as unknown as (url: string | URL) => Promise<unknown>;
  for (const given of [TCP, new URL(TCP)]) {
    await assertRejects(() => called(given), TypeError, "terminator");
  }
});

test("a url with a password is refused, and the password not repeated", async () => {
  for (const url of ["tcp://me:secret@127.0.0.1:6000", "tcp://secret@127.0.0.1:70000"]) {
    const error = await assertRejects(() => connect({ url, ...LINES }), Error, "//...@");
    assertStrictEquals(error.message.includes("secret"), false, error.message);
  }
});

test("a url says a host and a port, or a path", () => {
  const cases: [string, object][] = [
    ["tcp://127.0.0.1:6000", { hostname: "127.0.0.1", port: 6000 }],
    ["tcp://example.com:1/", { hostname: "example.com", port: 1 }],
    ["TCP://localhost:065535", { hostname: "localhost", port: 65535 }],
    ["tcp://[::1]:6000", { hostname: "[::1]", port: 6000 }],
    ["tcp://b%C3%BCcher.example:80", { hostname: "bücher.example", port: 80 }],
    ["tls://example.com:443", { hostname: "example.com", port: 443, isTls: true }],
    ["unix:/run/app.sock", { path: "/run/app.sock" }],
    ["unix:///run/app.sock", { path: "/run/app.sock" }],
    ["unix:/run/my%20app%3F%23%25.sock", { path: "/run/my app?#%.sock" }],
  ];
  for (const [url, expected] of cases) {
    assertEquals(readUrl(url, 1), expected);
    assertEquals(readUrl(new URL(url), 1), expected);
  }
  assertEquals(readUrl("tcp://[::]:0", 0), { hostname: "[::]", port: 0 });
});

test("noDelay and keepAlive are told to a socket, unless it cannot be told", () => {
  const told = (options: TcpOptions): unknown[] => {
    const calls: unknown[] = [];
    tune({
      setNoDelay: (...args) => calls.push(["noDelay", ...args]),
      setKeepAlive: (...args) => calls.push(["keepAlive", ...args]),
    }, checkTcpOptions(options));
    return calls;
  };
  assertEquals(told({}), [["noDelay", true]]);
  assertEquals(told({ noDelay: false, keepAlive: false }), [["noDelay", false]]);
  assertEquals(told({ keepAlive: true }), [["noDelay", true], ["keepAlive", true]]);
  for (const keepAlive of [1_000, 32_767_000]) {
    assertEquals(told({ keepAlive }), [["noDelay", true], ["keepAlive", true, keepAlive]]);
  }
  tune({}, { keepAlive: true });
  const gone = (): never => {
    throw new Error("the peer has reset it");
  };
  tune({ setNoDelay: gone, setKeepAlive: gone });
});

const onDeno = { skip: CURRENT !== "deno" && `${CURRENT} has a time for keepAlive` };
test(named("Deno has no time for keepAlive, and says so", onDeno), onDeno, async () => {
  const options = { keepAlive: 60_000, ...LINES };
  await assertRejects(() => connect({ port: 1, ...options }), UnsupportedError, "60000");
  await assertRejects(() => listen({ port: 0, ...options }), UnsupportedError, "60000");
});

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
  named("the system is told of noDelay and keepAlive, at both ends", traced),
  traced,
  async () => {
    const count = (told: readonly string[], line: string): number =>
      told.filter((each) => each === line).length;
    const plain = await toldTheSystem({});
    assertStrictEquals(count(plain, "TCP_NODELAY, [1]") >= 2, true, plain.join());
    assertStrictEquals(count(plain, "SO_KEEPALIVE, [1]"), 0, plain.join());

    const keepAlive = CURRENT === "deno" ? true : 60_000;
    const told = await toldTheSystem({ noDelay: false, keepAlive });
    // What is off from the start, Node does not switch off again.
    assertStrictEquals(
      told.findLast((line) => line.startsWith("TCP_N"))?.endsWith("[1]") ?? false,
      false,
    );
    assertStrictEquals(count(told, "SO_KEEPALIVE, [1]"), 2, told.join());
    if (keepAlive !== true) assertStrictEquals(count(told, "TCP_KEEPIDLE, [60]"), 2, told.join());
  },
);
