import { concat, toBytes } from "./bytes.ts";
import { FrameInjectionError, UnsupportedError } from "./errors.ts";
import type { FrameLayout, Framing, Portion } from "./framing.ts";

/*
 * How datagrams pass through a connection, which carries bytes and knows no boundaries: each with a mark and its length before
 * it, on its way between the transport and the chat, and never on the wire.
 *
 *      network ── datagram ──▶ transport ──▶ [ "\0udp" | "00008:" | datagram ] ──▶ chat
 *      network ◀── datagram ── transport ◀── [ "\0udp" | "00008:" | datagram ] ◀── send()
 *
 * So an empty datagram is a frame, and those that are sent together are written together, and go out one by one. The mark
 * tells a datagram from what was pushed past send(). Both are text, so that tap() shows text as such.
 */
const MARK = toBytes("mark", "\0udp");
const DIGITS = 5;
const HEADER = MARK.length + DIGITS + 1;

/** The most that a datagram of UDP over IPv4 carries. (Over IPv6 it may be 20 bytes more, which are read, and not sent.) */
const LONGEST_DATAGRAM = 65_507;

/** The framing of a chat whose frames are datagrams. */
export const DATAGRAMS: Framing = {
  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    const header = yield HEADER;
    return { length: lengthIn(header) };
  },
  encode(payload: Uint8Array): Uint8Array {
    if (payload.length > LONGEST_DATAGRAM) {
      throw new FrameInjectionError(
        `a datagram has at most ${LONGEST_DATAGRAM} bytes, and the payload ${payload.length}`,
      );
    }
    return frameDatagram(payload);
  },
};

/** A datagram with its mark and its length before it. */
export function frameDatagram(datagram: Uint8Array): Uint8Array {
  const length = `${datagram.length}:`.padStart(DIGITS + 1, "0");
  return concat(MARK, toBytes("length", length), datagram);
}

/** Takes what a chat writes apart into datagrams, however it is cut. */
export class DatagramSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * The datagrams that are whole with these bytes.
   * @throws {UnsupportedError} If they are none: something was pushed, and not sent.
   */
  *split(bytes: Uint8Array): Generator<Uint8Array> {
    let rest = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    while (rest.length > 0) {
      if (MARK.some((byte, i) => i < rest.length && rest[i] !== byte)) {
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

function lengthIn(header: Uint8Array): number {
  const digits = header.subarray(MARK.length, MARK.length + DIGITS);
  return digits.reduce((length, digit) => 10 * length + digit - 0x30, 0);
}
