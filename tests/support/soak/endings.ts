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

export const DISORDERLY: readonly Ending[] = [
  "close()",
  "close(reason)",
  "signal",
  "discardBuffers(), closeWhenDone()",
  "discardBuffers(), close()",
  "closeWhenDone(), close()",
  "vanish",
  "reset",
  "stall",
  "producer that throws",
  "producer without an end, close()",
  "too much queued",
  "silence",
];
