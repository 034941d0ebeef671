import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  BackpressureError,
  type Chat,
  ClosedError,
  connect,
  type Connection,
  ConnectionError,
  type Handler,
  Listener,
  memoryPair,
  serve,
  Server,
  type ServerOptions,
} from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { startPeer } from "../support/peer.ts";
import { withTimers } from "../support/timers.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

const echo: Handler<string> = async (chat) => {
  for await (const line of chat) await chat.send(line);
};

const clientOf = ({ address }: Server<string>): Promise<Chat<string>> =>
  connect({ port: address.port, ...LINES });

/** A listener that gives what it is told to, and waits then until it is closed. */
function scriptedListener(accepts: (() => Promise<Connection | null>)[]): Listener<string> {
  const closed = new Deferred();
  return new Listener({
    accept: () => accepts.shift()?.() ?? closed.promise.then(() => null),
    close: closed.resolve,
    closed: closed.promise,
    address: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  }, LINES);
}

test("serve() runs the handler for each chat, at the same time, and is shut down where its block ends", async () => {
  let server: Server<string>;
  {
    await using serving = server = await serve({ port: 0, ...LINES }, echo);
    const clients = await Promise.all(Array.from({ length: 5 }, () => clientOf(serving)));
    for (const [i, client] of clients.entries()) await client.send(`one from ${i}`);
    for (const [i, client] of clients.entries()) {
      assertStrictEquals(await client.read(), `one from ${i}`);
    }
    assertStrictEquals(server.connections, 5);
    await Promise.all(clients.map((client) => client.closeWhenDone()));
  }
  assertStrictEquals(server.connections, 0);
  await server.finished;
  await assertRejects(() => clientOf(server), ConnectionError);
});

test("serve() sends what the handler has pushed, and closes the chat, when the handler returns", async () => {
  const server = await serve({ port: 0, ...LINES }, (chat) => void chat.push("bye\n"));
  const client = await clientOf(server);
  assertStrictEquals(await client.read(), "bye");
  assertStrictEquals(await client.read(), null);
  await Promise.all([client.closeWhenDone(), server.shutdown()]);
});

const MISTAKE = new Error("as asked");

/** How a handler may fail, and what it fails with. */
const FAILURES: Readonly<
  Record<string, readonly [fail: () => void | Promise<void>, error: unknown]>
> = {
  "throws at once": [() => {
    throw MISTAKE;
  }, MISTAKE],
  rejects: [() => Promise.reject(MISTAKE), MISTAKE],
  "rejects with undefined": [() => Promise.reject(undefined), undefined],
};

for (const [how, [fail, failure]] of Object.entries(FAILURES)) {
  test(`serve() ends the chat whose handler ${how}, and no other, and takes no harm from an onError that does so`, async () => {
    const told: [error: unknown, chat: Chat<string> | undefined][] = [];
    const served: Chat<string>[] = [];
    const onError: ServerOptions<string>["onError"] = (...all) => {
      told.push(all);
      return fail();
    };
    const server = await serve(
      { port: 0, ...LINES, onError },
      (chat) => served.push(chat) === 1 ? fail() : echo(chat),
    );
    const failing = await clientOf(server);
    assertStrictEquals(await failing.read().catch(() => null), null);
    const other = await clientOf(server);
    await other.send("still here");
    assertStrictEquals(await other.read(), "still here");
    assertEquals(told, [[failure, served[0]]]);
    if (failure === MISTAKE) assertStrictEquals(await served[0]!.closed, MISTAKE);
    failing.close();
    await Promise.all([other.closeWhenDone(), server.shutdown()]);
  });
}

test("serve() lets further connections wait when it is full", async () => {
  let [now, most] = [0, 0];
  const server = await serve({ port: 0, ...LINES, maxConnections: 2 }, async (chat) => {
    most = Math.max(most, ++now);
    await chat.send((await chat.read())!);
    now--;
  });
  const clients = await Promise.all(Array.from({ length: 6 }, () => clientOf(server)));
  await Promise.all(clients.map(async (client, i) => {
    await client.send(`${i}`);
    assertStrictEquals(await client.read(), `${i}`);
    await client.closeWhenDone();
  }));
  assertStrictEquals(most, 2);
  await server.shutdown();
});

test("serve() closes further connections at once when it is full and told to refuse", async () => {
  const server = await serve({ port: 0, ...LINES, maxConnections: 1, whenFull: "refuse" }, echo);
  const first = await clientOf(server);
  await first.send("first");
  assertStrictEquals(await first.read(), "first");
  const second = await clientOf(server);
  assertStrictEquals(await second.read().catch(() => null), null);
  await first.send("still here");
  assertStrictEquals(await first.read(), "still here");
  await first.closeWhenDone();
  await Promise.all([second.closeWhenDone().catch(() => {}), server.shutdown()]);
});

