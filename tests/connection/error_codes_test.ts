/** What the network does to a chat, for real, on the runtime that the tests run on: the rows of docs/errors.md. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { type Chat, connect, ConnectionError, listen, serve } from "../../mod.ts";
import { tls } from "../../src/tls/mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { bytes, text } from "../support/bytes.ts";
import { Authority } from "../support/certificates.ts";
import { ClosedPort } from "../support/closed_port.ts";
import { keyOf, readRows, withoutNumbers } from "../support/connection_error_table.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { CuttingProxy } from "../support/cutting_proxy.ts";
import { DeafListener, NO_DEAF_LISTENER } from "../support/deaf_listener.ts";
import { type Peer, startPeer } from "../support/peer.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, run } from "../support/programs.ts";
import { type Timers, withTimers } from "../support/timers.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n" };
const ANYWHERE = { port: 0, ...LINES };

/** What is compared of an error. */
interface Failure {
  readonly code: string;
  readonly message: string;
}

const rows = readRows();
const tested: string[] = [];

/** Tests one row: `meet` brings it about, and gives the error of each operation that it names. */
function testRow(
  operation: string,
  happened: string,
  meet: () => Promise<Failure | readonly Failure[]>,
  skip: string | false = false,
): void {
  const key = keyOf(operation, happened);
  tested.push(key);
  const row = rows.get(key);
  const code = row?.differs.get(CURRENT) ?? row?.code;
  const name = named(`${operation} says ${code} when ${happened}`, { skip });
  test(name, { skip }, async () => {
    assert(row !== undefined, `docs/errors.md has no row for ${key}`);
    for (const failure of [await meet()].flat()) {
      assertStrictEquals(failure.code, code, failure.message);
      if (row.differs.has(CURRENT)) continue; // the message is that of another code
      assertStrictEquals(withoutNumbers(failure.message), withoutNumbers(row.message));
    }
  });
}

/** The error of a failed operation, which the runtime's own has led to. */
async function failureOf(operation: () => Promise<unknown>): Promise<ConnectionError> {
  const error = await assertRejects(operation, ConnectionError);
  assertInstanceOf(error.cause, Error);
  assertStrictEquals(error.name, "ConnectionError");
  return error;
}

/** What a program of its own prints of its error. */
async function printedBy(command: readonly string[]): Promise<Failure> {
  const { lines, stderr } = await run(command);
  const [, code, message] = lines[0]?.match(/^([\w-]+): (.*)/) ?? [];
  assert(code !== undefined && message !== undefined, `${lines.join("\n")}\n${stderr}`);
  return { code, message };
}

/** A chat with a peer that breaks off with a RST when it is told. */
async function chatWithPeer(work: (chat: Chat, peer: Peer) => Promise<void>): Promise<void> {
  await using listener = await listen(ANYWHERE);
  const peer = await startPeer("reset_when_told", listener.address.port);
  const chat = (await listener.accept())!;
  await work(chat, peer);
  chat.close();
  await Promise.all([peer.exited, chat.closed]);
}

/** The chat is done: whatever is asked of it fails with the same error. */
async function assertDone(chat: Chat, error: Error): Promise<void> {
  for (const operation of [() => chat.read(), () => chat.push("x\n")]) {
    assertStrictEquals(await assertRejects(operation, ConnectionError), error);
  }
  assertStrictEquals(await chat.closed, error);
}

testRow("connect()", "nothing listens at the address", async () => {
  await using closed = await ClosedPort.hold();
  const { port } = closed;
  const failure = await failureOf(() => connect({ port, ...LINES }));
  assertStringIncludes(failure.message, `127.0.0.1:${port}:`);
  return failure;
});

testRow(
  "connect()",
  "no way leads to the host",
  // The system has no route for TCP to the broadcast address of its own loopback: no packet leaves.
  () => failureOf(() => connect({ hostname: "127.255.255.255", port: 1, ...LINES })),
  process.platform !== "linux" && "other systems say other things of 127.255.255.255",
);

const NOWHERE = { hostname: "no-such-host.invalid", port: 1, ...LINES }; // RFC 6761, 6.4: never resolves
testRow("connect()", "the host name has no address", async () => {
  const impossible = await failureOf(() => connect({ ...NOWHERE, hostname: "a..b" }));
  assertStrictEquals(impossible.code, "not-found");
  return await failureOf(() => connect(NOWHERE));
});
testRow("listen()", "the host name has no address", () => failureOf(() => listen(NOWHERE)));

testRow("listen()", "the port is taken", async () => {
  await using listener = await listen(ANYWHERE);
  const { port } = listener.address;
  return await failureOf(() => listen({ port, ...LINES }));
});

testRow(
  "listen()",
  "the address is another machine's",
  // RFC 5737: for documentation only
  () => failureOf(() => listen({ ...ANYWHERE, hostname: "203.0.113.1" })),
);

const FAILS = "tests/programs/fails.ts";

