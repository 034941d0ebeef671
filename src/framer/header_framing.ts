// Framings that need no generator: a look at the beginning of the frame tells where it lies.

import type { Data } from "../common/bytes.ts";
import { Found } from "./found.ts";
import type { Rejected } from "./frame_in_transit.ts";
import { type Codec, type FrameLayout, HEADER, type Portion } from "./framing.ts";

/** A framing that tells from the beginning of a frame, where that lies, how long it is: no generator is asked. */
export abstract class HeaderFraming implements Codec {
  readonly kind: typeof HEADER = HEADER;
  /**
   * @param bytes Where the frame begins at `start`.
   * @param found Is told where the frame lies, and returned then.
   * @returns Where the frame lies, or why it is none; or how many bytes must be here, from the start, before more can be said.
   */
  abstract locate(bytes: Uint8Array, start: number, found: Found): Found | Rejected | number;

  abstract encode(payload: Data): Uint8Array;

  /** The same for a framing that hands on to this one with `yield*`. */
  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    let header: Uint8Array = new Uint8Array(0);
    const place = new Found();
    for (;;) {
      const found = this.locate(header, 0, place);
      if (typeof found !== "number") {
        if (found.kind === "rejected") throw found.error;
        // The framing that hands on may have read before: then the header ends later.
        const skip = found.skip === header.length ? undefined : found.skip;
        return { skip, length: found.length, trailer: found.trailer ?? found.after };
      }
      const more = yield found - header.length;
      const longer = new Uint8Array(found);
      longer.set(header);
      longer.set(more, header.length);
      header = longer;
    }
  }
}
