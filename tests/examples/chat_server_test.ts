/** The chat server: a thousand members, of which some never read, and the program as a person runs it. */
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Hub } from "../../examples/chat/hub.ts";
import { LocalBus } from "../../examples/chat/local_bus.ts";
import { Peers } from "../../examples/chat/peers.ts";
import { CHAT, serveMember } from "../../examples/chat/session.ts";
import { Watch } from "../../examples/watching/watch.ts";
import { BackpressureError, type Chat, serve } from "../../mod.ts";
import { command, Program } from "../support/programs.ts";

const MAX_QUEUED = 192 * 1024;
const LONGEST_LINE = 64 * 1024;

test("a chat room of 1,000 closes the 50 who never read, and the others hear everything in order", async () => {
  const hub = new Hub(new Peers(new LocalBus(), "one"));
  await hub.start();
  const watch = new Watch({ log: () => {} });
  const chats: Chat<string>[] = [];
  const errors: unknown[] = [];
  let mostQueued = 0;
  const server = await serve({
    port: 0,
    ...CHAT,
    maxFrameLength: LONGEST_LINE,
    maxQueuedBytes: MAX_QUEUED,
    onError: (error) => errors.push(error),
  }, (chat) => {
    chats.push(chat);
    return serveMember(chat, hub, watch);
  });
  const sample = setInterval(() => {
    mostQueued = chats.reduce((most, { stats }) => Math.max(most, stats.queued), mostQueued);
  }, 10);

  const members = [String(server.address.port), "1000", "50"];
  await using talk = new Program(command("node", "tests/programs/chat_members.ts", ...members));
  const [, readers, count] = await talk.line(/^(\d+) have read the same (\d+) lines$/);
  clearInterval(sample);
  assertEquals([chats.length, server.connections], [1_000, 950]);
  assertStrictEquals(Number(readers), 950);
  assert(Number(count) > 50);

  assertStrictEquals(errors.length, 50);
  for (const error of errors) assert(error instanceof BackpressureError, String(error));
  const reasons = await Promise.all(chats.slice(0, 50).map(({ closed }) => closed));
  assertEquals(new Set(reasons), new Set(errors));
  assert(mostQueued > 0 && mostQueued <= MAX_QUEUED + LONGEST_LINE, `${mostQueued} bytes waited`);

  await server.shutdown({ grace: 0 });
  assertEquals([errors.length, server.connections], [50, 0]);
  await hub.stop();
});