/** The first port that everybody may listen on. */
function firstFreeForAll(): number {
  return Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
}

testRow(
  "listen()",
  "the system forbids it (ports below 1024)",
  () => printedBy(allowAll(command(CURRENT, FAILS, "listen_as_nobody", "1"))),
  process.platform !== "linux"
    ? "other systems let everybody listen on every port"
    : firstFreeForAll() <= 1 && "this machine lets everybody listen on every port",
);

/** Deno must be allowed to give up the rights that it has. */
function allowAll(command: readonly string[]): string[] {
  return command.map((flag) => flag === "--allow-net" ? "--allow-all" : flag);
}

for (const operation of ["connect", "listen"] as const) {
  testRow(
    `${operation}()`,
    "the runtime forbids it (Deno, no --allow-net)",
    () => {
      const allowed = command(CURRENT, FAILS, operation, "6000");
      return printedBy(allowed.filter((flag) => flag !== "--allow-net"));
    },
    CURRENT !== "deno" && `${CURRENT} forbids nothing`,
  );
}

testRow(
  "connect()",
  "the timeout of connect() has passed",
  async () => {
    await using deaf = await DeafListener.start();
    const connecting = connect({ port: deaf.port, timeout: 100, ...LINES });
    const failure = await assertRejects(() => connecting, ConnectionError, "100 ms");
    assertStringIncludes(failure.message, `127.0.0.1:${deaf.port}:`);
    return failure;
  },
  NO_DEAF_LISTENER,
);

testRow("read()", "the idleTimeout has passed", async () => {
  await using listener = await listen(ANYWHERE);
  const client = await connect({ port: listener.address.port, idleTimeout: 100, ...LINES });
  const server = (await listener.accept())!;
  const failure = await assertRejects(() => client.read(), ConnectionError, "100 ms");
  assertStrictEquals(await client.closed, failure);
  server.close();
  return failure;
});

for (const waits of [true, false]) {
  const happened = waits
    ? "the peer resets while a read waits"
    : "the peer has reset while nobody read or wrote";
  testRow("read()", happened, async () => {
    let failure: ConnectionError;
    await chatWithPeer(async (chat, peer) => {
      const early = waits ? chat.read() : undefined;
      peer.tell();
      if (!waits) await peer.exited;
      failure = await failureOf(() => early ?? chat.read());
      await assertDone(chat, failure);
    });
    return failure!;
  });
}

testRow("push(), flush()", "the peer resets while a write waits", async () => {
  let failures: ConnectionError[];
  await chatWithPeer(async (chat, peer) => {
    const pushing = chat.push(new Uint8Array(15_000_000));
    const flushing = chat.flush();
    peer.tell();
    failures = [await failureOf(() => pushing), await failureOf(() => flushing)];
    await assertDone(chat, failures[0]!);
  });
  return failures!;
});

const authority = new Authority();

const UNTRUSTED: Readonly<Record<string, readonly [names: string, days: number, ca: string]>> = {
  "is for another name": ["DNS:other.example", 2, authority.ca],
  "has an unknown issuer": ["DNS:localhost", 2, new Authority("another").ca],
  "has expired": ["DNS:localhost", -1, authority.ca],
};
for (const [why, [names, days, ca]] of Object.entries(UNTRUSTED)) {
  testRow("connect()", `the server's certificate ${why}`, async () => {
    await using listener = await listen({ ...ANYWHERE, tls: authority.sign(names, days) });
    const where = { hostname: "localhost", port: listener.address.port };
    return await failureOf(() => connect({ ...where, tls: { ca }, ...LINES }));
  });
}

testRow("connect()", "the server speaks no TLS", async () => {
  await using server = await serve(ANYWHERE, async (chat) => {
    await chat.push("220 hello\r\n");
    await chat.read();
  });
  const { port } = server.address;
  return await failureOf(() => connect({ port, tls: { ca: authority.ca }, ...LINES }));
});

testRow("connect()", "the TLS handshake has no answer", async () => {
  await using listener = await listen(ANYWHERE);
  const tls = { ca: authority.ca, handshakeTimeout: 100 };
  const { port } = listener.address;
  return await assertRejects(() => connect({ port, tls, ...LINES }), ConnectionError, "100 ms");
});

testRow("read()", "the connection ends without the goodbye of TLS", async () => {
  const certificate = authority.sign("IP:127.0.0.1");
  await using proxy = await CuttingProxy.start(certificate, "one\ntw");
  const chat = await connect({ port: proxy.port, tls: { ca: authority.ca }, ...LINES });
  assertStrictEquals(text((await chat.read())!), "one");
  proxy.cut();
  const failure = await assertRejects(() => chat.read(), ConnectionError);
  await assertDone(chat, failure);
  return failure;
}, CURRENT === "bun" && "Bun reports it as an orderly end");

