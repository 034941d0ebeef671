// datagrams(): each datagram of UDP is a frame.

import { concat, type Data, describeBytes, toBytes } from "../common/bytes.ts";
import { FrameInjectionError, MalformedFrameError, UnsupportedError } from "../errors.ts";
import type { Codec, FrameLayout, Portion } from "../framer/framing.ts";

/*
 * A connection carries bytes, and knows no boundaries. So datagrams have a mark and their length before them on their way between
 * the transport and the chat, and never on the wire:
 *
 *      network ── datagram ──▶ transport ──▶ [ "\0udp" | "00008:" | datagram ] ──▶ chat
 *      network ◀── datagram ── transport ◀── [ "\0udp" | "00008:" | datagram ] ◀── send()
 *
 * An empty datagram is a frame, and those that are sent together are written together, and go out one by one. The mark
 * tells a datagram from what was pushed as it is. Both are text, so that tap() shows text as such.
 */
const MARK = "\0udp";
const DIGITS = 5;
/** The header of an empty datagram. */
const EMPTY = `${MARK}${"0".repeat(DIGITS)}:`;
const HEADER = EMPTY.length;

/** The most that a datagram of UDP over IPv4 carries. (Over IPv6 it may be 20 bytes more, which are read, and not sent.) */
const LONGEST_DATAGRAM = 65_507;

/**
 * Frames that are datagrams: the `terminator` of a chat over UDP, and of no other.
 *
 * Between the chat and its connection each has a mark and its length before it, 10 bytes, which `tap()` shows and
 * `stats` count, and which are not sent.
 *
 * @returns The framing. It encodes a payload of 65,507 bytes at most.
 *
 * @example
 * ```ts
 * import { connect, datagrams, serve } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const udp = { transport: "udp", terminator: datagrams(), encoding: "utf-8" } as const;
 * const server = await serve({ port: 0, ...udp }, async (chat) => {
 *   for await (const datagram of chat) await chat.send(datagram.toUpperCase());
 * });
 * const client = await connect({ port: server.address.port, ...udp });
 * await client.send("hello");
 * assertEquals(await client.read(), "HELLO");
 * await client.closeWhenDone();
 * await server.shutdown({ grace: 0 });
 * ```
 */
export function datagrams(): Codec {
  return DATAGRAMS;
}

const DATAGRAMS: Codec = {
  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    const header = yield HEADER;
    if (isMarked(header)) return { length: lengthIn(header) };
    throw new MalformedFrameError(
      `datagrams() is for UDP: no datagram begins with ${describeBytes(header)}`,
      { bytes: header },
    );
  },
  encode(payload: Data): Uint8Array {
    const datagram = toBytes("payload", payload);
    if (datagram.length <= LONGEST_DATAGRAM) return markDatagram(datagram);
    throw new FrameInjectionError(
      `a datagram has at most ${LONGEST_DATAGRAM} bytes, and the payload ${datagram.length}: send it in parts`,
    );
  },
};

/** A datagram that was received, with its mark and its length before it. */
export function markDatagram(datagram: Uint8Array): Uint8Array {
  const digits = String(datagram.length).padStart(DIGITS, "0");
  return concat(toBytes("header", `${MARK}${digits}:`), datagram);
}

/** Takes what a chat writes apart into datagrams, however it is cut. */
export class DatagramSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * The datagrams that are whole with these bytes.
   * @throws {UnsupportedError} If they are none: something was pushed as it is.
   */
  *split(bytes: Uint8Array): Generator<Uint8Array> {
    let rest = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    while (rest.length > 0) {
      if (!isMarked(rest)) {
        throw new UnsupportedError(
          "over UDP push() does not say where a datagram ends: send() makes one of each payload",
        );
      }
      const end = rest.length < HEADER ? Infinity : HEADER + lengthIn(rest);
      if (rest.length < end) break;
      yield rest.subarray(HEADER, end);
      rest = rest.subarray(end);
    }
    this.#rest = rest.slice();
  }
}

/** Whether the bytes begin with a mark and a length, or with a part of them if they are few. */
function isMarked(bytes: Uint8Array): boolean {
  const header = textOf(bytes.subarray(0, HEADER));
  return /^\0udp\d{5}:$/.test(header + EMPTY.slice(header.length));
}

function lengthIn(header: Uint8Array): number {
  return Number(textOf(header.subarray(MARK.length, MARK.length + DIGITS)));
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
