// jsonLines(): each line is a JSON text.

import { toBytes } from "../common/bytes.ts";
import { describe, typeName } from "../common/checks.ts";
import { MalformedFrameError } from "../errors.ts";
import { MessageFraming } from "../framer/message_framing.ts";
import type { Framing } from "../framer/framing.ts";
import { lines } from "./lines.ts";

/**
 * Newline-delimited JSON: each line is a JSON text (RFC 8259) in UTF-8, and a message is its value.
 *
 * Used by: log shippers, Docker's and Kubernetes' event streams, language models' answers, bulk APIs, `jq -c`.
 *
 * A line that is not JSON, an empty one included, is a {@linkcode MalformedFrameError}, and the next line is read. `T` is
 * what you expect, and is not checked: what a peer sends is checked by a schema library, in a `codec()`. (`read()` cannot
 * tell the message `null` from the end of the stream; a loop can.)
 *
 * A value without a JSON text, such as `undefined`, a function, a `bigint` or a circle, is refused by `send()` with a
 * `TypeError`.
 *
 * @returns The framing. It sends each message as one line.
 *
 * @example
 * ```ts
 * import { Framer, jsonLines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: jsonLines<{ user: string }>() });
 * framer.push('{"user":"ada"}\n{"user":"bob"}\n');
 * for (const { user } of framer) console.log(user);
 * assertEquals(framer.encode({ user: "eve" }), new TextEncoder().encode('{"user":"eve"}\n'));
 * ```
 */
export function jsonLines<T>(): Framing<T> {
  return JSON_LINES as Framing<T>;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const JSON_LINES: Framing<unknown> = new MessageFraming<unknown>(lines(), {
  decode(frame) {
    let text: string;
    try {
      text = decoder.decode(frame);
    } catch (cause) {
      throw new MalformedFrameError("the line is not UTF-8, as JSON must be", {
        bytes: frame,
        cause,
      });
    }
    return parse(text);
  },
  decodeText: parse,
  encode(message) {
    let text: string | undefined;
    let problem = `${typeName(message)} has none`;
    try {
      text = JSON.stringify(message) as string | undefined;
    } catch (error) {
      problem = (error as Error).message;
    }
    if (text !== undefined) return toBytes("message", text);
    throw new TypeError(`a message must have a JSON text: ${problem}`);
  },
});

/** How much of a line an error message shows. */
const SHOWN = 40;

function parse(text: string): unknown {
  try {
    // RFC 8259, section 8.1: a byte order mark may be ignored.
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (cause) {
    const shown = describe(text.slice(0, SHOWN)) + (text.length > SHOWN ? "..." : "");
    throw new MalformedFrameError(`the line is not JSON: ${shown}: ${(cause as Error).message}`, {
      bytes: toBytes("line", text),
      cause,
    });
  }
}
