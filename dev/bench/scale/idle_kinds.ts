/** What `idle_connections.ts` measures, and `idle_server.ts` makes. */

/**
 * What a connection is, and what it has been through: a socket of the runtime that waits for data; a chat that nobody reads,
 * or one in a `for await`; before anything was sent on it, or after an exchange of {@linkcode LINES} lines.
 */
export const KINDS = [
  "bare",
  "chat, not read",
  "chat, read",
  "bare, after 10 lines",
  "chat, read, after 10 lines",
] as const;

export type Kind = typeof KINDS[number];

export const LINES = 10;
export const LINE: string = "x".repeat(63) + "\n";
