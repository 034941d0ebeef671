/** The limits that SECURITY.md names are those that the source has: what each does is tested where it is kept. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { readTable } from "./support/tables.ts";

/** Where the numbers of a limit stand, in the order in which they are named. */
const SOURCES: Readonly<Record<string, readonly { file: string; name: string }[]>> = {
  "maxFrameLength": [{ file: "framer.ts", name: "DEFAULT_MAX_FRAME_LENGTH" }],
  "a framing's header": [{ file: "framing.ts", name: "LONGEST_HEADER" }],
  "highWaterMark": [{ file: "send_queue.ts", name: "highWaterMark" }],
  "maxQueuedBytes": [{ file: "send_queue.ts", name: "maxQueuedBytes" }],
  "idleTimeout": [{ file: "chat.ts", name: "idleTimeout" }],
  "read(..., { timeout })": [{ file: "read_queue.ts", name: "timeout" }],
  "maxConnections of serve()": [{ file: "serve.ts", name: "maxConnections" }],
  "tls.handshakeTimeout": [{ file: "tls/tls_settings.ts", name: "DEFAULT_TIMEOUT" }],
  "TLS handshakes under way at a time": [{ file: "tls/tls_listener.ts", name: "MOST_HANDSHAKES" }],
  "reading the peer out, in closeWhenDone()": [
    { file: "chat/read_out.ts", name: "LONGEST" },
    { file: "chat/read_out.ts", name: "LONGEST_SILENCE" },
  ],
  "shutdown({ grace })": [{ file: "serve.ts", name: "DEFAULT_GRACE" }],
  "maxBufferedBytes of a WebSocket": [{ file: "adapters/websocket.ts", name: "maxBufferedBytes" }],
  "what waits of one sender of UDP": [{ file: "adapters/udp.ts", name: "CAPACITY" }],
  "senders of UDP with a chat": [{ file: "adapters/udp.ts", name: "MOST_SENDERS" }],
  "timeout of connect()": [{ file: "connect.ts", name: "timeout" }],
};

/** What a name is set to, or is if nothing else is said: a product of numbers, or `Infinity`. */
function valueOf({ file, name }: { file: string; name: string }): number {
  const source = readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");
  const found = source.match(new RegExp(`\\b${name}(?:: number)? = ([\\d_ *]+|Infinity)[,; ]`));
  assert(found !== null, `${file} does not say what ${name} is`);
  return found[1]!.replaceAll("_", "").split("*").reduce((all, factor) => all * Number(factor), 1);
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024, s: 1000 };

/** The numbers that a cell names, in bytes, in milliseconds, or as they are. */
function numbersIn(cell: string): number[] {
  return [...cell.matchAll(/(Infinity|[\d,]*\d)(?: (KiB|MiB|s)\b)?/g)]
    .map(([, number, unit]) => Number(number!.replaceAll(",", "")) * (unit ? UNITS[unit]! : 1));
}

for (const { limit, default: said } of readTable("SECURITY.md", "limit")) {
  if (said === "") continue; // it is how the library works
  test(`SECURITY.md says of ${limit} what the source has`, () => {
    assertEquals(numbersIn(said!), SOURCES[limit!]?.map(valueOf));
  });
}
