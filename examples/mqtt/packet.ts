/**
 * The packets of MQTT 3.1.1 (OASIS Standard, 29 October 2014; the sections below are its sections).
 *
 * ```text
 *   ┌──────────────┬──────────────────────────┬──────────────────────────────┐
 *   │ type │ flags │ how many bytes follow    │ what the type has            │
 *   │ 4    │ 4 bits│ 1 to 4 bytes, of 7 bits  │                              │
 *   └──────────────┴──────────────────────────┴──────────────────────────────┘
 *   30             0b                          00 03 a/b hello                   PUBLISH "hello" to "a/b"
 * ```
 */
import { type Codec, headed, MalformedFrameError } from "../../mod.ts";

/** How surely a message arrives: once at most, or once at least. Exactly once (2) is not spoken here. */
export type QoS = 0 | 1;

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  /** Whether the server keeps it for later subscribers, or has kept it for this one. */
  readonly retain: boolean;
}

/** What a server says to a client. */
export type Packet =
  | { readonly type: "CONNACK"; readonly sessionPresent: boolean; readonly code: number }
  | {
    readonly type: "PUBLISH";
    readonly message: Message;
    readonly id: number;
    readonly dup: boolean;
  }
  | { readonly type: "PUBACK" | "UNSUBACK"; readonly id: number }
  | { readonly type: "SUBACK"; readonly id: number; readonly codes: readonly number[] }
  | { readonly type: "PINGRESP" };

/** A framing whose frames are whole packets (section 2.2). */
export const packets: Codec = headed(
  (header) => {
    if (header.length < 2) return 2;
    const goesOn = header.at(-1)! >= 0x80;
    if (goesOn && header.length === 5) throw malformed("a length has more than 4 bytes");
    return goesOn ? header.length + 1 : header.length;
  },
  (header) => header.subarray(1).reduceRight((length, byte) => 128 * length + (byte & 0x7f), 0),
);

/**
 * Reads a packet of a server.
 * @throws {MalformedFrameError} If it is none: the connection must be closed then (section 4.8).
 */
export function parsePacket(frame: Uint8Array): Packet {
  const [type, flags] = [frame[0]! >> 4, frame[0]! & 0xf];
  const headerLength = frame.findIndex((byte, at) => at > 0 && byte < 0x80) + 1;
  const reader = new Reader(frame.subarray(headerLength));
  if (type === PUBLISH) return parsePublish(reader, flags);
  if (flags !== 0) throw malformed(`type ${type} has the flags ${flags}`);
  switch (type) {
    case CONNACK: {
      const [acknowledged, code] = [reader.byte(), reader.byte()];
      reader.end();
      if (acknowledged > 1) throw malformed(`CONNACK has the flags ${acknowledged}`);
      return { type: "CONNACK", sessionPresent: acknowledged === 1, code };
    }
    case PUBACK:
    case UNSUBACK: {
      const id = reader.id();
      reader.end();
      return { type: type === PUBACK ? "PUBACK" : "UNSUBACK", id };
    }
    case SUBACK: {
      const id = reader.id();
      const codes = [...reader.rest()];
      if (codes.length === 0 || codes.some((code) => code > 2 && code !== 0x80)) {
        throw malformed(`SUBACK has the codes ${codes}`);
      }
      return { type: "SUBACK", id, codes };
    }
    case PINGRESP:
      reader.end();
      return { type: "PINGRESP" };
    default:
      throw malformed(`a server sends no packet of type ${type}`);
  }
}

const [CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP] = [2, 3, 4, 9, 11, 13];

/** Section 3.3 */
function parsePublish(reader: Reader, flags: number): Packet {
  const qos = (flags >> 1) & 3;
  if (qos > 1) {
    throw malformed(`a message has the quality of service ${qos}, which nobody has asked for`);
  }
  const topic = reader.text();
  if (!isTopic(topic)) throw malformed(`a message has the topic ${JSON.stringify(topic)}`);
  const id = qos > 0 ? reader.id() : 0;
  const message = { topic, payload: reader.rest(), qos: qos as QoS, retain: (flags & 1) === 1 };
  return { type: "PUBLISH", message, id, dup: (flags & 8) !== 0 };
}

