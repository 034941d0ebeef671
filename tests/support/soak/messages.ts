/** What the two ends of a scenario say to each other: both know it beforehand, so that what arrives can be compared. */
import {
  anyOf,
  type Codec,
  delimited,
  type Framing,
  headed,
  lengthPrefixed,
  lines,
  MalformedFrameError,
  netstring,
  type Terminator,
  varintPrefixed,
} from "../../../mod.ts";
import { bytes, concat } from "../bytes.ts";
import { Random } from "./random.ts";

/** One frame. */
export interface Message {
  readonly name: string;
  readonly terminator: Terminator;
  readonly payload: Uint8Array | string;
  /** The payload's length in bytes. */
  readonly length: number;
  /** The frame, as it is sent: an array that nobody else has. */
  encode(): Uint8Array;
}

/** A way to frame messages. */
interface Kind {
  readonly name: string;
  /** Up to how many bytes, or characters of text, a payload has. */
  readonly most: number;
  readonly isText: boolean;
  /** What every payload ends with. */
  readonly end?: string;
  /** The terminator, or that it is the payload's length. */
  readonly terminator: string | Uint8Array | Codec | "length";
}

/** The payload as it is sent. */
export function payloadBytes({ payload }: Message): Uint8Array {
  return typeof payload === "string" ? bytes(payload) : payload;
}

const sum = (payload: Uint8Array): number => {
  let total = 0;
  for (const byte of payload) total = (total + byte) >>> 0;
  return total;
};
const uint32 = (from: Uint8Array): number =>
  new DataView(from.buffer, from.byteOffset, from.byteLength).getUint32(0);

/** Must be here as a whole before it is handed out. */
const summed = {
  *decode() {
    const header = yield 4;
    return {
      length: uint32(header),
      trailer: 4,
      check(payload, trailer) {
        if (sum(payload) !== uint32(trailer)) throw new MalformedFrameError("wrong checksum");
      },
    };
  },
  encode(payload: Uint8Array) {
    const frame = new Uint8Array(payload.length + 8);
    const view = new DataView(frame.buffer);
    view.setUint32(0, payload.length);
    frame.set(payload, 4);
    view.setUint32(payload.length + 4, sum(payload));
    return frame;
  },
} satisfies Framing;

const BIG = 16 * 1024 * 1024;

const KINDS: readonly Kind[] = [
  { name: "\\n", most: BIG, isText: true, terminator: "\n" },
  { name: "\\r\\n", most: BIG, isText: true, terminator: "\r\n" },
  { name: "###END", most: BIG, isText: true, terminator: bytes("###END") },
  { name: "lines()", most: BIG, isText: true, terminator: lines() },
  { name: "anyOf()", most: BIG, isText: true, terminator: anyOf("\n", ";", "\r\n") },
  { name: "keep", most: BIG, isText: true, end: "\n", terminator: delimited("\n", { keep: true }) },
  { name: "count", most: BIG, isText: false, terminator: "length" },
  { name: "count of text", most: BIG, isText: true, terminator: "length" },
  { name: "1 byte", most: 255, isText: false, terminator: lengthPrefixed({ bytes: 1 }) },
  {
    name: "2 bytes",
    most: 65_535,
    isText: false,
    terminator: lengthPrefixed({ bytes: 2, littleEndian: true }),
  },
  { name: "4 bytes", most: BIG, isText: false, terminator: lengthPrefixed() },
  { name: "varint", most: BIG, isText: false, terminator: varintPrefixed() },
  { name: "netstring", most: BIG, isText: false, terminator: netstring() },
  {
    name: "headed",
    most: 65_535,
    isText: false,
    terminator: headed(2, ([high, low]) => 256 * high! + low!, {
      strip: true,
      header: (length) => Uint8Array.of(length >> 8, length % 256),
    }),
  },
  { name: "checksum", most: BIG, isText: false, terminator: summed },
];

const POOL = 8 * 1024 * 1024;
const pool = makePool();

/** Bytes of every value, and text with beginnings of all delimiters, but none of them. */
function makePool(): { readonly binary: Uint8Array; readonly text: string } {
  const random = new Random(1);
  const words = new Uint32Array(POOL / 4).map(() => random.below(2 ** 32));
  const alphabet = [..."abcdefghijklmnopqrstuvwxyz 0123456789", "é", "€", "\r", "##", "###E", "EN"];
  const block: string[] = [];
  for (let i = 0; i < 50_021; i++) block.push(random.pick(alphabet));
  return {
    binary: new Uint8Array(words.buffer),
    text: block.join("").repeat(Math.ceil(POOL / 50_021)),
  };
}

/** Sizes of messages, in bytes: small ones most of the time. */
function size(random: Random, isHeavy: boolean): number {
  if (isHeavy && random.chance(0.1)) return random.below(4 * 1024 * 1024);
  const most = random.pick([1, 10, 100, 100, 1000, 1000, 5000, 20_000, 150_000]);
  return random.below(most + 1);
}

/** What one end sends. */
export interface Script {
  readonly messages: readonly Message[];
  /** What follows them, up to the end of the stream, without any frames. */
  readonly tail: Uint8Array | undefined;
}

/** The framings of a conversation, one for each message. */
export function makeKinds(random: Random): number[] {
  const kinds: number[] = [];
  const count = random.pick([0, 1, 2, 5, 10, 20, 30]);
  while (kinds.length < count) {
    const kind = random.below(KINDS.length);
    for (let some = random.pick([1, 1, 2, 5, 10]); some > 0 && kinds.length < count; some--) {
      kinds.push(kind);
    }
  }
  return kinds;
}

export function makeScript(random: Random, kinds: readonly number[], isHeavy: boolean): Script {
  const messages = kinds.map((kind) => makeMessage(random, KINDS[kind]!, size(random, isHeavy)));
  if (!random.chance(0.1)) return { messages, tail: undefined };
  const start = random.below(1000);
  return { messages, tail: pool.binary.subarray(start, start + size(random, isHeavy)) };
}

function makeMessage(random: Random, kind: Kind, wanted: number): Message {
  const { name, isText, end = "" } = kind;
  const length = Math.min(wanted, kind.most);
  const start = random.below(POOL - length);
  const payload = isText
    ? pool.text.slice(start, start + length).replace(/\r+$/, "") + end
    : pool.binary.subarray(start, start + length);
  const encoded = isText ? bytes(payload as string) : payload as Uint8Array;
  const terminator = kind.terminator === "length" ? encoded.length : kind.terminator;
  return {
    name,
    terminator,
    payload,
    length: encoded.length,
    encode: () => encode(terminator, isText ? bytes(payload as string) : payload as Uint8Array),
  };
}

function encode(terminator: Exclude<Message["terminator"], null>, payload: Uint8Array): Uint8Array {
  if (typeof terminator === "number") return payload.slice();
  if (typeof terminator === "string") return concat([payload, bytes(terminator)]);
  if (terminator instanceof Uint8Array) return concat([payload, terminator]);
  return terminator.encode!(payload);
}
