/** What ends a chat, a listener or a server may be called at any time, in any order, and again. */
import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Chat,
  ClosedError,
  connect,
  ConnectionError,
  listen,
  memoryPair,
  serve,
} from "../mod.ts";
import { Deferred } from "../src/common/deferred.ts";
import { play } from "./support/conversation/play.ts";
import { CLOSINGS, type Operation, type Script, type Step } from "./support/conversation/script.ts";
import { inTurns } from "./support/conversation/surroundings.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

/** More than the other end holds that does not read. */
const MUCH = { op: "push", items: [{ length: 70_000, isText: false }] } as const;

const BUSY: readonly Operation[] = [
  { op: "read" },
  MUCH,
  { op: "push", items: [{ kind: "async", pieces: [10], then: "goes on" }] },
  { op: "flush" },
];

/** What each end does before. */
const OWN: Readonly<Record<string, readonly Operation[]>> = { "is idle": [], "is busy": BUSY };
const PEERS: Readonly<Record<string, readonly Operation[]>> = {
  "is idle": [],
  "is sending": [MUCH],
  "has ended its direction": [{ op: "send" }, { op: "closeWrite" }],
  "is gone": [{ op: "close" }],
};

/** What passes between two calls. */
const GAPS: readonly Step["then"][] = [undefined, { ticks: 3 }, { turns: 1 }];

/** Every two ways, in either order, and the first of them again. */
const WAYS = CLOSINGS.flatMap((a) => CLOSINGS.map((b) => [a, b, a]));

function scriptOf(
  own: readonly Operation[],
  peer: readonly Operation[],
  ways: typeof WAYS[number],
  then: Step["then"],
): Script {
  const before = [
    ...own.map((does): Step => ({ end: 0, does })),
    ...peer.map((does): Step => ({ end: 1, does })),
    { end: 1, does: { op: "stats" }, then: { turns: 1 } } as const,
  ];
  const steps = ways.map((op): Step => ({ end: 0, does: { op }, then }));
  return { options: [{}, {}], steps: [...before, ...steps], finale: "close" };
}

for (const [self, own] of Object.entries(OWN)) {
  for (const [other, peer] of Object.entries(PEERS)) {
    test(`Chat can be ended in any two ways, and again, when it ${self} and its peer ${other}`, async () => {
      const all = GAPS.flatMap((gap) => WAYS.map((ways) => [ways, gap] as const));
      await inTurns(async (problems) => {
        await Promise.all(all.map(async ([ways, gap]) => {
          await play(memoryPair, scriptOf(own, peer, ways, gap)).catch((cause) => {
            throw new Error(`${ways.join(", ")}: ${cause}`, { cause });
          });
        }));
        assertEquals(problems(), []);
      });
    });
  }
}

test("Listener.close() can be repeated, and ends each accept(), before it and after it", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const waiting = [listener.accept(), listener.accept()];
  const looping = (async () => {
    for await (const _ of listener) throw new Error("no client connects");
  })();
  const closing = [listener.close(), listener.close(), listener[Symbol.asyncDispose]()];
  waiting.push(listener.accept());
  assertEquals(await Promise.all(waiting), [null, null, null]);
  await Promise.all([looping, ...closing, listener.closed]);
  await listener.close();
  assertStrictEquals(await listener.accept(), null);
  for await (const _ of listener) throw new Error("it is closed");
  await assertRejects(() => connect({ port: listener.address.port, ...LINES }), ConnectionError);
});

test("Listener.close() leaves chats alone that were accepted, and ends those that were not", async () => {
  const listener = await listen({ port: 0, ...LINES });
  const accepted = await connect({ port: listener.address.port, ...LINES });
  const chat = (await listener.accept())!;
  const waiting = await connect({ port: listener.address.port, ...LINES });
  await Promise.all([listener.close(), listener.close()]);
  const end = await waiting.read().catch((error: unknown) => error);
  if (end !== null) assertInstanceOf(end, ConnectionError);
  await accepted.send("still here");
  assertStrictEquals(await chat.read(), "still here");
  waiting.close();
  await Promise.all([accepted.closeWhenDone(), chat.closeWhenDone()]);
});

test("Server.shutdown() can be repeated, also while chats end in every way, and after the last has", async () => {
  const begun = new Deferred();
  const ways: ((chat: Chat<string>) => unknown)[] = [
    (chat) => chat.closeWhenDone(),
    (chat) => chat.closeWrite(),
    (chat) => chat.close(),
    (chat) => chat.close(new Error("enough")),
    (chat) => chat.detach().connection.close(),
    (chat) => chat.read(), // until the grace is over
    () => {},
  ];
  let count = 0;
  const errors: unknown[] = [];
  const server = await serve(
    { port: 0, ...LINES, onError: (error) => errors.push(error) },
    async (chat) => {
      const way = ways[count++]!;
      if (count === ways.length) begun.resolve();
      await begun.promise;
      await way(chat);
    },
  );
  const clients = await Promise.all(
    ways.map(() => connect({ port: server.address.port, ...LINES })),
  );
  await begun.promise;
  const reading = clients.map((client) => client.read().catch(() => null));
  const down = [server.shutdown({ grace: Infinity }), server.shutdown(), server.shutdown()];
  for (const client of clients.slice(2)) client.closeWhenDone();
  down.push(server.shutdown({ grace: 0 }), server[Symbol.asyncDispose]());
  await Promise.all([...down, server.finished]);
  assertStrictEquals(server.connections, 0);
  await Promise.all([server.shutdown({ grace: 0 }), server[Symbol.asyncDispose]()]);
  await Promise.all(reading);
  for (const error of errors) assertInstanceOf(error, ClosedError);
  for (const client of clients) client.close();
});
