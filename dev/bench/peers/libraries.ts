/** What one would use instead, as its documentation says to. */
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import { decode, type LengthDecoderFunction } from "it-length-prefixed";
import type { Add, Contestant } from "../contest.ts";
import { type Cutter, join } from "./by_hand.ts";

const require = createRequire(import.meta.url);

/**
 * The package it-length-prefixed, which reads varints, and other lengths with a decoder. It gives lists of chunks; a frame as one
 * `Uint8Array`, as the other contestants give it, is `subarray()` of a list, which copies only where there are several chunks.
 */
export function itPrefixed(
  chunks: Iterable<Uint8Array>,
  options: Parameters<typeof decode>[1] = {},
): Contestant {
  return async (add) => {
    for await (const list of decode(inMemory(chunks), options)) add(list.subarray());
  };
}

/** A length of four bytes. */
export const UINT32: LengthDecoderFunction = Object.assign(
  (data: { getUint32(at: number): number }): number => data.getUint32(0),
  { bytes: 4 },
);

async function* inMemory(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** The package length-prefixed-stream, which reads varints. It has no types. */
export const lengthPrefixedStream: { decode(): Duplex } = require("length-prefixed-stream");

/** The parser of the official NATS client. Its own types do not pass the checks that this project is held to. */
const { Kind, Parser }: {
  Kind: { readonly MSG: number };
  Parser: new (dispatcher: { push(event: { kind: number; data?: Uint8Array }): void }) => {
    parse(chunk: Uint8Array): void;
  };
} = require("@nats-io/nats-core/internal");

export function natsMessages(add: Add): Cutter {
  const parser = new Parser({
    push({ kind, data }) {
      if (kind === Kind.MSG) add(data!);
    },
  });
  return (chunk) => parser.parse(chunk);
}

/** Lines of bytes by a web stream, written as a standard library writes them. */
export function byteLineStream(): TransformStream<Uint8Array, Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  return new TransformStream({
    transform(chunk, controller) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const left = chunk.subarray(start, end);
        controller.enqueue(rest.length === 0 ? left : join(rest, left));
        rest = chunk.subarray(0, 0);
        start = end + 1;
      }
      const left = chunk.subarray(start);
      rest = rest.length === 0 ? left : join(rest, left);
    },
    flush(controller) {
      if (rest.length > 0) controller.enqueue(rest);
    },
  });
}

/** Lines of text by a web stream, likewise. */
export function textLineStream(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line);
    },
    flush(controller) {
      if (rest !== "") controller.enqueue(rest);
    },
  });
}
