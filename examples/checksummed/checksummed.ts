import { Buffer } from "node:buffer";
import crc16 from "crc/crc16ccitt";
import crc32 from "crc/crc32";
import {
  type Codec,
  FrameInjectionError,
  IncompleteFrameError,
  MalformedFrameError,
} from "../../mod.ts";

/** The longest payload: its length has 16 bits. */
export const LONGEST_PAYLOAD: number = 0xffff;
const HEADER = 4;
const TRAILER = 4;
/** How far a header is searched for beyond the length of a frame. */
const MORE = 1000;

export interface ChecksummedOptions {
  /** The longest payload, in bytes; `maxFrameLength` must be as much. What announces more is no header. Default: 65,535. */
  readonly longest?: number;
  /** Is told how many bytes were passed over in search of a header. */
  readonly onLost?: (bytes: number) => void;
}

/**
 * A framing for lines that damage what they carry: a radio, a serial cable. A damaged frame throws a `MalformedFrameError`, and no
 * frame behind it is lost.
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
 *              length bytes, 4 bytes ──▶ is that CRC-32 right? ──yes──▶ a frame
 *                   │                        │ no
 *                   │ the stream ends        ▼
 *                   └─────────────────▶ MalformedFrameError, and the search goes on one byte behind that header
 * ```
 *
 * A damaged length would put all that follows out of step: that is what its own CRC is for (CRC-16/CCITT-FALSE: it finds every
 * change of up to 16 bits in a row). The search for the next header may take a place in a payload for one, once in 65,536 places.
 * The CRC-32 (IEEE 802.3) of what is then read is wrong as well, and the search goes on from there: that costs time, and no frame.
 */
export function checksummed(
  { longest = LONGEST_PAYLOAD, onLost = () => {} }: ChecksummedOptions = {},
): Codec {
  return {
    *decode() {
      let header = view(yield HEADER).getUint32(0);
      let lost = 0;
      for (; !isHeader(header, longest); lost++) {
        if (lost === longest + MORE) {
          onLost(lost);
          throw new MalformedFrameError(`${lost} bytes have no header`, { skip: lost });
        }
        const [next] = yield 1;
        header = (header << 8 | next!) >>> 0;
      }
      if (lost > 0) onLost(lost);
      const length = header >>> 16;
      const skip = lost + 1;
      try {
        const payload = yield length;
        const trailer = view(yield TRAILER).getUint32(0);
        if (trailer === checksum(header, payload)) return payload;
      } catch (cause) {
        if (!(cause instanceof IncompleteFrameError)) throw cause;
        const message = `the stream ends in a frame of ${length} bytes`;
        throw new MalformedFrameError(message, { skip, cause });
      }
      throw new MalformedFrameError(`the checksum of a frame of ${length} bytes is wrong`, {
        skip,
      });
    },

    encode(payload: Uint8Array | string) {
      const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
      if (bytes.length > longest) {
        throw new FrameInjectionError(
          `a payload must be at most ${longest} bytes long, not ${bytes.length}`,
        );
      }
      const header = (bytes.length << 16 | crcOf(bytes.length)) >>> 0;
      const frame = new Uint8Array(HEADER + bytes.length + TRAILER);
      view(frame).setUint32(0, header);
      frame.set(bytes, HEADER);
      view(frame).setUint32(HEADER + bytes.length, checksum(header, bytes));
      return frame;
    },
  };
}

function isHeader(header: number, longest: number): boolean {
  const length = header >>> 16;
  return length <= longest && (header & 0xffff) === crcOf(length);
}

function crcOf(length: number): number {
  return crc16(Buffer.of(length >>> 8, length & 0xff));
}

function checksum(header: number, payload: Uint8Array): number {
  const before = Buffer.alloc(HEADER);
  before.writeUInt32BE(header);
  const { buffer, byteOffset, byteLength } = payload;
  return crc32(Buffer.from(buffer, byteOffset, byteLength), crc32(before)) >>> 0;
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
