/**
 * Chats over WebSockets: the global `WebSocket`, that of the package `ws`, `Deno.upgradeWebSocket` and `Bun.serve`.
 *
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromWebSocket } from "@asynchat/asynchat/websocket";
 *
 * function open(url: string): Chat<string> {
 *   return new Chat(fromWebSocket(new WebSocket(url)), { terminator: "\n", encoding: "utf-8" });
 * }
 * ```
 *
 * @module
 */
export {
  type BunServerWebSocketLike,
  type BunWebSocketHandlers,
  fromBunWebSocket,
} from "./bun_websocket.ts";
export {
  fromWebSocket,
  type WebSocketEvent,
  type WebSocketLike,
  type WebSocketListener,
  type WebSocketOptions,
  type WebSocketSender,
} from "./websocket.ts";
