// A script: what the network and the program do to a chat, step by step. It is plain data, so that it can be printed, played
// again, and shortened: each step says all that it does.

import { Buffer } from "node:buffer";
import { inspectBriefly } from "./describe.ts";

/** What an operation of the connection fails with. */
export type Failure = "reset" | "tls" | "other" | "plain Error" | "a string";

export type OwnError = "an Error" | "a ConnectionError" | "a string";

/** How the connection behaves, from beginning to end. */
export interface Behaviour {
  /** When reads and writes settle that could settle at once. */
  readonly answers?: "a turn later";
  readonly closeWrite?: "hangs" | "throws" | "a turn later" | Failure;
  /** When, and how, `closed` settles after `close()`. */
  readonly closed?: "never" | "a turn later" | "rejects";
  readonly canReset?: boolean;
}

/** The options of the chat. */
export interface Options {
  readonly terminator: string;
  readonly maxFrameLength?: number;
  readonly incomplete?: "throw" | "yield" | "drop";
  readonly encoding?: "utf-8" | "latin1";
  readonly fatal?: boolean;
  readonly highWaterMark?: number;
  readonly maxQueuedBytes?: number;
  readonly idleTimeout?: number;
  readonly signal?: "live" | "aborted";
  /** Bytes that come first. */
  readonly unread?: string;
}

/** What a producer yields, when, and what it does at the end. */
export interface ProducerPlan {
  readonly kind:
    | "array"
    | "generator"
    | "async generator"
    | "iterator"
    | "iterator without return()"
    | "async iterator"
    | "iterator of promises"
    | "web stream";
  readonly pieces: readonly string[];
  /** Whether pieces are bytes. */
  readonly asBytes?: boolean;
  /** Whether all pieces are yielded at once, as an array. (Of an async producer.) */
  readonly together?: boolean;
  /** What it waits for before each piece. (Of an async producer.) */
  readonly waits?: "a turn" | "the gate";
  readonly then?: "throws" | "hangs" | "goes on" | "yields nonsense";
  readonly atReturn?: "throws" | "hangs";
  /** What it does to its own chat before its end, and when its `return()` is called. */
  readonly does?: Call;
  readonly doesAtReturn?: Call;
}

export type Item = string | { readonly bytes: string } | ProducerPlan;

/** What the program does with the chat. */
export type Call =
  & {
    /** Whether it is done with the chat that the connection was detached from. */
    readonly stale?: true;
    /** Whether the program does not look at the promise. */
    readonly unwatched?: true;
  }
  & (
    | {
      readonly does: "read" | "readBytes" | "readText";
      readonly terminator?: string;
      /** The signal with that number. */
      readonly signal?: number;
      readonly timeout?: number;
    }
    | { readonly does: "abort"; readonly signal: number }
    | {
      readonly does: "loop" | "batches";
      /** It is left after so many frames. */
      readonly frames: number;
      readonly leaves?: "throw";
      /** Terminators that are set after the first frame, the second, and so on. */
      readonly sets?: readonly string[];
      /** Of `batches()`: how many frames are taken of each. */
      readonly ofEach?: number;
      /** Whether its body takes a turn. */
      readonly isSlow?: boolean;
    }
    | {
      readonly does: "next() and leave";
      readonly nexts: number;
      readonly leaves?: "throw";
      readonly isBatches?: boolean;
    }
    | {
      readonly does: "stream";
      readonly terminator?: string;
      readonly pieces: number;
      readonly then?: "return" | "throw" | "dispose" | "stay";
      /** Whether all pieces are asked for before the first is there. */
      readonly ahead?: boolean;
    }
    | { readonly does: "leave streams" | "go on with streams" }
    | { readonly does: "set terminator"; readonly to: string }
    | { readonly does: "set maxFrameLength"; readonly to: number }
    | {
      readonly does: "push";
      readonly items: readonly Item[];
      /** What is pushed to another chat at the same time. */
      readonly beside?: string;
    }
    | { readonly does: "send"; readonly payload: string; readonly asBytes?: boolean }
    | { readonly does: "close"; readonly reason?: OwnError }
    | {
      readonly does:
        | "flush"
        | "stats"
        | "discardBuffers"
        | "closeWrite"
        | "closeWhenDone"
        | "detach"
        | "dispose"
        | "abort the chat's signal";
    }
    | { readonly does: "wrong call"; readonly which: number }
  );

/** What happens to the connection, and to producers that wait. */
export type Event =
  | { readonly does: "arrive"; readonly bytes: string }
  | { readonly does: "read fails"; readonly error: Failure; readonly throws?: boolean }
  | { readonly does: "write fails"; readonly error: Failure }
  | { readonly does: "reset"; readonly error: Failure }
  | {
    readonly does:
      | "peer ends"
      | "connection vanishes"
      | "nonsense arrives"
      | "hold writes"
      | "release writes"
      | "gate opens";
  };

/** What passes before the next step. */
export type Pause =
  /** All that there is to do is done. */
  | { readonly does: "turn" }
  | { readonly does: "time passes"; readonly ms: number }
  | { readonly does: "microtasks"; readonly count: number };

export type Step = Event | Pause | Call;

const EVENTS: readonly string[] = [
  ...["arrive", "read fails", "write fails", "reset", "peer ends", "connection vanishes"],
  ...["nonsense arrives", "hold writes", "release writes", "gate opens"],
];

/** Whether it happens without the program's doing. */
export function isEvent(step: Step): step is Event {
  return EVENTS.includes(step.does);
}

/**
 * What passes between two steps besides pauses. Before an event, and with `"coarse"` before each step, all is done that there
 * is to do. With `"fine"` steps follow each other at once, or after a few microtasks, and it matters how many of them
 * something takes.
 */
export const GRAINS = ["coarse", "medium", "fine"] as const;

export type Grain = typeof GRAINS[number];

export interface Script {
  readonly options: Options;
  readonly behaviour: Behaviour;
  readonly grain: Grain;
  /** Whether `closed` is asked for at the end only. */
  readonly asksLate?: boolean;
  readonly steps: readonly Step[];
}

/** A step, as a line to read. */
export function describeStep({ does, ...details }: Step): string {
  const told = inspectBriefly(details);
  return told === "{}" ? does : `${does} ${told.slice(1, -1)}`;
}

/** Bytes stand in a script as a text, one character (U+0000 to U+00FF) a byte. */
export function toBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
