/** What `connect()` does with a host name: the runtime looks it up, and tries its addresses. */
import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionError, listen } from "../../mod.ts";
import { PATIENCE } from "../support/limits.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, run } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

test("connect() to localhost finds what listens on any one of its addresses alone", async () => {
  for (const { address: hostname } of await lookup("localhost", { all: true })) {
    await using listener = await listen({ hostname, port: 0, ...LINES });
    const { port } = listener.address;
    await using chat = await connect({ hostname: "localhost", port, ...LINES });
    assertStrictEquals(chat.remoteAddress?.hostname, hostname);
  }
});

test("connect() to a name of which no address answers says the name, and the code", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const { port } = listener.address;
  await listener.close();
  const error = await assertRejects(
    () => connect({ hostname: "localhost", port, ...LINES }),
    ConnectionError,
    `cannot connect to localhost:${port}: connection refused`,
  );
  assertStrictEquals(error.code, "refused");
});

test("connect() to a name that has no address is not-found", async () => {
  const hostname = "no-such-host.invalid";
  const error = await assertRejects(
    () => connect({ hostname, port: 9, ...LINES }),
    ConnectionError,
    `cannot connect to ${hostname}:9`,
  );
  assertStrictEquals(error.code, "not-found");
});

test("connect() that is given up while it connects closes what comes later", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  for (const hostname of ["127.0.0.1", "localhost"]) {
    const controller = new AbortController();
    const connecting = connect({ hostname, port, signal: controller.signal, ...LINES });
    controller.abort(new Error("enough"));
    await assertRejects(() => connecting, Error, "enough");
    const late = connect({ hostname, port, timeout: 0, ...LINES });
    const error = await late.then((chat) => chat.close(), (error) => error);
    if (error !== undefined) assertStrictEquals(error.code, "timeout");
  }
  // It closes when the last connection has: none may stay open.
  const closed = once(server, "close", { signal: AbortSignal.timeout(PATIENCE) });
  server.close();
  await closed;
});

const denied = { skip: CURRENT !== "deno" && `${CURRENT} forbids nothing` };
test(
  named("connect() needs no more of Deno than the name", denied),
  denied,
  async () => {
    await using listener = await listen({ port: 0, ...LINES });
    const port = String(listener.address.port);
    const program = command(CURRENT, "tests/programs/connects_by_name.ts", "localhost", port)
      .map((flag) => flag === "--allow-net" ? `${flag}=localhost` : flag);
    const { lines, stderr } = await run(program);
    assertEquals(lines, ["127.0.0.1"], stderr);
  },
);
