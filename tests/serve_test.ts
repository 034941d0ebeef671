import { test } from "node:test";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  type Chat,
  ClosedError,
  connect,
  ConnectionError,
  type Handler,
  Listener,
  memoryPair,
  serve,
  Server,
  type ServerOptions,
} from "../mod.ts";
import { Deferred } from "../src/deferred.ts";
import { CountingSignal } from "./support/counting_signal.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

const echo: Handler<string> = async (chat) => {
  for await (const line of chat) await chat.send(line);
};

const clientOf = ({ address }: Server<string>): Promise<Chat<string>> =>
  connect({ port: address.port, ...LINES });

test("serve() runs the handler for each chat, at the same time", async () => {
  const server = await serve({ port: 0, ...LINES }, echo);
  const clients = await Promise.all(Array.from({ length: 5 }, () => clientOf(server)));
  for (const [i, client] of clients.entries()) await client.send(`one from ${i}`);
  for (const [i, client] of clients.entries()) {
    assertStrictEquals(await client.read(), `one from ${i}`);
  }
  assertStrictEquals(server.connections, 5);
  await Promise.all(clients.map((client) => client.closeWhenDone()));
  await server.shutdown();
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

test("serve() ends the chat whose handler throws, and no other, and tells onError", async () => {
  const told: [error: unknown, chat: Chat<string> | undefined][] = [];
  const chats: Chat<string>[] = [];
  const server = await serve({
    port: 0,
    ...LINES,
    onError(error, chat) {
      told.push([error, chat]);
      throw new Error("nobody's");
    },
  }, async (chat) => {
    chats.push(chat);
    for await (const line of chat) {
      if (line === "fail") throw new Error("as asked");
      await chat.send(line);
    }
  });
  const [failing, other] = [await clientOf(server), await clientOf(server)];
  await failing.send("fail");
  assertStrictEquals(await failing.read(), null);
  await other.send("still here");
  assertStrictEquals(await other.read(), "still here");
  assertEquals(told.map(([error]) => (error as Error).message), ["as asked"]);
  assertStrictEquals(told[0]![1], chats[0]);
  assertStrictEquals(await chats[0]!.closed, told[0]![0]);
  await Promise.all([failing.closeWhenDone(), other.closeWhenDone(), server.shutdown()]);
});

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

test("Server.shutdown() lets chats end by themselves in time", async () => {
  const server = await serve({ port: 0, ...LINES }, echo);
  const client = await clientOf(server);
  await client.send("one");
  assertStrictEquals(await client.read(), "one");
  const down = server.shutdown({ grace: Infinity });
  await client.send("two");
  assertStrictEquals(await client.read(), "two");
  await client.closeWhenDone();
  await down;
});

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
  while (server.connections === 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([server.shutdown({ grace: Infinity }), server.shutdown({ grace: 0 })]);
  assertInstanceOf(ends[0], ClosedError);
  assertEquals(told, []);
  assertStrictEquals(await client.read(), null);
  await client.closeWhenDone();
  await assertRejects(() => server.shutdown({ grace: -1 }), RangeError, "grace");
});

test("serve() ends when its signal is aborted, which is no error", async () => {
  const told: unknown[] = [];
  const signal = new CountingSignal();
  const server = await serve(
    { port: 0, ...LINES, signal, onError: (error) => told.push(error) },
    echo,
  );
  const client = await clientOf(server);
  await client.send("one");
  assertStrictEquals(await client.read(), "one");
  signal.abort(new Error("enough"));
  await server.finished;
  assertEquals([told, signal.listeners], [[], 0]);
  assertStrictEquals(await client.read(), null);
  await client.closeWhenDone();
});

test("Server goes on after the system has refused to accept, and tells onError", async () => {
  const told: unknown[] = [];
  const refusal = new ConnectionError("other", "too many open files");
  const [left, right] = memoryPair();
  const accepts = [() => Promise.reject(refusal), () => Promise.resolve(left)];
  const closed = new Deferred();
  const ended = new Deferred<null>();
  const listener = new Listener({
    accept: () => accepts.shift()?.() ?? ended.promise,
    close() {
      closed.resolve();
      ended.resolve(null);
    },
    closed: closed.promise,
    address: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
  }, LINES);
  const server = new Server(listener, echo, { onError: (...all) => told.push(all) });
  await right.write(new TextEncoder().encode("one\n"));
  assertEquals(await right.read(), new TextEncoder().encode("one\n"));
  assertEquals(told, [[refusal, undefined]]);
  await right.closeWrite();
  await server.shutdown();
});

test("serve() refuses options and a handler that are none", async () => {
  const server = (options: unknown): Server<string> =>
    new Server({} as Listener<string>, echo, options as ServerOptions<string>);
  for (const maxConnections of [0, -1, 1.5, NaN]) {
    assertThrows(() => server({ maxConnections }), RangeError, "maxConnections");
  }
  assertThrows(() => server({ whenFull: "drop" }), TypeError, "drop");
  assertThrows(() => server({ onError: "log" }), TypeError, "onError");
  const handler = undefined as unknown as Handler<string>;
  await assertRejects(() => serve({ port: 0, ...LINES }, handler), TypeError, "handler");
});
