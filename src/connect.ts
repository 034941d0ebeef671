import { type AbortSignalLike, onAbort } from "./abort.ts";
import { type Chat, type ChatOptions, checkChatOptions } from "./chat.ts";
import type { Connection } from "./connection.ts";
import { Deferred } from "./deferred.ts";
import type { Frame, WithEncoding, WithoutEncoding } from "./frame_text.ts";
import { checkEndpoint, loadSockets } from "./sockets.ts";
import { checkWrap, openChat, type WrapOptions } from "./wrap.ts";

/** Where to connect to, and how to chat there. */
export interface ConnectOptions extends ChatOptions, WrapOptions {
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
 * @throws The reason of `signal`, if that is aborted before the connection is there.
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
  checkWrap(options);
  const sockets = await loadSockets();
  if (options.signal?.aborted) throw options.signal.reason;
  const connecting = sockets.connect(endpoint);
  const connection = await (options.signal ? untilAborted(connecting, options.signal) : connecting);
  return openChat(connection, options);
}

/** The connection, unless the signal is aborted first: then it is closed as soon as it is there. */
async function untilAborted(
  connecting: Promise<Connection>,
  signal: AbortSignalLike,
): Promise<Connection> {
  const aborted = new Deferred<never>();
  const abort = (): void => {
    aborted.reject(signal.reason);
    connecting.then((connection) => connection.close(signal.reason), () => {});
  };
  const giveUp = onAbort(signal, abort);
  try {
    return await Promise.race([aborted.promise, connecting]);
  } finally {
    giveUp();
  }
}
