/** The parser of the official NATS client, alone, as the client uses it: chunks in, events out. */
import { createRequire } from "node:module";
import { Counter } from "../tally.ts";
import type { Tally } from "../contest.ts";

interface Parser {
  parse(chunk: Uint8Array): void;
}

/** What the parser has found. */
interface ParserEvent {
  readonly kind: number;
  /** Of a message: its body. */
  readonly data?: Uint8Array;
}

/** (Its own types do not pass the checks that this project is held to.) */
const { Kind, Parser }: {
  Kind: { readonly MSG: number };
  Parser: new (dispatcher: { push(event: ParserEvent): void }) => Parser;
} = createRequire(import.meta.url)("@nats-io/nats-core/internal");

/** Counts the bodies of the messages. */
export function parseMessages(chunks: Iterable<Uint8Array>): Tally {
  const counter = new Counter();
  const parser = new Parser({
    push({ kind, data }) {
      if (kind === Kind.MSG) counter.add(data!);
    },
  });
  for (const chunk of chunks) parser.parse(chunk);
  return counter;
}
