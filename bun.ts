/**
 * For those who open sockets with Bun's own functions, and need none of the other runtimes: the handlers that make
 * connections of them. The whole library has them, too.
 *
 * ```ts ignore
 * import { Chat } from "@asynchat/asynchat";
 * import { fromBun } from "@asynchat/asynchat/bun";
 *
 * Bun.listen({
 *   hostname: "127.0.0.1",
 *   port: 6000,
 *   ...fromBun(async (connection) => {
 *     await using chat = new Chat(connection, { terminator: "\n" });
 *     for await (const line of chat) chat.push(line, "\n");
 *   }),
 * });
 * ```
 *
 * @module
 */
export {
  type BunHandlers,
  type BunSocketLike,
  type BunSocketOptions,
  fromBun,
} from "./src/adapters/bun.ts";
export {
  type BunServerWebSocketLike,
  type BunWebSocketHandlers,
  fromBunWebSocket,
} from "./src/adapters/bun_websocket.ts";
