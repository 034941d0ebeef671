// fromStreams(): web streams.

import { typeName } from "../common/checks.ts";
import type { Connection } from "./connection.ts";
import { duplex } from "./duplex.ts";
import {
  checkUnlocked,
  type ReadableStreamLike,
  WebSink,
  WebSource,
  type WritableStreamLike,
} from "./web_halves.ts";

/** A pair of web streams, as many transports have it: a Cloudflare `Socket`, a stream of WebTransport. */
export interface StreamsLike {
  /** Where bytes are read. Without it, or if it is `null`, as the body of some responses is, reading ends at once. */
  readonly readable?: ReadableStreamLike | null | undefined;
  /** Where bytes are written. Without it nothing can be. */
  readonly writable?: WritableStreamLike | null | undefined;
  /** Rejects when the transport could not be opened, of one that says so: reads reject with that. */
  readonly opened?: PromiseLike<unknown> | undefined;
  /** Closes both, of a transport that has it. It is called when the connection is closed, or both directions have ended. */
  close?(): unknown;
  /** Settles, in whatever way, when the transport is gone, of one that says so. */
  readonly closed?: PromiseLike<unknown> | undefined;
}

/**
 * A connection over web streams of bytes, which it takes over: both are locked while it lasts. Either may be missing:
 * the body of a response can only be read. Give the transport's object itself where it has both, and its own `opened`,
 * `close()` and `closed` are used as well.
 *
 * `detach()` of a chat unlocks both, so that something else can have them, such as `startTls()` of a Cloudflare `Socket`.
 * The connection that it returns locks a stream again when you use it. (While a read waits, the readable stays locked.)
 *
 * `close()` cancels the readable and aborts the writable. What a web stream had buffered is lost when it fails: it is
 * the streams that drop it.
 *
 * @param streams What has a readable, a writable, or both. Nobody else reads from them or writes to them.
 * @returns The connection.
 * @throws {TypeError} If there is neither a readable nor a writable, or one of them is none, or is locked.
 *
 * @example
 * ```ts
 * import { Chat, fromStreams, lines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const response = await fetch("data:text/plain,one%0Atwo%0A");
 * const chat = new Chat(fromStreams({ readable: response.body }), { terminator: lines(), encoding: "utf-8" });
 * const found: string[] = [];
 * for await (const line of chat) found.push(line);
 * assertEquals(found, ["one", "two"]);
 * ```
 */
export function fromStreams(streams: StreamsLike): Connection {
  const { readable, writable } = streams ?? {};
  if (readable === undefined && writable === undefined) {
    throw new TypeError(
      `fromStreams() needs a readable or a writable, as in { readable: response.body }, and found neither in: ${
        typeName(streams)
      }`,
    );
  }
  check("readable", "a ReadableStream", readable, "getReader");
  check("writable", "a WritableStream", writable, "getWriter");
  return duplex(
    readable ? new WebSource("the readable", readable, streams.opened) : undefined,
    writable ? new WebSink("the writable", writable) : undefined,
    { release: () => streams.close?.(), closed: streams.closed ?? undefined },
  );
}

/** Nothing is locked before both are known to be in order. */
function check(
  name: string,
  expected: string,
  stream: { readonly locked: boolean } | null | undefined,
  method: string,
): void {
  if (stream === null || stream === undefined) return;
  if (typeof (stream as unknown as Record<string, unknown>)[method] !== "function") {
    throw new TypeError(`${name} must be ${expected}, not ${typeName(stream)}`);
  }
  checkUnlocked(name, stream);
}
