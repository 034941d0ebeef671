// From a payload to a frame: the other direction.

import { toBytes } from "../common/bytes.ts";
import { nameOf } from "../common/checks.ts";
import { FrameInjectionError, FramingError, UnsupportedError } from "../errors.ts";
import type { Rule } from "../terminator.ts";

/**
 * What is to be sent so that the peer, which reads by the rule, gets the payload as one frame.
 * @throws {FrameInjectionError} If there is nothing that it would read so.
 * @throws {UnsupportedError} If the rule is a framing that cannot encode.
 * @throws {FramingError} If it is one whose `encode()` gives no bytes.
 * @throws {TypeError} If the payload is neither a string nor bytes.
 */
export function encodeFrame(rule: Rule, payload: Uint8Array | string): Uint8Array {
  const bytes = toBytes("payload", payload);
  if (rule === null) return bytes;
  if (typeof rule === "number") {
    if (bytes.length === rule) return bytes;
    throw new FrameInjectionError(
      `a payload of ${bytes.length} bytes is no frame: the terminator is a count of ${rule}: send as many, or push() it`,
    );
  }
  if (rule.encode !== undefined) return checkFrame(rule.encode(bytes));
  throw new UnsupportedError(
    "this framing has no encode(): add one, or push() what the peer will read",
  );
}

function checkFrame(frame: unknown): Uint8Array {
  if (frame instanceof Uint8Array) return frame;
  throw new FramingError(`encode() must return a Uint8Array, not ${nameOf(frame)}`);
}
