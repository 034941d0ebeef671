/**
 * Conversations of random framing between two processes, both of which know every word of them: all comes from a seed and
 * the number of the connection.
 *
 *     C: 17\n                  the number of the connection
 *     C: payload, framed       by the framing that the seed says
 *     S: payload, framed       by another
 *     ...                      the client may be some messages ahead
 */
import {
  anyOf,
  Chat,
  delimited,
  lengthPrefixed,
  lines,
  netstring,
  type Terminator,
  varintPrefixed,
} from "../../mod.ts";
import { chaos } from "../../src/testing/mod.ts";
import { bytes, concat } from "./bytes.ts";

/** How many messages each connection exchanges. */
export const MESSAGES = 10;

/** What an exchange server reports when the last connection has ended. */
export interface ExchangeReport {
  /** How many messages were read, found right, and answered. */
  readonly answered: number;
  /** How many chats there were at a time, at most. */
  readonly most: number;
  /** How many chats are left. */
  readonly left: number;
  /** How many more sockets are open than before; `null` where that cannot be told. */
  readonly openSockets: number | null;
}

interface Message {
  readonly payload: Uint8Array;
  readonly request: Terminator;
  readonly answer: Terminator;
  /** Whether the client waits for the answers to all it has sent before it goes on. */
  readonly waits: boolean;
}

type Random = (below: number) => number;

const POOL = 64 * 1024;
const pools = { letters: fill(26, 97), bytes: fill(256, 0) };

/** The framings that take any bytes, for a payload of that length. */
const BINARY: readonly ((length: number) => Terminator)[] = [
  (length) => length,
  () => lengthPrefixed({ bytes: 4 }),
  () => lengthPrefixed({ bytes: 8, littleEndian: true }),
  (length) => lengthPrefixed({ bytes: length < 256 ? 1 : 3 }),
  () => varintPrefixed(),
  () => netstring(),
];

/** The framings for letters, digits, full stops and slashes. */
const TEXT: readonly ((length: number) => Terminator)[] = [
  ...BINARY,
  () => "\n",
  () => "\r\n--boundary\r\n",
  () => Uint8Array.of(0, 255, 0),
  () => lines(),
  () => delimited(";"),
  () => anyOf("\r\n", "\n", ";"),
];

/** Answers a client of {@linkcode converse} to its end. Returns how many of its messages were right. */
export async function answer(chat: Chat, seed: number): Promise<number> {
  chat.terminator = "\n";
  const id = Number(await chat.readText());
  const messages = conversation(seed, id);
  let next = 0;
  chat.terminator = messages[0]!.request;
  for await (const frame of chat) {
    const message = messages[next++]!;
    check(frame, message, `connection ${id}, request ${next}`);
    chat.terminator = message.answer;
    await chat.send(frame);
    if (next === messages.length) break;
    chat.terminator = messages[next]!.request;
  }
  const rest = await chat.read(null);
  if (rest !== null) throw new Error(`connection ${id}: ${describe(rest)} after the last request`);
  if (next < MESSAGES) throw new Error(`connection ${id} ended after ${next} messages`);
  return next;
}

/**
 * Exchanges the messages of one connection, and leaves it open. Every fourth one is read and written in random pieces.
 * Returns the chat to close, and how many of the answers were right.
 */
export async function converse(
  connected: Chat,
  seed: number,
  id: number,
): Promise<{ chat: Chat; checked: number }> {
  const chat = id % 4 === 0 ? inPieces(connected, seed + id) : connected;
  chat.push(`${id}\n`);
  const sent: Message[] = [];
  let checked = 0;
  for (const message of conversation(seed, id)) {
    chat.terminator = message.request;
    void chat.send(message.payload);
    sent.push(message);
    if (!message.waits) continue;
    for (const each of sent.splice(0)) {
      const frame = await chat.read(each.answer);
      check(frame, each, `connection ${id}, answer ${++checked}`);
    }
  }
  return { chat, checked };
}

function inPieces(chat: Chat, seed: number): Chat {
  const { connection, unread } = chat.detach();
  return new Chat(chaos(connection, { seed }), { terminator: "\n" }, unread);
}

function conversation(seed: number, id: number): Message[] {
  const random = randomFrom(seed, id);
  return Array.from({ length: MESSAGES }, (_, i) => {
    const isText = random(2) === 0;
    const payload = payloadOf(random, `${id}/${i}.`, isText ? pools.letters : pools.bytes);
    const [request, answer] = [0, 1].map(() => {
      const framings = isText ? TEXT : BINARY;
      return framings[random(framings.length)]!(payload.length);
    });
    const waits = random(3) === 0 || i === MESSAGES - 1;
    return { payload, request: request!, answer: answer!, waits };
  });
}

/** Mostly short, some of them empty; every other one says where it belongs, and is unlike all others. */
function payloadOf(random: Random, label: string, pool: Uint8Array): Uint8Array {
  const longest = [0, 20, 20, 200, 200, 200, 2_000, 2_000, 2_000, 20_000][random(10)]!;
  const start = random(POOL - longest);
  const piece = pool.subarray(start, start + random(longest + 1));
  return longest === 0 ? piece : concat([bytes(label), piece]);
}

function check(frame: Uint8Array | null, { payload }: Message, where: string): void {
  if (frame !== null && areEqual(frame, payload)) return;
  throw new Error(`${where}: expected ${describe(payload)}, not ${frame && describe(frame)}`);
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function describe(data: Uint8Array): string {
  const beginning = String.fromCharCode(...data.subarray(0, 40));
  return `${data.length} bytes ${JSON.stringify(beginning)}`;
}

function fill(count: number, first: number): Uint8Array {
  const random = randomFrom(1, count);
  return Uint8Array.from({ length: POOL }, () => first + random(count));
}

/** Whole numbers from 0 to below what is asked, the same for the same two numbers: a linear congruential generator. */
function randomFrom(seed: number, id: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b)) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
