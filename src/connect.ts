import { Chat, type ChatOptions, checkChatOptions } from "./chat.ts";
import type { Frame, WithEncoding, WithoutEncoding } from "./frame_text.ts";
import { checkEndpoint, loadSockets } from "./sockets.ts";

/** Where to connect to, and how to chat there. */
export interface ConnectOptions extends ChatOptions {
  /** A host name or an IP address. Default: `"127.0.0.1"`. */
  hostname?: string | undefined;
  /** The port, 1 to 65535. */
  port: number;
}

/**
 * Connects over TCP, with the sockets of the runtime that this runs on: Node's, Deno's or Bun's.
 *
 * @param options Where to connect to, and how frames are cut.
 * @returns The chat, connected.
 * @throws {ConnectionError} If that fails: `code` says how (`"refused"`, `"not-found"`, ...), the message with what address.
 * @throws {TypeError} If an option is of a wrong type, or a delimiter or the host name is empty.
 * @throws {RangeError} If the port, a count or a limit is out of range.
 * @throws {UnsupportedError} If this runtime has no sockets.
 *
 * @example
 * ```ts
 * import { connect, ConnectionError } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * try {
 *   await connect({ port: 1, terminator: "\n" });
 * } catch (error) {
 *   assertEquals((error as ConnectionError).code, "refused");
 * }
 * ```
 */
export function connect(options: ConnectOptions & WithoutEncoding): Promise<Chat>;
/**
 * Connects over TCP, and chats in text.
 * @param options Where to connect to, how frames are cut, and their encoding.
 * @returns The chat, connected.
 */
export function connect(options: ConnectOptions & WithEncoding<string>): Promise<Chat<string>>;
/**
 * Connects over TCP, and chats in text if the options have an encoding.
 * @param options Where to connect to, and how frames are cut.
 * @returns The chat, connected.
 */
export function connect(options: ConnectOptions): Promise<Chat<Frame>>;
export async function connect(options: ConnectOptions): Promise<Chat<Frame>> {
  const endpoint = checkEndpoint(options, 1);
  checkChatOptions(options);
  const sockets = await loadSockets();
  return new Chat<Frame>(await sockets.connect(endpoint), options);
}
