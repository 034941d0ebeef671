/** A board of notes, on connections in memory, good and bad. */
import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { getNote, putNote } from "../../../examples/notes/client.ts";
import { serveNotes } from "../../../examples/notes/session.ts";
import { Chat, IncompleteFrameError, lines, memoryPair } from "../../../mod.ts";
import { chaos } from "../../../src/testing/mod.ts";

const OPTIONS = { terminator: lines(), encoding: "utf-8", maxFrameLength: 1_000 } as const;
const NOTE = new TextEncoder().encode("milk\n3 eggs\n");

interface Board {
  readonly client: Chat<string>;
  readonly serving: Promise<void>;
  readonly notes: ReadonlyMap<string, Uint8Array>;
}

/** A client of a board; with a seed, over a network that does its worst. */
function startBoard(seed?: number): Board {
  const [left, right] = memoryPair();
  const worst = seed === undefined ? right : chaos(right, { seed });
  const notes = new Map<string, Uint8Array>();
  const serving = serveNotes(new Chat(worst, OPTIONS), notes);
  return { client: new Chat(left, OPTIONS), serving, notes };
}

test("serveNotes() gives back the note that was put, byte for byte, on any network", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const { client, serving } = startBoard(seed);
    await putNote(client, "shopping", NOTE);
    await putNote(client, "empty", new Uint8Array(0));
    assertEquals(await getNote(client, "shopping"), NOTE, `seed ${seed}`);
    assertEquals(await getNote(client, "empty"), new Uint8Array(0), `seed ${seed}`);
    await client.send("QUIT");
    await Promise.all([client.closeWhenDone(), serving]);
  }
});

test("serveNotes() answers what is no request, and goes on", async () => {
  const { client, serving } = startBoard();
  for (const wrong of ["", "get shopping", "PUT shopping", "PUT shopping -1", "GET a/b"]) {
    await client.send(wrong);
    const answer = `ERR expected PUT NAME LENGTH, GET NAME or QUIT, not ${JSON.stringify(wrong)}`;
    assertEquals(await client.read(), answer);
  }
  await assertRejects(() => getNote(client, "shopping"), Error, 'ERR there is no note "shopping"');
  await putNote(client, "shopping", NOTE);
  await Promise.all([client.closeWhenDone(), serving]);
});

test("serveNotes() refuses a note that is too long before it has come, and closes", async () => {
  const { client, serving } = startBoard();
  await client.send("PUT shopping 999999999");
  assertEquals(await client.read(), "ERR 1000 bytes are the most, not 999999999");
  assertEquals(await client.read(), null);
  await Promise.all([client.closeWhenDone(), serving]);
});

test("serveNotes() keeps no half a note when its client ends in the middle", async () => {
  const { client, serving, notes } = startBoard();
  client.push("PUT shopping 12\nmilk");
  const ended = assertRejects(() => serving, IncompleteFrameError);
  await Promise.all([client.closeWhenDone(), ended]);
  assertEquals(notes.size, 0);
});
