/**
 * The directions of a connection end one by one: what both ends see when one of them leaves, whatever each had done with its
 * own direction before, over memory and over the sockets of the runtime that the tests run on.
 */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  type Connection,
  ConnectionError,
  memoryPair,
} from "../mod.ts";
import { bytes, concat } from "./support/bytes.ts";
import { countingBytes } from "./support/connection_checks.ts";
import { StrictConnection } from "./support/strict_connection.ts";
import { tcpPair } from "./support/tcp_pair.ts";
import { withTimers } from "./support/timers.ts";

/** Where an end is with its own direction: not ended; ended, but the peer does not read and data waits; ended. */
const SENDING = ["open", "ending", "ended"] as const;
const WAYS = ["closeWhenDone", "closeWrite", "close", "detach"] as const;

type Sending = typeof SENDING[number];
type Way = typeof WAYS[number];

/** How a promise settles, or reading ends; `"either"`: with a reset or in order, whatever the peer's system says first. */
type Outcome = "done" | "closed" | "reset";
type ExpectedOutcome = Outcome | "either";

interface Expected {
  /** What the one who stays reads of what the one who leaves has pushed, and how its reading ends. */
  readonly received: "all" | "a part";
  readonly end: ExpectedOutcome;
  /** What the one who leaves still reads; `"refused"`: the next owner reads all. */
  readonly stillRead: "all" | "nothing" | "refused";
  /** How the `closeWrite()` of each settles, if it was called before. */
  readonly leaverEnding: Outcome;
  readonly stayerEnding: Outcome;
  /** What `closed` says on both ends. */
  readonly leaverClosed: Outcome;
  readonly stayerClosed: Outcome;
  /** Whether `detach()` throws, and the chat goes on. */
  readonly isRefused?: true;
}

interface Row extends Expected {
  readonly way: Way;
  readonly leaver: readonly Sending[];
  readonly stayer: readonly Sending[];
}

/** Everything arrives, at both ends where both still read. */
const ORDERLY: Expected = {
  received: "all",
  end: "done",
  stillRead: "all",
  leaverEnding: "done",
  stayerEnding: "done",
  leaverClosed: "done",
  stayerClosed: "done",
};

/** What the stayer has sent and still sends is not read: it meets a reset. */
const RESET = { end: "either", stayerEnding: "reset", stayerClosed: "reset" } as const;

/** What the leaver has not sent is dropped. */
const DROPPED = { received: "a part", leaverEnding: "closed" } as const;

/** Each combination is in one row. */
const TABLE: readonly Row[] = [
  {
    way: "closeWhenDone",
    leaver: SENDING,
    stayer: SENDING,
    ...ORDERLY,
    stillRead: "nothing",
  },
  { way: "closeWrite", leaver: SENDING, stayer: SENDING, ...ORDERLY },
  {
    way: "close",
    leaver: ["open", "ended"],
    stayer: ["open", "ended"],
    ...ORDERLY,
    stillRead: "nothing",
  },
  {
    way: "close",
    leaver: ["open", "ended"],
    stayer: ["ending"],
    ...ORDERLY,
    ...RESET,
    stillRead: "nothing",
  },
  {
    way: "close",
    leaver: ["ending"],
    stayer: ["open", "ended"],
    ...ORDERLY,
    ...DROPPED,
    stillRead: "nothing",
  },
  {
    way: "close",
    leaver: ["ending"],
    stayer: ["ending"],
    ...ORDERLY,
    ...RESET,
    ...DROPPED,
    stillRead: "nothing",
  },
  {
    way: "detach",
    leaver: ["open", "ended"],
    stayer: SENDING,
    ...ORDERLY,
    stillRead: "refused",
  },
  { way: "detach", leaver: ["ending"], stayer: SENDING, ...ORDERLY, isRefused: true },
];

const WORDS = bytes("some words");
const MORE = bytes("and more");
const NOTHING = new Uint8Array(0);

/** One end of the conversation. */
interface End {
  readonly connection: StrictConnection;
  readonly chat: Chat;
  /** All that it has pushed. */
  readonly pushed: Uint8Array;
  /** Its `closeWrite()`, if that was called. */
  readonly ending: Promise<void>;
}

/** Makes an end that has sent some words, and `much` where it is to have data that waits. */
async function makeEnd(raw: Connection, sending: Sending, much: Uint8Array): Promise<End> {
  const connection = new StrictConnection(raw);
  const chat = new Chat(connection, { terminator: null, maxQueuedBytes: Infinity });
  const data = sending === "ending" ? much : NOTHING;
  chat.push(WORDS);
  await chat.flush();
  chat.push(data);
  const ending = sending === "open" ? Promise.resolve() : chat.closeWrite();
  if (sending === "ended") await ending;
  return { connection, chat, pushed: concat([WORDS, data]), ending };
}

/** Reads to the end. */
async function readOut(chat: Chat): Promise<{ received: Uint8Array; end: Outcome }> {
  const chunks: Uint8Array[] = [];
  const reading = (async (): Promise<void> => {
    for await (const chunk of chat) chunks.push(chunk);
  })();
  const end = await outcomeOf(reading);
  return { received: concat(chunks), end };
}

async function outcomeOf(promise: Promise<unknown>): Promise<Outcome> {
  try {
    await promise;
    return "done";
  } catch (error) {
    return inAWord(error);
  }
}

function inAWord(error: unknown): Outcome {
  if (error === undefined) return "done";
  if (error instanceof ClosedError) return "closed";
  assertInstanceOf(error, ConnectionError);
  assertStrictEquals(error.code, "reset");
  return "reset";
}

