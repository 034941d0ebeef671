/** The `url` of `connect()`, `listen()` and `serve()`. */
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionError, listen, serve } from "../../mod.ts";
import { readUrl } from "../../src/sockets/endpoint_url.ts";
import { named } from "../support/peers.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

test("a url says a host and a port, or a path", () => {
  const cases: [string, object][] = [
    ["tcp://127.0.0.1:6000", { hostname: "127.0.0.1", port: 6000 }],
    ["tcp://example.com:1/", { hostname: "example.com", port: 1 }],
    ["TCP://localhost:065535", { hostname: "localhost", port: 65535 }],
    ["tcp://[::1]:6000", { hostname: "[::1]", port: 6000 }],
    ["tcp://b%C3%BCcher.example:80", { hostname: "bücher.example", port: 80 }],
    ["udp://[::1]:53", { hostname: "[::1]", port: 53, transport: "udp" }],
    ["unix:/run/app.sock", { path: "/run/app.sock" }],
    ["unix:///run/app.sock", { path: "/run/app.sock" }],
    ["unix:/run/my%20app%3F%23%25.sock", { path: "/run/my app?#%.sock" }],
    ["unix:/run/bücher.sock", { path: "/run/bücher.sock" }],
  ];
  for (const [url, expected] of cases) {
    assertEquals(readUrl(url, 1), expected);
    assertEquals(readUrl(new URL(url), 1), expected);
  }
  assertEquals(readUrl("tcp://[::]:0", 0), { hostname: "[::]", port: 0 });
});

test("a url that leads nowhere is refused, with the url and what is wrong", async () => {
  const cases: [string, string][] = [
    ["", "no URL"],
    ["127.0.0.1:6000", "no URL"],
    ["localhost:6000", "localhost: is none"],
    ["http://localhost:6000", "http: is none"],
    ["tcp:127.0.0.1:6000", "no host"],
    ["tcp:///run/app.sock", "no host"],
    ["tcp://127.0.0.1", "no port"],
    ["tcp://127.0.0.1:", "no port"],
    ["tcp://[::1]", "no port"],
    ["tcp://127.0.0.1:port", "no URL"],
    ["tcp://127.0.0.1:6000/room", "a path"],
    ["udp://127.0.0.1", "no port"],
    ["tcp://127.0.0.1:6000?a=b", "a query"],
    ["tcp://127.0.0.1:6000#a", "a fragment"],
    ["tcp://%FF:6000", "percent-encoding"],
    ["unix:app.sock", "begin with /"],
    ["unix://app.sock", "begin with /"],
    ["unix://run/app.sock", "begin with /"],
    ["unix:", "begin with /"],
    ["unix:/a?b", "%3F"],
    ["unix:/a#b", "%23"],
    ["unix:/%FF", "percent-encoding"],
  ];
  for (const [url, why] of cases) {
    for (const ask of [() => connect({ url, ...LINES }), () => listen({ url, ...LINES })]) {
      const error = await assertRejects(ask, TypeError, why);
      assertStrictEquals(error.message.includes(JSON.stringify(url)), true, error.message);
      assertStrictEquals(error.message.startsWith("url must be like tcp://"), true, error.message);
    }
  }
  await assertRejects(() => connect({ url: "unix:/a%00b", ...LINES }), TypeError, "path");
  await assertRejects(
    () => connect({ url: `unix:/${"x".repeat(103)}`, ...LINES }),
    RangeError,
    "103",
  );
  for (const url of [7, {}, null] as unknown as string[]) {
    await assertRejects(() => connect({ url, ...LINES }), TypeError, "url must be a URL, not");
  }
});

test("a url with a port that is none is refused with the range", async () => {
  for (const port of [65_536, 70_000, 99_999_999]) {
    const url = `tcp://127.0.0.1:${port}/`;
    const said = `from 1 to 65535, not ${port}: "${url}"`;
    await assertRejects(() => connect({ url, ...LINES }), RangeError, said);
    await assertRejects(() => listen({ url, ...LINES }), RangeError, "from 0 to 65535");
  }
  await assertRejects(() => connect({ url: "tcp://127.0.0.1:0", ...LINES }), RangeError, "not 0");
});

