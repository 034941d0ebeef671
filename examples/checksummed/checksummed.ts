import { Buffer } from "node:buffer";
import crc16 from "crc/crc16ccitt";
import crc32 from "crc/crc32";
import {
  type Codec,
  FrameInjectionError,
  type FrameLayout,
  MalformedFrameError,
  type Portion,
} from "../../mod.ts";

/** The longest payload: its length has 16 bits. */
export const LONGEST_PAYLOAD: number = 0xffff;
const HEADER = 4;
const TRAILER = 4;

/**
 * A framing for lines that damage what they carry: a radio, a serial cable. A damaged frame is passed over, and the next one is read.
 *
 * ```text
 *        header (4)                                      trailer (4)
 *   ┌────────┬─────────────┬───────────────────────────┬──────────────────────────┐
 *   │ length │ CRC-16      │ payload                   │ CRC-32 of header         │
 *   │ 2      │ of length 2 │ length                    │ and payload              │
 *   └────────┴─────────────┴───────────────────────────┴──────────────────────────┘      numbers are big-endian
 *
 *              ┌── no: one byte on, "lost" ──┐
 *              ▼                             │
 *   4 bytes ──▶ is that CRC-16 right? ───────┘
 *                   │ yes
 *                   ▼
 *              length bytes, 4 bytes ──▶ is that CRC-32 right? ──no──▶ MalformedFrameError, and the next frame is read
 *                                            │ yes
 *                                            ▼
 *                                          a frame
 * ```
 *
 * A length that is damaged would put all that follows out of step: that is what its own CRC is for (CRC-16/CCITT-FALSE: it finds
 * every change of up to 16 bits in a row). The search for the next header may take a place in the payload for one, once in 65,536
 * places; the CRC-32 (IEEE 802.3) of what is then read is wrong as well, and frames in it are lost, too.
 *
 * Bytes that are lost from a payload are taken from what follows it: the frames in which these lie are lost with this one, and the
 * search goes on behind them.
 *
 * @param onLost Is told how many bytes were passed over in search of a header.
 */
export function checksummed(onLost: (bytes: number) => void = () => {}): Codec {
  return new Checksummed(onLost);
}

class Checksummed implements Codec {
  readonly #onLost: (bytes: number) => void;

  constructor(onLost: (bytes: number) => void) {
    this.#onLost = onLost;
  }

  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    let header = Uint8Array.from(yield HEADER);
    let lost = 0;
    for (; !isHeader(header); lost++) {
      const [next] = yield 1;
      header = Uint8Array.of(...header.subarray(1), next!);
    }
    if (lost > 0) this.#onLost(lost);
    return {
      length: view(header).getUint16(0),
      trailer: TRAILER,
      check(payload, trailer) {
        if (view(trailer).getUint32(0) === checksum(header, payload)) return;
        throw new MalformedFrameError(
          `the checksum of a frame of ${payload.length} bytes is wrong`,
        );
      },
    };
  }

  encode(payload: Uint8Array | string): Uint8Array {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    if (bytes.length > LONGEST_PAYLOAD) {
      throw new FrameInjectionError(
        `a payload must be at most ${LONGEST_PAYLOAD} bytes long, not ${bytes.length}`,
      );
    }
    const frame = new Uint8Array(HEADER + bytes.length + TRAILER);
    view(frame).setUint16(0, bytes.length);
    view(frame).setUint16(2, crc16(asBuffer(frame.subarray(0, 2))));
    frame.set(bytes, HEADER);
    view(frame).setUint32(HEADER + bytes.length, checksum(frame.subarray(0, HEADER), bytes));
    return frame;
  }
}

function isHeader(header: Uint8Array): boolean {
  return view(header).getUint16(2) === crc16(asBuffer(header.subarray(0, 2)));
}

function checksum(header: Uint8Array, payload: Uint8Array): number {
  return crc32(asBuffer(payload), crc32(asBuffer(header))) >>> 0;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
