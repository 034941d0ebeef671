/** What one would use instead, as its documentation says to. */
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import { decode } from "it-length-prefixed";
import type { Add, Contestant } from "../contest.ts";
import type { Cutter } from "./by_hand.ts";

const require = createRequire(import.meta.url);

/**
 * The package it-length-prefixed, which reads varints. It gives lists of chunks; a frame as one `Uint8Array`, as the other contestants
 * give it, is `subarray()` of a list, which copies only where there are several chunks.
 */
export function itVarints(chunks: Iterable<Uint8Array>): Contestant {
  return async (add) => {
    for await (const list of decode(inMemory(chunks))) add(list.subarray());
  };
}

/** The same with a length of four bytes. */
export function itUint32s(chunks: Iterable<Uint8Array>): Contestant {
  const lengthDecoder = Object.assign(
    (data: { getUint32(at: number): number }): number => data.getUint32(0),
    { bytes: 4 },
  );
  return async (add) => {
    const lists = decode(inMemory(chunks), { lengthDecoder });
    for await (const list of lists) add(list.subarray());
  };
}

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
  const join = (left: Uint8Array): Uint8Array => {
    if (rest.length === 0) return left;
    const both = new Uint8Array(rest.length + left.length);
    both.set(rest);
    both.set(left, rest.length);
    return both;
  };
  return new TransformStream({
    transform(chunk, controller) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        controller.enqueue(join(chunk.subarray(start, end)));
        rest = chunk.subarray(0, 0);
        start = end + 1;
      }
      rest = join(chunk.subarray(start));
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
