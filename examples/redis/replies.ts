/** What Redis answers, in one shape for both versions of the protocol. */
import { MalformedFrameError } from "../../mod.ts";
import type { Value } from "../resp/value.ts";

const decoder = new TextDecoder();

/** Text: bytes as such, and whatever else as one writes it; nothing is `""`. */
export function textOf(value: Value | undefined): string {
  if (value instanceof Uint8Array) return decoder.decode(value);
  return value === null || value === undefined ? "" : String(value);
}

/** The values of an array; none, if there is none. */
export function arrayOf(value: Value | undefined): readonly Value[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new MalformedFrameError(`expected an array, not ${textOf(value).slice(0, 40)}`);
}

/** Keys and values: a map in version 3, and in version 2 an array of both in turn. */
export function mapOf(value: Value): ReadonlyMap<string, Value> {
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [textOf(key), each]));
  const items = arrayOf(value);
  const pairs = new Map<string, Value>();
  for (let at = 0; at + 1 < items.length; at += 2) pairs.set(textOf(items[at]), items[at + 1]!);
  return pairs;
}

/** An entry of a stream. */
export interface Entry {
  readonly id: string;
  readonly fields: ReadonlyMap<string, Value>;
}

/** The entries of a stream, as `XRANGE` and `XCLAIM` answer: without those that are not there any more. */
export function entriesOf(value: Value | undefined): Entry[] {
  const entries: Entry[] = [];
  for (const item of arrayOf(value)) {
    if (item === null) continue;
    const [id, fields = null] = arrayOf(item);
    entries.push({ id: textOf(id), fields: mapOf(fields) });
  }
  return entries;
}

/** The entries of the one stream that `XREAD` or `XREADGROUP` was asked for; none, if none came in time. */
export function entriesRead(value: Value): Entry[] {
  if (value instanceof Map) return entriesOf([...value.values()][0]);
  const [stream = null] = arrayOf(value);
  return entriesOf(arrayOf(stream)[1]);
}
