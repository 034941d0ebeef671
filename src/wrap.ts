import { Chat, type ChatOptions } from "./chat.ts";
import { nameOf } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Frame } from "./frame_text.ts";
import { rememberName } from "./tls.ts";

/** What comes between the sockets of a runtime and a chat. */
export interface WrapOptions {
  /**
   * Is given the connection, and returns the one that the chat is to use: `wrap: tap` shows what passes, and
   * `wrap: (connection) => chaos(connection, { seed })` tries the program on a bad network. Default: the connection itself.
   */
  wrap?: ((connection: Connection) => Connection) | undefined;
}

/** @throws {TypeError} If `wrap` is no function. */
export function checkWrap({ wrap }: WrapOptions): void {
  if (wrap === undefined || typeof wrap === "function") return;
  throw new TypeError(`wrap must be a function, such as tap, not ${nameOf(wrap)}`);
}

/**
 * Makes the chat over a connection that was just opened, which is closed if that fails.
 * @param name The host name that was connected to, if there is one.
 */
export function openChat(
  connection: Connection,
  options: ChatOptions & WrapOptions,
  name: string = "",
): Chat<Frame> {
  const { wrap } = options;
  try {
    const wrapped = wrap === undefined ? connection : wrap(connection);
    const chat = new Chat<Frame>(wrapped, options);
    rememberName(wrapped, name);
    return chat;
  } catch (error) {
    connection.close(error);
    throw error;
  }
}
