// Blocks in which small pieces of data are gathered.

/*
 * Small pieces of data are copied together into blocks, which are filled from left to right and never rewritten.
 * A new block has room for as much as waits already: a large backlog is few arrays, and a small one little memory.
 */
const SMALLEST = 1024;
/** The longest block: `highWaterMark` by default, and a piece more, so that what has come up to the mark is one block. */
export const LARGEST_BLOCK: number = 68 * 1024;

/** A block without room. */
export const NO_BLOCK: Uint8Array = new Uint8Array(0);

/** A new block for `waiting` bytes of backlog, with room for `room` at least. */
export function makeBlock(waiting: number, room: number): Uint8Array {
  return new Uint8Array(Math.max(room, Math.min(LARGEST_BLOCK, Math.max(SMALLEST, waiting))));
}
