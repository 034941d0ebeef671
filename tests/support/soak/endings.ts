/** How an end takes its leave. */
export type Ending =
  /** In order, when all is sent and read. */
  | "closeWhenDone()"
  | "closeWrite()"
  | "await using"
  /** In order, when all is sent. */
  | "closeWhenDone() early"
  /** At any moment. */
  | "close()"
  | "close(reason)"
  | "signal"
  | "discardBuffers(), closeWhenDone()"
  | "discardBuffers(), close()"
  | "closeWhenDone(), close()"
  | "vanish"
  /** At any moment it begins to do nothing but wait for `closed`: the connection vanishes, or the peer ends. */
  | "idle, vanish"
  | "idle"
  /** By what happens to it. */
  | "reset"
  | "stall"
  | "producer that throws"
  | "producer without an end, close()"
  | "too much queued"
  | "silence";

export const ORDERLY: readonly Ending[] = [
  "closeWhenDone()",
  "closeWrite()",
  "await using",
  "closeWhenDone() early",
];

/** With these, it waits for its peer to end, who is not told of anything. */
export const PASSIVE: readonly Ending[] = ["idle", "silence"];

export const DISORDERLY: readonly Ending[] = [
  "close()",
  "close(reason)",
  "signal",
  "discardBuffers(), closeWhenDone()",
  "discardBuffers(), close()",
  "closeWhenDone(), close()",
  "vanish",
  "idle, vanish",
  "idle",
  "reset",
  "stall",
  "producer that throws",
  "producer without an end, close()",
  "too much queued",
  "silence",
];
