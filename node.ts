/**
 * For those who have a socket or a stream of Node's already, and need none of the other runtimes: what makes a connection
 * of it. The whole library has it, too.
 *
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromNode } from "@asynchat/asynchat/node";
 * import { assertEquals } from "@std/assert";
 * import { PassThrough } from "node:stream";
 *
 * await using chat = new Chat(fromNode(new PassThrough()), { terminator: "\n", encoding: "utf-8" });
 * await chat.send("what goes in comes out");
 * assertEquals(await chat.read(), "what goes in comes out");
 * ```
 *
 * @module
 */
export { fromNode, type NodeDuplexLike } from "./src/adapters/node.ts";
