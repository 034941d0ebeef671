/** Dialogues of lines that end as either side likes: nobody waits for a byte that may not come, and it is no frame if it does. */
import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { anyOf, Chat, type Connection, memoryPair } from "../../mod.ts";
import { concat, text } from "../support/bytes.ts";
import { tcpPair } from "../support/tcp_pair.ts";

const LINES = anyOf("\r", "\r\n", "\n");

/** How one line is read. */
type ReadLine = (chat: Chat<string>) => Promise<string | null>;

const READ: ReadLine = (chat) => chat.read();

const WAYS: Readonly<Record<string, ReadLine>> = {
  "read()": READ,
  "read() of its own terminator": (chat) => chat.read(LINES),
  "readText()": (chat) => chat.readText(),
  "readBytes()": async (chat) => text(await chat.readBytes()),
  "a loop": async (chat) => {
    for await (const line of chat) return line;
    return null;
  },
  "batches()": async (chat) => {
    for await (const batch of chat.batches()) for (const line of batch) return line;
    return null;
  },
  "stream()": async (chat) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of chat.stream()) pieces.push(piece);
    return text(concat(pieces));
  },
};

async function chatsOver(
  makePair: () => [Connection, Connection] | Promise<[Connection, Connection]>,
): Promise<[Chat<string>, Chat<string>]> {
  const [left, right] = await makePair();
  const options = { terminator: LINES, encoding: "utf-8" } as const;
  return [new Chat(left, options), new Chat(right, options)];
}

for (const [transport, makePair] of Object.entries({ memory: memoryPair, TCP: tcpPair })) {
  for (const [how, readLine] of Object.entries(WAYS)) {
    test(`a dialogue by ${how} over ${transport} waits for no "\\n" behind a "\\r", and takes none for a line`, async () => {
      const [client, server] = await chatsOver(makePair);
      client.push("HELLO\r");
      assertStrictEquals(await readLine(server), "HELLO");
      server.push("OK\r");
      assertStrictEquals(await readLine(client), "OK");
      server.push("\nREADY\r"); // the rest of that "\r\n"
      client.push("\nNEXT\r\n");
      assertStrictEquals(await readLine(server), "NEXT");
      assertStrictEquals(await readLine(client), "READY");
      client.push("\n", "\r"); // two empty lines: that "\r\n" was whole
      client.closeWrite();
      assertStrictEquals(await readLine(server), "");
      assertStrictEquals(await readLine(server), "");
      assertStrictEquals(await server.read(), null);
      await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
    });

    test(`a dialogue by ${how} over ${transport} drops that "\\n" also when a count is set between`, async () => {
      const [client, server] = await chatsOver(makePair);
      client.push("SEND 4\r");
      assertStrictEquals(await readLine(server), "SEND 4");
      server.terminator = 4;
      server.push("GO\r");
      assertStrictEquals(await readLine(client), "GO");
      client.push("\n\r\n\r\nNEXT\r\n");
      assertStrictEquals(await server.read(), "\r\n\r\n");
      server.terminator = LINES;
      assertStrictEquals(await readLine(server), "NEXT");
      await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
    });
  }

  test(`a dialogue over ${transport} drops that "\\n" also when what follows is read as it comes`, async () => {
    const [client, server] = await chatsOver(makePair);
    client.push("HELLO\r");
    assertStrictEquals(await server.read(), "HELLO");
    server.push("OK\r");
    await client.read();
    server.terminator = null;
    client.push("\nraw");
    assertStrictEquals(await server.read(), "raw");
    await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
  });
}