test("Server.shutdown() lets chats end by themselves in time, and leaves no timer", () =>
  withTimers(async (timers) => {
    const [left, right] = memoryPair();
    const server = new Server(scriptedListener([() => Promise.resolve(left)]), echo);
    await nextTurn();
    const down = server.shutdown({ grace: 1_000 });
    assertEquals([...timers.values()].map(({ after }) => after), [1_000]);
    await right.closeWrite();
    await down;
    assertStrictEquals(timers.size, 0);
  }));

test("Server.shutdown() closes the chats that do not end in time, which is no error", async () => {
  const told: unknown[] = [];
  const ends: unknown[] = [];
  const server = await serve(
    { port: 0, ...LINES, onError: (error) => told.push(error) },
    async (chat) => {
      await chat.read().catch((error: unknown) => {
        ends.push(error);
        throw error;
      });
    },
  );
  const client = await clientOf(server);
  while (server.connections === 0) await nextTurn();
  await Promise.all([server.shutdown({ grace: Infinity }), server.shutdown({ grace: 0 })]);
  assertInstanceOf(ends[0], ClosedError);
  assertEquals(told, []);
  assertStrictEquals(await client.read(), null);
  await client.closeWhenDone();
  await assertRejects(() => server.shutdown({ grace: -1 }), RangeError, "grace");
});

for (const [kind, reason] of [["an Error", new Error("enough")], ["a string", "enough"]] as const) {
  test(`serve() ends when its signal is aborted, which is no error, with ${kind} as the reason`, async () => {
    const told: unknown[] = [];
    const signal = new CountingSignal();
    const server = await serve(
      { port: 0, ...LINES, signal, onError: (error) => told.push(error) },
      echo,
    );
    const client = await clientOf(server);
    await client.send("one");
    assertStrictEquals(await client.read(), "one");
    signal.abort(reason);
    await server.finished;
    assertEquals([told, signal.listeners], [[], 0]);
    assertStrictEquals(await client.read(), null);
    await client.closeWhenDone();

    const never = await serve({ port: 0, ...LINES, signal: AbortSignal.abort(reason) }, echo);
    await never.finished;
    await assertRejects(() => clientOf(never), ConnectionError);
  });
}

test("Server pauses before it accepts again when the system has refused to, also when a chat ends meanwhile", () =>
  withTimers(async (timers) => {
    const told: unknown[] = [];
    const refusal = new ConnectionError("exhausted", "too many open files");
    const refuse = (): Promise<never> => Promise.reject(refusal);
    const [left, right] = memoryPair();
    const [second, peer] = memoryPair();
    const listener = scriptedListener([
      () => Promise.resolve(left),
      refuse,
      () => Promise.resolve(second),
      refuse,
    ]);
    const server = new Server(listener, echo, { onError: (...all) => told.push(all) });
    await nextTurn();
    assertEquals([server.connections, told], [1, [[refusal, undefined]]]);
    await right.closeWrite();
    while (server.connections > 0) await nextTurn();
    await nextTurn();
    assertStrictEquals(told.length, 1);
    for (const { call, after } of timers.values()) {
      assertStrictEquals(after, 100);
      call();
    }
    await peer.write(new TextEncoder().encode("one\n"));
    assertEquals(await peer.read(), new TextEncoder().encode("one\n"));
    assertStrictEquals(told.length, 2);
    await peer.closeWrite();
    await Promise.all([listener.close(), server.finished]);
    assertEquals([told.length, timers.size], [2, 0]);
  }));

test("Server.shutdown() closes the connections that wait to be accepted", async () => {
  let served = 0;
  const server = await serve({ port: 0, ...LINES, maxConnections: 1 }, async (chat) => {
    served++;
    await echo(chat);
  });
  const first = await clientOf(server);
  await first.send("one");
  assertStrictEquals(await first.read(), "one");
  const waiting = await Promise.all([1, 2, 3].map(() => clientOf(server)));
  const down = server.shutdown({ grace: Infinity });
  for (const client of waiting) {
    assertStrictEquals(await client.read().catch(() => null), null);
    client.close();
  }
  await first.send("two");
  assertStrictEquals(await first.read(), "two");
  await Promise.all([first.closeWhenDone(), down]);
  assertStrictEquals(served, 1);
});

