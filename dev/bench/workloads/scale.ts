/**
 * What grows, and how: with 10,000 connections that are open and idle, with frames of 1 KiB to 256 MiB, with chunks of 1 byte to
 * 1 MiB.
 */
import type { Contest } from "../contest.ts";
import { growthContests } from "../scale/frame_growth.ts";
import { idleContests } from "../scale/idle_connections.ts";
import { memoryContests } from "../scale/memory_growth.ts";

export function* contests(): Generator<Contest> {
  yield* idleContests();
  yield* growthContests();
  yield* memoryContests();
}