test("a url with a password is refused, and the password not repeated", () => {
  for (
    const url of [
      "tcp://me:secret@127.0.0.1:6000",
      "tcp://secret@127.0.0.1:70000",
      "unix://a:secret@b/c",
    ]
  ) {
    let message = "";
    try {
      readUrl(url, 1);
    } catch (error) {
      message = (error as Error).message;
    }
    assertStrictEquals(message.includes("//...@"), true, message);
    assertStrictEquals(message.includes("secret"), false, message);
  }
});

test("a tls:// url asks for TLS: to connect() with no more options, to listen() with a certificate", async () => {
  const destination = readUrl("tls://example.com:443", 1);
  assertEquals(destination, { hostname: "example.com", port: 443, isTls: true });
  await using plain = await listen({ port: 0, terminator: "\n" });
  const { port } = plain.address;
  const connecting = connect({ url: `tls://127.0.0.1:${port}`, terminator: "\n" });
  (await plain.accept())!.push("this is no TLS\n");
  assertStrictEquals((await assertRejects(() => connecting, ConnectionError)).code, "tls");
  const url = "tls://127.0.0.1:6000";
  await assertRejects(() => listen({ url, terminator: "\n" }), TypeError, "cert");
});

test("a url is instead of a port and a path, and not beside them", async () => {
  const url = "tcp://127.0.0.1:6000";
  for (
    const beside of [{ port: 6000 }, { hostname: "127.0.0.1" }, { path: "/x" }, {
      transport: "udp" as const,
    }]
  ) {
    const said = JSON.stringify(Object.values(beside)[0]);
    await assertRejects(() => connect({ url, ...beside, ...LINES }), TypeError, said);
    await assertRejects(() => listen({ url, ...beside, ...LINES }), TypeError, said);
  }
});

test("connect() refuses what is no URL, or a second one, in front of the options", async () => {
  const url = "tcp://127.0.0.1:6000";
  const options = { ...LINES, url } as const;
  await assertRejects(() => connect(url, options), TypeError, `another in the options: "${url}"`);
  for (const given of [{}, null, 6000] as unknown as string[]) {
    await assertRejects(() => connect(given, LINES), TypeError, "url must be a URL, not");
  }
  const called = connect as unknown as (url: string | URL) => Promise<unknown>;
  await assertRejects(() => called(url), TypeError, "terminator");
  await assertRejects(() => called(new URL(url)), TypeError, "terminator");
});

const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");
const ipv6 = { skip: !hasIpv6 && "this machine has no ::1" };
const here = { skip: false as const };

for (const [host, needed] of [["127.0.0.1", here], ["[::1]", ipv6]] as const) {
  test(named(`serve() and connect() meet at tcp://${host}`, needed), needed, async () => {
    const server = await serve({ url: `tcp://${host}:0`, ...LINES }, async (chat) => {
      for await (const line of chat) await chat.send(`${line}, too`);
    });
    const url = new URL(`tcp://${host}:${server.address.port}`);
    const client = await connect(url, LINES);
    await client.send("hello");
    assertStrictEquals(await client.read(), "hello, too");
    await Promise.all([client.closeWhenDone(), server.shutdown()]);
  });
}

const unix = { skip: process.platform === "win32" && "Windows has named pipes instead" };
test(named("listen() and connect() meet at unix:/path", unix), unix, async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynchat "));
  try {
    const url = `unix:${encodeURI(folder)}/a.sock`;
    await using listener = await listen({ url, ...LINES });
    assertStrictEquals(listener.address.path, join(folder, "a.sock"));
    const client = await connect(url, LINES);
    const server = (await listener.accept())!;
    await server.send("hello");
    assertStrictEquals(await client.read(), "hello");
    await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