function assertOutcome(actual: Outcome, expected: ExpectedOutcome, what: string): void {
  const isExpected = expected === "either" ? actual !== "closed" : actual === expected;
  assert(isExpected, `${what}: ${actual}, not ${expected}`);
}

/** As `assertEquals()`, which takes minutes to say where megabytes differ. */
function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  const length = `${actual.length} bytes, where ${expected.length} were to come`;
  assert(Buffer.compare(actual, expected) === 0, `other bytes came, or not all: ${length}`);
}

async function check(
  [left, right]: [Connection, Connection],
  much: Uint8Array,
  { way, leaver: leaving, stayer: staying, expected }: Case,
): Promise<void> {
  const [leaver, stayer] = await Promise.all([
    makeEnd(left, leaving, much),
    makeEnd(right, staying, much),
  ]);
  // What a system has received and the program has not read turns an end into a reset.
  assertEquals(await leaver.chat.read(WORDS.length), WORDS);
  if (leaving === "ending") assertLess(0, leaver.chat.stats.queued, "nothing waits");
  if (staying === "ending") assertLess(0, stayer.chat.stats.queued, "nothing waits");

  let [chat, pushed] = [leaver.chat, leaver.pushed];
  let gone: Promise<void> | void = undefined;
  if (way !== "detach") gone = chat[way]();
  else if (expected.isRefused) {
    assertStrictEquals(assertThrows(() => chat.detach(), ChatError).code, "unsent");
  } else {
    const { connection, unread } = chat.detach();
    chat = new Chat(connection, { terminator: null }, unread);
    if (leaving === "open") {
      chat.push(MORE);
      pushed = concat([pushed, MORE]);
    }
    await assertRejects(() => leaver.chat.read(), ClosedError, "detached");
  }
  await assertRejects(() => leaver.chat.push("too late"), ClosedError);

  const stay = async (): Promise<{ received: Uint8Array; end: Outcome }> => {
    const read = await readOut(stayer.chat);
    assertOutcome(
      await outcomeOf(stayer.chat.closeWhenDone()),
      expected.stayerEnding,
      "closeWhenDone()",
    );
    return read;
  };
  const carryOn = async (): Promise<Uint8Array> => {
    if (expected.stillRead === "nothing") {
      await gone;
      return (await readOut(chat)).received;
    }
    if (chat !== leaver.chat) chat.closeWrite();
    const { received, end } = await readOut(chat);
    assertStrictEquals(end, "done");
    return received;
  };
  const [{ received, end }, stillRead] = await Promise.all([stay(), carryOn()]);

  const isAll = expected.received === "all";
  assertBytes(received, isAll ? pushed : pushed.subarray(0, received.length));
  assertLess(WORDS.length - 1, received.length);
  assertOutcome(end, expected.end, "the end");
  const rest = stayer.pushed.subarray(WORDS.length);
  assertBytes(stillRead, expected.stillRead === "nothing" ? NOTHING : rest);
  assertOutcome(await outcomeOf(leaver.ending), expected.leaverEnding, "closeWrite() that leaves");
  assertOutcome(await outcomeOf(stayer.ending), expected.stayerEnding, "closeWrite() that stays");
  await gone;

  assertOutcome(inAWord(await leaver.chat.closed), expected.leaverClosed, "closed that leaves");
  assertOutcome(inAWord(await stayer.chat.closed), expected.stayerClosed, "closed that stays");
  assertStrictEquals(await chat.closed, undefined);
  await Promise.all([leaver.connection.closed, stayer.connection.closed]);
  for (const each of [leaver.chat, stayer.chat, chat]) {
    const isBroken = each === stayer.chat && expected.stayerClosed === "reset";
    const late = await outcomeOf(each.push("too late"));
    assertOutcome(late, isBroken ? "reset" : "closed", "a late push");
    each.close();
    await each.closeWhenDone().catch((error: unknown) => assert(isBroken, `${error}`));
  }
  leaver.connection.check();
  stayer.connection.check();
}

interface Case {
  readonly way: Way;
  readonly leaver: Sending;
  readonly stayer: Sending;
  readonly expected: Expected;
}

/** Every combination, with what its row says. */
const CASES: readonly Case[] = WAYS.flatMap((way) =>
  SENDING.flatMap((leaver) =>
    SENDING.map((stayer) => {
      const rows = TABLE.filter((row) =>
        row.way === way && row.leaver.includes(leaver) && row.stayer.includes(stayer)
      );
      assertStrictEquals(rows.length, 1, `${way}, ${leaver}, ${stayer} is not in one row`);
      return { way, leaver, stayer, expected: rows[0]! };
    })
  )
);

const MEGABYTE = 1024 * 1024;

/** How the ends are connected, and what does not go through while the other does not read. */
const TRANSPORTS = [
  { name: "memory", makePair: memoryPair, much: countingBytes(MEGABYTE) },
  { name: "TCP", makePair: tcpPair, much: countingBytes(16 * MEGABYTE) },
];

for (const { name, makePair, much } of TRANSPORTS) {
  for (const each of CASES) {
    const { way, leaver, stayer } = each;
    test(`Chat.${way}() over ${name} keeps what it promises when its own sending is ${leaver}, and the peer's ${stayer}`, async () => {
      // However long it takes, no end gives the other up.
      await withTimers(async () => check(await makePair(), much, each));
    });
  }
}