testRow("upgrade()", "bytes had come in clear before TLS", async () => {
  await using server = await serve(ANYWHERE, async (chat) => {
    await chat.push("go\nand more"); // in one write
    await chat.read();
  });
  const { port } = server.address;
  const chat = await connect({ hostname: "localhost", port, ...LINES });
  assertStrictEquals(text((await chat.read())!), "go");
  assertStrictEquals(text((await chat.read("and "))!), "");
  const failure = await assertRejects(() => chat.upgrade(tls()), ConnectionError, "4 bytes");
  await assertDone(chat, failure);
  return failure;
});

test("docs/errors.md has no row that is not tested", () => {
  assertEquals([...rows.keys()].sort(), tested.sort());
});

test("connect() rejects with the reason of its signal when that is aborted before it is connected", async () => {
  await using listener = await listen(ANYWHERE);
  const { port } = listener.address;
  const reason = new Error("never mind");
  const aborted = AbortSignal.abort(reason);
  const error = await assertRejects(() => connect({ port, signal: aborted, ...LINES }), Error);
  assertStrictEquals(error, reason);

  const signal = new CountingSignal();
  const connecting = connect({ port, signal, ...LINES });
  await Promise.resolve();
  signal.abort(reason);
  assertStrictEquals(await assertRejects(() => connecting, Error), reason);
  assertStrictEquals(signal.listeners, 0);
});

test("connect() leaves neither timer nor listener, whichever ends it: the network, timeout or signal", async () => {
  await using listener = await listen(ANYWHERE);
  const where = { port: listener.address.port, timeout: 60_000, ...LINES };
  await using refusing = await ClosedPort.hold();
  await withTimers(async (timers) => {
    const signal = new CountingSignal();
    const nothingLeft = (): void => assertEquals([timers.size, signal.listeners], [0, 0]);

    const chat = await connect({ ...where, signal });
    assertEquals([timers.size, signal.listeners], [0, 1]); // the chat's own
    chat.close();
    await chat.closed;
    nothingLeft();

    const refused = () => connect({ ...where, port: refusing.port, signal });
    assertStrictEquals((await assertRejects(refused, ConnectionError)).code, "refused");
    nothingLeft();

    if (!NO_DEAF_LISTENER) {
      await using deaf = await DeafListener.start();
      const connecting = connect({ ...where, port: deaf.port, signal });
      await letPass(timers, connecting);
      const late = await assertRejects(() => connecting, ConnectionError, "60000 ms");
      assertStrictEquals(late.code, "timeout");
      nothingLeft();
    }

    const reason = new Error("never mind");
    const unused = nextOf(timers);
    const abandoned = connect({ ...where, signal });
    assertStrictEquals((await unused).after, 30_000); // the first of two parts
    signal.abort(reason);
    assertStrictEquals(await assertRejects(() => abandoned, Error), reason);
    nothingLeft();
  });
});

/** Lets all timers fire until the promise settles. */
async function letPass(timers: Timers, promise: Promise<unknown>): Promise<void> {
  let isSettled = false;
  const onSettled = (): void => void (isSettled = true);
  promise.then(onSettled, onSettled);
  while (!isSettled) {
    for (const [id, { call }] of [...timers]) {
      timers.delete(id);
      call();
    }
    await nextTurn();
  }
}

/** The next timer that is set, before anything else can happen. */
function nextOf<T>(timers: Map<number, T>): Promise<T> {
  const next = new Deferred<T>();
  timers.set = (id, timer) => {
    next.resolve(timer);
    return Map.prototype.set.call(timers, id, timer) as Map<number, T>;
  };
  return next.promise;
}

test("connect() closes the connection that comes after it was given up", async () => {
  await using listener = await listen(ANYWHERE);
  const { port } = listener.address;
  await withTimers(async (timers) => {
    const timer = nextOf(timers);
    const controller = new AbortController();
    const connecting = connect({ port, timeout: 60_000, signal: controller.signal, ...LINES });
    await timer;
    controller.abort(new Error("never mind"));
    await assertRejects(() => connecting, Error, "never mind");
  });
  const client = await connect({ port, ...LINES });
  client.push(bytes("here\n"));
  // Whether the attempt has brought a connection is the runtime's affair: an open one would not end.
  for await (const chat of listener) {
    const frame = await chat.read().catch(() => null);
    chat.close();
    if (frame !== null) {
      assertStrictEquals(text(frame), "here");
      break;
    }
  }
  client.close();
});

const noEnd = {
  skip: NO_DEAF_LISTENER ||
    (CURRENT === "bun" && "an attempt of Bun's keeps the process until the system gives it up"),
};
test(named("a program ends by itself after its timeout", noEnd), noEnd, async () => {
  await using deaf = await DeafListener.start();
  const { code, lines, stderr } = await run(
    command(CURRENT, FAILS, "connect", `${deaf.port}`, "100"),
  );
  assertEquals([code, stderr, lines[0]?.split(":")[0]], [0, "", "timeout"]);
});
