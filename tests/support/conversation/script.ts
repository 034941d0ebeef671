/** What two ends of a conversation do, written down beforehand. */
import type { ChatOptions } from "../../../mod.ts";

/** Where frames end. Delimiters and lengths are kept, so that the frames together are the bytes. */
export type Ending = "line" | "prefixed" | number | null;

/** What a producer does between its pieces, and at last. */
export interface ProducerPlan {
  readonly kind: "sync" | "async" | "batches" | "stream";
  /** How long each piece is. */
  readonly pieces: readonly number[];
  readonly then: "ends" | "throws" | "goes on" | "hangs" | "yields nonsense";
  /** What it does to its own chat before its last piece or end, and when it is stopped. */
  readonly does?: Operation | undefined;
  readonly doesAtReturn?: Operation | undefined;
}

export type Item = { readonly length: number; readonly isText: boolean } | ProducerPlan;

/** When a read is given up: aborted before it is asked for, or that many ticks later; or it times out at once. */
export type GiveUp = "before" | number | "timeout" | undefined;

/** Something that a program may do with a chat, at any time. */
export type Operation =
  | {
    readonly op: "read" | "readBytes" | "readText";
    readonly ending?: Ending | undefined;
    readonly giveUp?: GiveUp;
  }
  | { readonly op: "loop"; readonly frames: number }
  | { readonly op: "next, and leave"; readonly nexts: number }
  | { readonly op: "batches"; readonly batches: number; readonly frames: number }
  | { readonly op: "stream"; readonly ending?: Ending | undefined; readonly pieces: number }
  | { readonly op: "push"; readonly items: readonly Item[] }
  | { readonly op: Closing | "send" | "flush" | "stats" | "wrong" | "vanish" }
  | { readonly op: "terminator"; readonly ending: Ending }
  | { readonly op: "maxFrameLength"; readonly limit: number };

/** What ends a chat, or a part of it. */
export const CLOSINGS = [
  "closeWrite",
  "closeWhenDone",
  "close",
  "close with a reason",
  "abort",
  "dispose",
  "discardBuffers",
  "detach",
] as const;

export type Closing = typeof CLOSINGS[number];

export interface Step {
  /** Whose. */
  readonly end: 0 | 1;
  readonly does: Operation;
  /** Whether it is done with the chat that the connection was detached from, if there is one. */
  readonly isStale?: boolean | undefined;
  /** What passes before the next step: turns of the event loop, of the microtask queue, or until it has settled, or a turn. */
  readonly then?: { readonly turns: number } | { readonly ticks: number } | "await" | undefined;
}

export type Options = Partial<Omit<ChatOptions, "terminator" | "signal">>;

/** What happens to the connection of one end, from a seed. */
export interface Weather {
  readonly seed: number;
  readonly resetAfter: number;
  readonly stallAfter: number;
}

export interface Script {
  readonly options: readonly [Options, Options];
  readonly weather?: readonly [Weather | undefined, Weather | undefined];
  readonly steps: readonly Step[];
  /** How it is ended: both are closed; or each ends its direction, reads to the end, and closes when done, if that ends. */
  readonly finale: "close" | "in order";
}

/** Whether all that is begun comes to its end when both ends read and end their directions. */
export function comesToAnEnd({ steps, weather = [undefined, undefined] }: Script): boolean {
  if (weather.some((each) => each !== undefined && each.stallAfter < Infinity)) return false;
  const items = steps.flatMap(({ does }) => does.op === "push" ? does.items : []);
  // One that closes or detaches while the ends come to their end may leave a promise pending.
  return items.every((item) =>
    "length" in item || (item.then !== "hangs" && item.then !== "goes on" &&
      item.does === undefined && item.doesAtReturn === undefined)
  );
}
