/** Chats of latin1, in both directions: each byte is one character, and what has no byte is not sent. */
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  anyOf,
  Chat,
  codec,
  type Data,
  lengthPrefixed,
  lines,
  memoryPair,
  ProducerError,
} from "../../mod.ts";
import { bytes, hex } from "../support/bytes.ts";
import { readAll } from "../support/connection_checks.ts";
import { tcpPair } from "../support/tcp_pair.ts";

/** Each character that there is. */
const ALL = String.fromCharCode(...Array(256).keys());

function latin1Chat(): { readonly chat: Chat<string>; readonly sent: () => Promise<Uint8Array> } {
  const [left, right] = memoryPair();
  const chat = new Chat(left, { terminator: "\n", encoding: "latin1" });
  const sent = (): Promise<Uint8Array> => {
    void chat.closeWrite();
    return readAll(right);
  };
  return { chat, sent };
}

test("Chat of latin1 sends strings byte for byte, pushed, sent or produced, sync or async, alone or several", async () => {
  const { chat, sent } = latin1Chat();
  async function* later(): AsyncGenerator<Data | Uint8Array[]> {
    yield "\xe9";
    await Promise.resolve();
    yield "\xff";
    yield [Uint8Array.of(0x80), Uint8Array.of(0x80)];
  }
  chat.push("\xe9", Uint8Array.of(0xc3, 0xa9), ["\xf1", ["\xe0", "\xe1"] as unknown as string]);
  await chat.send("a\xf1o");
  chat.push(new Set(["\xe8"]), later(), Readable.from(["\xea"]), ReadableStream.from(["\xeb"]));
  await chat.send(Uint8Array.of(0xc3, 0xb1));
  chat.push("\xfc".repeat(3));
  const expected = "e9 c3 a9 f1 e0 e1  61 f1 6f 0a  e8 e9 ff 80 80 ea eb  c3 b1 0a  fc fc fc";
  assertEquals(await sent(), hex(expected));
});

for (const [transport, makePair] of Object.entries({ memory: memoryPair, TCP: tcpPair })) {
  test(`Chats of latin1 exchange every character by each kind of framing (over ${transport})`, async () => {
    const [left, right] = await makePair();
    const options = { terminator: null, encoding: "latin1" } as const;
    const [one, other] = [new Chat(left, options), new Chat(right, options)];
    const withoutEnds = ALL.replaceAll(/[\r\n\xa7]/g, "");
    const text = codec(lengthPrefixed(), {
      decode: (frame) => String.fromCharCode(...frame),
      encode: (message: string) => message,
    });
    const terminators = ["\xa7", anyOf("\xa7", "\xa7\xa7", "\r"), lines(), lengthPrefixed(), text];
    for (const terminator of terminators) {
      one.terminator = other.terminator = terminator;
      await one.send(withoutEnds);
      assertStrictEquals(await other.read(), withoutEnds);
    }
    one.push(ALL);
    assertStrictEquals(await other.read(256), ALL);
    await Promise.all([one.closeWhenDone(), other.closeWhenDone()]);
  });
}

test("Chat of latin1 refuses at once to push a character without a byte, names it, and queues nothing", async () => {
  const { chat, sent } = latin1Chat();
  const error = assertThrows(() => chat.push("one", "5 €"), RangeError, '"€" at 2');
  assertEquals(error.message.includes("latin1"), true);
  assertThrows(() => chat.push("😀"), RangeError, '"😀" at 0');
  assertStrictEquals(chat.stats.queued, 0);
  await chat.send("next");
  assertEquals(await sent(), bytes("next\n"));
});

test("Chat.send() of latin1 rejects for a character without a byte, and sends nothing of it", async () => {
  const { chat, sent } = latin1Chat();
  await assertRejects(() => chat.send("5 €"), RangeError, '"€" at 2');
  const upTo = codec(lines(), { decode: () => "", encode: (message: string) => message });
  chat.terminator = upTo;
  await assertRejects(() => chat.send("5 €"), RangeError, '"€" at 2');
  assertStrictEquals(chat.stats.framesOut, 0);
  await chat.send("next");
  assertEquals(await sent(), bytes("next\n"));
});

test("Chat of latin1 ends with ProducerError when a producer gives a character without a byte", async () => {
  async function* later(): AsyncGenerator<string> {
    yield "5 ";
    yield await Promise.resolve("€");
    yield "never";
  }
  for (const producer of [["5 ", "€"], later(), new Set(["5 ", ["€"] as unknown as string])]) {
    const { chat } = latin1Chat();
    chat.push(producer);
    const flushing = chat.flush();
    const error = await assertRejects(() => flushing, ProducerError, "€");
    assertInstanceOf(error.cause, RangeError);
    assertStrictEquals(await chat.closed, error);
  }
});

test("Chat refuses a delimiter that its encoding has no bytes for, and goes on", async () => {
  const { chat } = latin1Chat();
  assertThrows(() => chat.terminator = "€", RangeError, "€");
  await assertRejects(() => chat.read("€"), RangeError, "€");
  assertThrows(() => chat.stream("€"), RangeError, "€");
  assertStrictEquals(chat.terminator, "\n");
  const [left] = memoryPair();
  assertThrows(() => new Chat(left, { terminator: "€", encoding: "latin1" }), RangeError, "€");
});
