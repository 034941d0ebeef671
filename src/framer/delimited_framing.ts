// DelimitedFraming: the framing that the framer itself knows. It searches for the delimiters, and asks nobody.

import { concat, copyOf, describeBytes, indexOfByte, toBytes } from "../common/bytes.ts";
import { checkBoolean, checkOptions, typeName } from "../common/checks.ts";
import { FrameInjectionError } from "../errors.ts";
import type { DelimitedCodec, Portion } from "../framing.ts";
import { ReceiveBuffer } from "../receive_buffer.ts";
import { ChunkFraming } from "./chunk_framing.ts";
import { Delimiters } from "./delimiters.ts";

/** What {@linkcode delimited}, {@linkcode anyOf} and {@linkcode lines} take. */
export interface DelimitedOptions {
  /** Whether the delimiter that ended the frame is handed out at its end. Default: `false`. */
  keep?: boolean | undefined;
}

export class DelimitedFraming extends ChunkFraming implements DelimitedCodec {
  readonly delimiters: Delimiters;
  /** Whether frames are handed out with their delimiter. */
  readonly keep: boolean;

  /** @param delimiters At least one; the first is the one to send. */
  constructor(delimiters: readonly (string | Uint8Array)[], options: DelimitedOptions) {
    super();
    const { keep = false } = checkOptions(options);
    this.delimiters = new Delimiters(delimiters.map(checkDelimiter));
    this.keep = checkBoolean("keep", keep);
  }

  /** One byte tells where the frame ends: the last one of the delimiters, if they have the same. */
  cutFromChunk(buffer: ReceiveBuffer, limit: number): Uint8Array | undefined {
    const chunk = buffer.fresh;
    const { delimiters } = this;
    const { last } = delimiters;
    if (chunk === undefined || last < 0) return undefined;
    const start = buffer.freshStart;
    for (
      let end = indexOfByte(chunk, last, start);
      end >= 0;
      end = indexOfByte(chunk, last, end + 1)
    ) {
      const length = delimiters.lengthBefore(chunk, start, end);
      if (length === 0) continue;
      const next = end + 1;
      if (next - length - start > limit) return undefined;
      buffer.skipFresh(next - start);
      return chunk.subarray(start, this.keep ? next : next - length);
    }
    buffer.noteNoneInFresh(delimiters);
    return undefined;
  }

  *decode(): Generator<Portion, Uint8Array, Uint8Array> {
    return yield this;
  }

  encode(payload: Uint8Array | string): Uint8Array {
    const bytes = toBytes("payload", payload);
    return this.keep ? this.#encodeKept(bytes) : this.#encode(bytes);
  }

  #encode(payload: Uint8Array): Uint8Array {
    const delimiter = this.delimiters.patterns[0]!;
    this.#checkPayload(payload, delimiter);
    this.#checkContinuation(payload, delimiter);
    return concat(payload, delimiter);
  }

  /** No delimiter may begin in the payload, also none that ends in what is sent after it. */
  #checkPayload(payload: Uint8Array, delimiter: Uint8Array): void {
    const { depth, matched } = this.delimiters;
    let [state, end] = [0, 0];
    const follow = (byte: number): void => {
      state = this.delimiters.step(state, byte);
      end++;
      const begin = end - matched[state]!;
      if (begin < Math.min(end, payload.length)) throw injection(payload, begin);
    };
    payload.forEach(follow);
    delimiter.forEach(follow);
    const begin = end - depth[state]!;
    if (begin < payload.length) throw injection(payload, begin);
  }

  /** The delimiter of the frame before must not become a longer one by what follows it. */
  #checkContinuation(payload: Uint8Array, delimiter: Uint8Array): void {
    const { depth, matched, longest } = this.delimiters;
    let [state, end] = [0, 0];
    for (const byte of concat(delimiter, payload.subarray(0, longest), delimiter)) {
      state = this.delimiters.step(state, byte);
      if (depth[state] !== ++end) return;
      if (end > delimiter.length && matched[state] === end) throw injection(payload, 0);
    }
    throw injection(payload, 0);
  }

  #encodeKept(payload: Uint8Array): Uint8Array {
    const buffer = new ReceiveBuffer();
    buffer.append(payload);
    const length = buffer.find(this.delimiters, false);
    if (length < 0) {
      throw new FrameInjectionError(
        `the payload ${describeBytes(payload)} must end with its delimiter, as keep is set, ` +
          "and with one that nothing makes longer",
      );
    }
    if (length + buffer.delimiterLength !== payload.length) throw injection(payload, length);
    return copyOf(payload);
  }
}

function injection(payload: Uint8Array, at: number): FrameInjectionError {
  return new FrameInjectionError(
    `the payload ${describeBytes(payload)} would be read as more than one frame, or as another: ` +
      `with what is sent around it, it forms a delimiter at byte ${at}; escape it, or use a framing that says a length`,
  );
}

function checkDelimiter(delimiter: string | Uint8Array): Uint8Array {
  const bytes = toBytes("a delimiter", delimiter);
  if (bytes.length > 0) return bytes;
  throw new TypeError(
    `a delimiter must be at least one byte long, not an empty ${typeName(delimiter)}`,
  );
}
