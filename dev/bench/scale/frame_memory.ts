/**
 * What one frame takes in memory, in a process of its own: `frame_memory.ts KIND LENGTH [CHUNK]`.
 *
 * Without a size of chunks, the frame comes over TCP, from a process that is no JavaScript, and what is said is the most that was
 * resident, in bytes, from the beginning of the process. With one it comes from memory, and what is said is how much more is
 * in use than before when all of it has arrived but its end, and there is no garbage left.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Chat, fromIterable, listen } from "../../../mod.ts";
import { checkTally } from "../contest.ts";
import { run, unlessFails } from "../external.ts";
import { type FrameKind, makeChunk, takeFrames, tallyOf } from "./frames.ts";
import { settledSizes } from "./settled.ts";

const kind = process.argv[2] as FrameKind;
const [length, chunk] = process.argv.slice(3).map(Number) as [number, number?];

async function take(chat: Chat): Promise<void> {
  checkTally(kind, await takeFrames(chat, kind, 1, length), tallyOf(kind, 1, length));
}

async function mostResident(): Promise<number> {
  await using listener = await listen({ port: 0, terminator: "\n" });
  const source = `head -c ${length - 1} /dev/zero; echo`;
  const sink = `socat -u -b 65536 - TCP:127.0.0.1:${listener.address.port}`;
  const sent = run("sh", "-c", `{ ${source}; } | ${sink}`);
  const chat = (await unlessFails(listener.accept(), sent))!;
  await Promise.all([take(chat), sent]);
  await chat.closeWhenDone();
  const [, kibibytes] = readFileSync("/proc/self/status", "utf8").match(/^VmHWM:\s+(\d+) kB$/m)!;
  return Number(kibibytes) * 1024;
}

async function heldMidway(size: number): Promise<number> {
  const [chunk, last] = [makeChunk(size, Infinity), makeChunk(size, size)];
  const before = await settledSizes();
  let held = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    // Each is an array of its own, as those are that a socket gives.
    for (let left = length; left > size; left -= size) yield chunk.slice();
    held = (await settledSizes()).inUse - before.inUse;
    yield last;
  }
  await take(new Chat(fromIterable(source()), { terminator: "\n" }));
  return held;
}

console.log(`took ${chunk === undefined ? await mostResident() : await heldMidway(chunk)}`);
process.exit();