/** What a client says of itself (section 3.1). */
export interface Connect {
  readonly clientId: string;
  /** In seconds; 0 turns it off. */
  readonly keepAlive: number;
  readonly will?: Message | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export function encodeConnect(
  { clientId, keepAlive, will, username, password }: Connect,
): Uint8Array {
  if (!Number.isInteger(keepAlive) || keepAlive < 0 || keepAlive > 0xffff) {
    throw new RangeError(`keepAlive must be 0 to 65535 seconds, not ${keepAlive}`);
  }
  if (password !== undefined && username === undefined) {
    throw new RangeError("a password needs a username");
  }
  if (will !== undefined) checkTopic(will.topic);
  const cleanSession = 2;
  const flags = cleanSession |
    (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 32 : 0)) |
    (username === undefined ? 0 : 128) | (password === undefined ? 0 : 64);
  return encode(0x10, [
    ...field("MQTT"),
    [4, flags],
    uint16(keepAlive),
    ...field(clientId),
    ...will === undefined ? [] : [...field(will.topic), ...field(will.payload)],
    ...username === undefined ? [] : field(username),
    ...password === undefined ? [] : field(password),
  ]);
}

/** @param id Of a message that is to be acknowledged. */
export function encodePublish({ topic, payload, qos, retain }: Message, id: number): Uint8Array {
  checkTopic(topic);
  return encode(0x30 | (qos << 1) | (retain ? 1 : 0), [
    ...field(topic),
    qos === 0 ? [] : uint16(id),
    payload,
  ]);
}

export function encodePuback(id: number): Uint8Array {
  return encode(0x40, [uint16(id)]);
}

export function encodeSubscribe(id: number, filter: string, qos: QoS): Uint8Array {
  checkFilter(filter);
  return encode(0x82, [uint16(id), ...field(filter), [qos]]);
}

export function encodeUnsubscribe(id: number, filter: string): Uint8Array {
  checkFilter(filter);
  return encode(0xa2, [uint16(id), ...field(filter)]);
}

export const PINGREQ: Uint8Array = Uint8Array.of(0xc0, 0);
export const DISCONNECT: Uint8Array = Uint8Array.of(0xe0, 0);

/**
 * Checks the name of a topic (section 4.7).
 * @throws {RangeError} If it is none.
 */
function checkTopic(topic: string): void {
  if (!isTopic(topic)) {
    throw new RangeError(
      `a topic must be text without "+", "#" and "\\0", not ${JSON.stringify(topic)}`,
    );
  }
}

function isTopic(topic: string): boolean {
  return /^[^+#\0]+$/.test(topic);
}

/** `+` stands for one level, and `#` at the end for all that follow. */
function checkFilter(filter: string): void {
  if (/^(([^+#/\0]*|\+)\/)*([^+#/\0]*|\+|#)$/.test(filter) && filter !== "") return;
  throw new RangeError(
    `a filter must be levels with "/" between, any "+" and the last "#" alone in theirs, not ${
      JSON.stringify(filter)
    }`,
  );
}

/** The largest packet (section 2.2.3), without its header. */
const LARGEST = 268_435_455;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function encode(first: number, parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > LARGEST) {
    throw new RangeError(`a packet must be at most ${LARGEST} bytes long, not ${length}`);
  }
  const header = [first];
  let rest = length;
  do {
    header.push(rest > 127 ? 0x80 | (rest % 128) : rest);
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  const packet = new Uint8Array(header.length + length);
  packet.set(header);
  let at = header.length;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}

function uint16(number: number): readonly number[] {
  return [number >> 8, number & 0xff];
}

/** Text or bytes, behind their length (section 1.5.3). */
function field(data: string | Uint8Array): (Uint8Array | readonly number[])[] {
  const bytes = typeof data === "string" ? encoder.encode(data) : data;
  if (bytes.length > 0xffff) {
    throw new RangeError(`a field must be at most 65535 bytes long, not ${bytes.length}`);
  }
  return [uint16(bytes.length), bytes];
}

/** Reads what stands in a packet, from its beginning to its end. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw malformed("a packet is too short");
    return this.#bytes[this.#at++]!;
  }

  uint16(): number {
    return 256 * this.byte() + this.byte();
  }

  id(): number {
    const id = this.uint16();
    if (id === 0) throw malformed("a packet has the number 0");
    return id;
  }

  text(): string {
    const end = this.uint16() + this.#at;
    if (end > this.#bytes.length) throw malformed("a packet is too short");
    try {
      return decoder.decode(this.#bytes.subarray(this.#at, this.#at = end));
    } catch {
      throw malformed("a text is no UTF-8");
    }
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#at = this.#bytes.length);
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw malformed("a packet is too long");
  }
}

const malformed = (message: string): MalformedFrameError => new MalformedFrameError(message);
