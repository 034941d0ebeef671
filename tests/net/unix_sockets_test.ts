/** `connect({ path })` and `listen({ path })`, with the sockets of the runtime that the tests run on. */
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, type Connection, ConnectionError, listen, serve } from "../../mod.ts";
import { socketsFor } from "../../src/net/sockets.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { named } from "../support/peers.ts";
import { CURRENT, permitted, run } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const noUnixSockets = process.platform === "win32" && "Windows has named pipes instead";

const sockets = socketsFor();

/** Registers a test that has a folder of its own, and a path in it. */
function testInFolder(
  name: string,
  work: (path: string, folder: string) => Promise<void>,
  { skip }: { skip: string | false } = { skip: noUnixSockets },
): void {
  test(named(name, { skip }), { skip }, () => inFolder(work));
}

async function inFolder(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat "));
  try {
    await work(join(folder, "a.sock"), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function makePair(): Promise<[Connection, Connection]> {
  let pair: [Connection, Connection];
  await inFolder(async (path) => {
    const endpoint = { hostname: "", port: 0, path };
    const listener = await sockets.listen(endpoint);
    const [left, right] = await Promise.all([sockets.connect(endpoint), listener.accept()]);
    listener.close();
    await listener.closed;
    pair = [left, right!];
  });
  return pair!;
}

if (!noUnixSockets) checkConnection("a connection over a Unix socket", makePair);

testInFolder(
  "connect() and listen() hold a conversation over a Unix socket, which is removed at the end",
  async (path) => {
    const server = await serve({ url: `unix:${encodeURI(path)}`, ...LINES }, async (chat) => {
      for await (const line of chat) await chat.send(`${line}, too`);
    });
    assertEquals(server.address, { transport: "unix", hostname: "", port: 0, path });
    const client = await connect({ path, ...LINES });
    assertEquals([client.remoteAddress, client.localAddress], [server.address, undefined]);
    await client.send("hello");
    assertStrictEquals(await client.read(), "hello, too");
    await Promise.all([client.closeWhenDone(), server.shutdown()]);
    assertStrictEquals(existsSync(path), false);
  },
);

testInFolder(
  "an error of a Unix socket names its path, and has a code that is the same on each runtime",
  async (path, folder) => {
    const codeOf = async (work: () => Promise<unknown>, said: string): Promise<string> =>
      (await assertRejects(work, ConnectionError, said)).code;
    assertStrictEquals(await codeOf(() => connect({ path, ...LINES }), path), "not-found");

    await using listener = await listen({ path, ...LINES });
    assertStrictEquals(await codeOf(() => listen({ path, ...LINES }), path), "in-use");
    assertStrictEquals(lstatSync(path).isSocket(), true);
    const client = await connect({ path, ...LINES });
    (await listener.accept())!.close(); // that is the question whether somebody listens
    const server = (await listener.accept())!;
    await server.send("still here");
    assertStrictEquals(await client.read(), "still here");
    client.close();
    server.close();

    const file = join(folder, "file");
    writeFileSync(file, "somebody's");
    const nowhere = join(folder, "none", "a.sock");
    const inFile = join(file, "a.sock");
    const failures = [
      ["in-use", file, () => listen({ path: file, ...LINES })],
      ["refused", file, () => connect({ path: file, ...LINES })],
      ["not-found", nowhere, () => listen({ path: nowhere, ...LINES })],
      ["not-found", inFile, () => listen({ path: inFile, ...LINES })],
    ] as const;
    for (const [code, said, ask] of failures) assertStrictEquals(await codeOf(ask, said), code);
    assertStrictEquals(lstatSync(file).isFile(), true);
    assertEquals(readdirSync(folder).sort(), ["a.sock", "file"]);
  },
);

/** Leaves a socket behind on which nothing listens, as a program does that is killed. */
async function leaveBehind(path: string): Promise<void> {
  const listener = await listen({ path, ...LINES });
  linkSync(path, `${path}~`);
  await listener.close();
  renameSync(`${path}~`, path);
}

testInFolder(
  "listen() takes the place of what was left behind, however long its path is",
  async (_path, folder) => {
    const inside = join(folder, "d".repeat(101 - folder.length - 1));
    mkdirSync(inside);
    for (const path of [join(folder, "s".repeat(103 - folder.length - 1)), join(inside, "s")]) {
      assertStrictEquals(path.length, 103);
      await leaveBehind(path);
      const refused = await assertRejects(() => connect({ path, ...LINES }), ConnectionError);
      assertStrictEquals(refused.code, "refused");
      await using listener = await listen({ path, ...LINES });
      const client = await connect({ path, ...LINES });
      await (await listener.accept())!.closeWhenDone();
      assertStrictEquals(await client.read(), null);
      client.close();
      assertStrictEquals(readdirSync(dirname(path)).includes(basename(path)), true);
    }
    assertEquals(readdirSync(folder), [basename(inside)]);
    assertEquals(readdirSync(inside), []);
  },
);

testInFolder(
  "one of several listeners takes the place of what was left behind, and keeps it",
  async (path, folder) => {
    for (let round = 0; round < 5; round++) {
      await leaveBehind(path);
      const attempts = Array.from({ length: 5 }, () => listen({ path, ...LINES }));
      const results = await Promise.allSettled(attempts);
      const listeners = results.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
      const errors = results.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
      assertEquals(listeners.length, 1);
      assertEquals(errors.map(({ code }) => code), Array(4).fill("in-use"));
      const client = await connect({ path, ...LINES });
      client.close();
      assertEquals(readdirSync(folder), ["a.sock"]);
      await listeners[0]!.close();
    }
  },
);

testInFolder(
  "a listener that is closed removes its own socket, and leaves alone what somebody has put in its place",
  async (path, folder) => {
    const first = await listen({ path, ...LINES });
    const waiting = first.accept();
    rmSync(path);
    const second = await listen({ path, ...LINES });
    await first.close();
    assertStrictEquals(await waiting, null);
    await first.close();
    const client = await connect({ path, ...LINES });
    const server = (await second.accept())!;
    await server.send("here");
    assertStrictEquals(await client.read(), "here");
    client.close();
    server.close();
    const accepting = second.accept();
    await second.close();
    assertEquals([existsSync(path), await accepting], [false, null]);

    const third = await listen({ path: `${path}3`, ...LINES });
    rmSync(`${path}3`);
    writeFileSync(`${path}3`, "somebody's");
    await third.close();
    assertEquals(readdirSync(folder), ["a.sock3"]);
    assertStrictEquals(readFileSync(`${path}3`, "utf8"), "somebody's");
  },
);

const denoAlone = { skip: CURRENT !== "deno" && "Deno alone has permissions" };
testInFolder("listen() needs no more of Deno than its socket's path", async (path) => {
  const permissions = [`--allow-read=${path}`, `--allow-write=${path}`];
  const program = permitted(permissions, "deno", "tests/programs/meets_on_path.ts", path);
  const { code, lines, stderr } = await run(program);
  assertEquals({ code, lines, stderr }, { code: 0, lines: ["hello"], stderr: "" });
  assertStrictEquals(existsSync(path), false);
}, denoAlone);