test("Server.shutdown() does not wait for a handler that goes on when its chat is closed; finished does", async () => {
  const endless = new Deferred();
  const server = await serve({ port: 0, ...LINES }, () => endless.promise);
  const client = await clientOf(server);
  while (server.connections === 0) await nextTurn();
  await server.shutdown({ grace: 0 });
  await server.shutdown();
  assertStrictEquals(await client.read().catch(() => null), null);
  client.close();
  let isFinished = false;
  server.finished.then(() => isFinished = true);
  await nextTurn();
  assertEquals([isFinished, server.connections], [false, 1]);
  endless.resolve();
  await server.finished;
  assertStrictEquals(server.connections, 0);
});

test("Server.shutdown() waits for what a handler does at once when its chat is closed", async () => {
  let tidied = false;
  const server = await serve({ port: 0, ...LINES, onError() {} }, async (chat) => {
    try {
      await echo(chat);
    } finally {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      tidied = true;
    }
  });
  const client = await clientOf(server);
  while (server.connections === 0) await nextTurn();
  await server.shutdown({ grace: 0 });
  assert(tidied);
  client.close();
});

test("serve() prints errors that nobody asked for: a line for the network's, all of the others", async () => {
  const printed: unknown[][] = [];
  const { error: original } = console;
  console.error = (...all: unknown[]) => printed.push(all);
  try {
    const wrong = new Error("a mistake");
    const gone = new ConnectionError("reset", "cannot read from it", { cause: new Error("RST") });
    const failures = [wrong, gone];
    const listener = scriptedListener([
      () => Promise.resolve(memoryPair()[0]),
      () => Promise.resolve(memoryPair()[0]),
      () => Promise.reject(new ConnectionError("exhausted", "cannot accept")),
    ]);
    const server = new Server(listener, () => {
      throw failures.shift();
    });
    while (printed.length < 3) await nextTurn();
    await server.shutdown();
    const where = "the peer";
    assertEquals(
      printed.sort((a, b) => b.length - a.length),
      [[`${where}:`, wrong], [`${where}: cannot read from it`], ["accept: cannot accept"]],
    );
  } finally {
    console.error = original;
  }
});

test("serve() answers those who wait behind peers that have ended or reset their connections meanwhile", async () => {
  const told: unknown[] = [];
  const said: string[] = [];
  const server = await serve({
    port: 0,
    ...LINES,
    maxConnections: 1,
    onError: (error) => told.push(error),
  }, async (chat) => {
    for await (const line of chat) {
      said.push(line);
      await chat.send(line);
    }
  });
  const first = await clientOf(server);
  await first.send("first");
  assertStrictEquals(await first.read(), "first");
  const ended = await clientOf(server);
  await ended.send("last words");
  await ended.flush();
  ended.close();
  await ended.closed;
  for (let i = 0; i < 3; i++) await (await startPeer("reset", server.address.port)).exited;
  const last = await clientOf(server);
  await last.send("last");
  await first.closeWhenDone();
  assertStrictEquals(await last.read(), "last");
  assertEquals(said, ["first", "last words", "last"]);
  await Promise.all([last.closeWhenDone(), server.shutdown()]);
  assertStrictEquals(server.connections, 0);
  for (const error of told) assert(error instanceof ConnectionError && error.code === "reset");
});

