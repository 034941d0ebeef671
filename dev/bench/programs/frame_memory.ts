/**
 * How much more is in use when all of a frame has arrived but its end, in bytes: `frame_memory.ts KIND LENGTH CHUNK`. The frame comes
 * in chunks of that size.
 */
import process from "node:process";
import { Chat, fromIterable } from "../../../mod.ts";
import { type FrameKind, makeChunk, takeFrames } from "../frames.ts";
import { memoryInUse } from "../memory.ts";

const kind = process.argv[2] as FrameKind;
const [length, size] = process.argv.slice(3).map(Number) as [number, number];
const [chunk, last] = [makeChunk(size, Infinity), makeChunk(size, size)];
const before = await memoryInUse();
let held = 0;

async function* source(): AsyncGenerator<Uint8Array> {
  // Each is an array of its own, as those are that a socket gives.
  for (let left = length; left > size; left -= size) yield chunk.slice();
  held = await memoryInUse() - before;
  yield last;
}

await takeFrames(new Chat(fromIterable(source()), { terminator: "\n" }), kind, 1, length);
console.log(`held ${held}`);
