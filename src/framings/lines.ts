// lines(): frames that are lines.

import { readyRule } from "../framer/delimited.ts";
import type { DelimitedCodec } from "../framer/framing.ts";

/**
 * Lines: each ends with `"\n"`, and a `"\r"` right before it belongs to the line end, not to the line.
 *
 * The last line of a file may lack its end. A chat takes that for a frame that was broken off, unless `lines({ orEnd: true })`,
 * or the chat's option `incomplete: "yield"`, says that it is a line like the others.
 *
 * The line end is gone with the line: where what follows ends with a delimiter that begins with a line end, such as
 * SMTP's `"\r\n.\r\n"`, it may be empty, and then that delimiter never comes. Read lines up to `"."` instead, as the
 * example of {@linkcode Framing} does.
 *
 * Used by: SMTP, IMAP, POP3, FTP, IRC, HTTP headers, Redis' inline commands, log files, newline-delimited JSON.
 *
 * @param options Whether to keep the line ends, and whether the end of the stream ends a line, too.
 * @returns The framing. It encodes a line by adding `"\n"`: use `delimited("\r\n")` to send those line ends.
 *
 * @example
 * ```ts
 * import { Framer, lines } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new Framer({ terminator: lines({ orEnd: true }), encoding: "utf-8" });
 * framer.push(new TextEncoder().encode("one\r\ntwo\n\nfour"));
 * framer.end();
 * assertEquals([...framer], ["one", "two", "", "four"]);
 * ```
 */
export function lines(
  options: { keep?: boolean | undefined; orEnd?: boolean | undefined } = {},
): DelimitedCodec {
  return readyRule(LINE_ENDS, options);
}

const LINE_ENDS = ["\n", "\r\n"];