test("serve() does not let the others wait when wrap refuses a connection", async () => {
  const told: unknown[] = [];
  let refusals = 0;
  const server = await serve({
    port: 0,
    ...LINES,
    onError: (error) => told.push(error),
    wrap(connection) {
      if (refusals++ < 50) throw new Error("not from there");
      return connection;
    },
  }, echo);
  const pauses: number[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((call: () => void, after: number) => {
    pauses.push(after);
    return setTimeout(call, after);
  }) as typeof setTimeout;
  try {
    const clients = await Promise.all(Array.from({ length: 51 }, () => clientOf(server)));
    await Promise.all(clients.map(async (client) => {
      client.send("hello");
      await client.read().catch(() => null);
    }));
    clients.forEach((client) => client.close());
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals([told.length, pauses.filter((after) => after === 100)], [50, []]);
  await server.shutdown();
});

test("Server.chats has each chat while its handler runs, and connections those that are being closed, too", async () => {
  const [first, second] = [new Deferred(), new Deferred()];
  const handlers = [() => first.promise, () => second.promise];
  const found: boolean[] = [];
  const server: Server<string> = await serve({ port: 0, ...LINES, onError() {} }, async (chat) => {
    found.push(server.chats.has(chat));
    await handlers.shift()!();
  });
  const { chats } = server;
  assertEquals(chats.size, 0);
  const clients = [await clientOf(server)];
  while (found.length < 1) await nextTurn();
  clients.push(await clientOf(server));
  while (found.length < 2) await nextTurn();
  assertEquals([found, chats.size, server.connections], [[true, true], 2, 2]);
  assertStrictEquals(server.chats, chats);

  first.resolve(); // the client does not end, so the chat waits for that before it closes
  while (chats.size === 2) await nextTurn();
  assertEquals([chats.size, server.connections], [1, 2]);
  second.reject(new Error("as asked"));
  while (chats.size === 1) await nextTurn();
  for (const client of clients) client.close();
  await server.shutdown();
  assertEquals([chats.size, server.connections], [0, 0]);
});

test("Server.chats keeps a chat that is closed while its handler runs, and a push to it troubles nothing", async () => {
  const gate = new Deferred();
  const server: Server<string> = await serve({ port: 0, ...LINES }, async (chat) => {
    chat.close();
    await gate.promise;
  });
  const client = await clientOf(server);
  assertStrictEquals(await client.read().catch(() => null), null);
  assertStrictEquals(server.chats.size, 1);
  for (const chat of server.chats) {
    chat.push("not awaited\n");
    await assertRejects(() => chat.push("awaited\n"), ClosedError);
  }
  gate.resolve();
  client.close();
  await server.shutdown();
  assertStrictEquals(server.chats.size, 0);
});

test("Server.chats may be iterated over while chats come and go", async () => {
  const server = await serve({ port: 0, ...LINES }, echo);
  const join = async (): Promise<Chat<string>> => {
    const size = server.chats.size + 1;
    const client = await clientOf(server);
    while (server.chats.size < size) await nextTurn();
    return client;
  };
  const [first, second] = [await join(), await join()];
  const visited: Chat<string>[] = [];
  let third: Chat<string> | undefined;
  for (const chat of server.chats) {
    visited.push(chat);
    if (third !== undefined) continue;
    await second.closeWhenDone();
    while (server.chats.size > 1) await nextTurn();
    third = await join();
  }
  assertEquals([visited.length, visited.every((chat) => server.chats.has(chat))], [2, true]);
  await Promise.all([first.closeWhenDone(), third!.closeWhenDone(), server.shutdown()]);
});

test("a broadcast that is not awaited gives everything to those who read, and closes the chat of the one who does not", async () => {
  const told: [error: unknown, chat: Chat<string> | undefined][] = [];
  const served: Chat<string>[] = [];
  const server = await serve({
    port: 0,
    ...LINES,
    maxQueuedBytes: 256 * 1024,
    onError: (...all) => told.push(all),
  }, async (chat) => {
    served.push(chat);
    await echo(chat);
  });
  const slow = await clientOf(server);
  while (served.length < 1) await nextTurn();
  const healthy = await Promise.all([1, 2, 3].map(() => clientOf(server)));
  while (server.chats.size < 4) await nextTurn();

  const filler = "x".repeat(16 * 1024);
  let sent = 0;
  const broadcast = (): void => {
    sent++;
    for (const chat of server.chats) chat.push(`${sent} ${filler}\n`);
  };
  // A burst is less than the limit, and the next one comes when the healthy have read it.
  const round = async (): Promise<void> => {
    const before = sent;
    for (let i = 0; i < 8; i++) broadcast();
    await Promise.all(healthy.map(async (client) => {
      for (let i = before + 1; i <= sent; i++) {
        assertStrictEquals(await client.read(), `${i} ${filler}`);
      }
    }));
  };
  while (server.chats.has(served[0]!)) await round();
  for (let i = 0; i < 3; i++) await round();

  assertEquals([server.chats.size, told.length], [3, 1]);
  const [error, chat] = told[0]!;
  assertInstanceOf(error, BackpressureError);
  assertStrictEquals(chat, served[0]);
  slow.close();
  await Promise.all([...healthy.map((client) => client.closeWhenDone()), server.shutdown()]);
});

test("serve() refuses options and a handler that are none", async () => {
  const listener = scriptedListener([]);
  const server = (options: unknown): Server<string> =>
    new Server(listener, echo, options as ServerOptions<string>);
  for (const maxConnections of [0, -1, 1.5, NaN]) {
    assertThrows(() => server({ maxConnections }), RangeError, "maxConnections");
  }
  assertThrows(() => server({ whenFull: "drop" }), TypeError, "drop");
  assertThrows(() => server({ onError: "log" }), TypeError, "onError");
  const handler = undefined as unknown as Handler<string>;
  await assertRejects(() => serve({ port: 0, ...LINES }, handler), TypeError, "handler");
});
