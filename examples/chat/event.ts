/** What happens in a room, as servers tell each other, in JSON. */
import { isName } from "./name.ts";
import { isWords } from "./words.ts";

/** A line that was said. */
export interface Said {
  readonly type: "said";
  /** The server where it was said, and its number there: each server counts, so that no line is taken for another. */
  readonly server: string;
  readonly number: number;
  /** When, in milliseconds: one server's clock never goes back. */
  readonly time: number;
  readonly nick: string;
  readonly words: string;
}

/** Who comes, goes, or is called otherwise. */
export type Change =
  | { readonly type: "joins"; readonly nick: string }
  | { readonly type: "leaves"; readonly nick: string; readonly why: string }
  | { readonly type: "renames"; readonly nick: string; readonly to: string };

export type RoomEvent = Said | Change;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value as it goes over the bus. */
export function encode(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** What came over the bus; `undefined` if that is no JSON. */
export function decode(data: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}

/** The properties of what may be an object; it has none otherwise. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

/** The event that a value is; `undefined` if it is none, as somebody else may use the same subjects. */
export function toRoomEvent(value: unknown): RoomEvent | undefined {
  const event = fieldsOf(value);
  if (event["type"] === "said") return isSaid(value) ? value : undefined;
  if (!isName(event["nick"])) return undefined;
  const isFine = event["type"] === "joins" ||
    (event["type"] === "leaves" && isWords(event["why"])) ||
    (event["type"] === "renames" && isName(event["to"]));
  return isFine ? value as Change : undefined;
}

export function isSaid(value: unknown): value is Said {
  const { type, server, number, time, nick, words } = fieldsOf(value);
  return type === "said" && typeof server === "string" && Number.isSafeInteger(number) &&
    isTime(time) && isName(nick) && isWords(words);
}

/** Whether a `Date` can be that many milliseconds. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && !Number.isNaN(new Date(value).getTime());
}
