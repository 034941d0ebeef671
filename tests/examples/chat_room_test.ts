/** The chat room: a thousand members, of which some never read, and the program as a person runs it. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { Room } from "../../examples/room.ts";
import { BackpressureError, type Chat, connect, lines, serve } from "../../mod.ts";
import { command, CURRENT, Program } from "../support/programs.ts";

const LINES = { terminator: lines(), encoding: "utf-8" } as const;
const MAX_QUEUED = 192 * 1024;
const LONGEST_LINE = 64 * 1024;

test("a chat room of 1,000 closes the 50 who never read, and the others hear everything in order", async () => {
  const room = new Room();
  const chats: Chat<string>[] = [];
  const errors: unknown[] = [];
  let mostQueued = 0;
  const server = await serve({
    port: 0,
    ...LINES,
    maxFrameLength: LONGEST_LINE,
    maxQueuedBytes: MAX_QUEUED,
    onError: (error) => errors.push(error),
  }, (chat) => {
    chats.push(chat);
    return room.serve(chat);
  });
  const sample = setInterval(() => {
    mostQueued = chats.reduce((most, { stats }) => Math.max(most, stats.queued), mostQueued);
  }, 10);

  const members = [String(server.address.port), "1000", "50"];
  await using talk = new Program(command("node", "tests/programs/room_members.ts", ...members));
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
});

test("the chat room program lets its members talk, and tells who has left", async () => {
  await using program = new Program(command(CURRENT, "examples/chat_room.ts", "--port", "0"));
  const port = await program.listening();
  const come = async (name: string): Promise<Chat<string>> => {
    const chat = await connect({ port, ...LINES });
    assertStrictEquals(await chat.read(), "* your name?");
    await chat.send(name);
    assertMatch((await chat.read())!, new RegExp(`^\\* welcome, ${name}: others here: \\d$`));
    return chat;
  };
  const [ada, bob, eve] = [await come("ada"), await come("bob"), await come("eve")];
  for (const [name, speaker] of [["ada", ada], ["bob", bob]] as const) {
    await speaker.send("hello, everybody");
    for (const chat of [ada, bob, eve]) {
      assertStrictEquals(await chat.read(), `${name}: hello, everybody`);
    }
  }
  await eve.closeWhenDone();
  for (const chat of [ada, bob]) {
    assertStrictEquals(await chat.read(), "* eve has left");
    chat.close();
  }
});
