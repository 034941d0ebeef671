/**
 * Chats with other programs: with a child process over its standard input and output, and with whoever started this program
 * over its own.
 *
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromProcess } from "@asynchat/asynchat/process";
 * import { assertEquals } from "@std/assert";
 * import { spawn } from "node:child_process";
 *
 * const chat = new Chat(fromProcess(spawn("sort")), { terminator: "\n", encoding: "utf-8" });
 * chat.push("pear\napple\n");
 * chat.closeWrite();
 * assertEquals(await chat.read(), "apple");
 * assertEquals(await chat.read(), "pear");
 * await chat.closeWhenDone();
 * ```
 *
 * @module
 */
export {
  type BunProcessLike,
  type BunSinkLike,
  type ChildProcessLike,
  type DenoProcessLike,
  fromProcess,
  type NodeProcessLike,
  type ProcessOptions,
} from "./process.ts";
export { fromStdio } from "./stdio.ts";
export type { NodeReadableLike } from "../connection/node.ts";
export type { NodeWritableLike } from "../connection/node_halves.ts";
export type { ReadableStreamLike, WritableStreamLike } from "../connection/web_halves.ts";
