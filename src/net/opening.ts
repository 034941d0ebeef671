// What `connect()` and `listen()` have in common: the checks before, and the chat after.

import { Chat, CHAT_OPTIONS, type ChatOptions, checkChatOptions } from "../chat/chat.ts";
import { checkFunction, type OptionNames, pickOptions } from "../common/checks.ts";
import type { Connection } from "../connection/connection.ts";
import type { FramesOf } from "../framer/framer.ts";
import { rememberName } from "../tls/secure.ts";
import { checkEndpoint, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { checkTcpOptions, type TcpOptions } from "./tcp_options.ts";

/** What comes between the sockets of a runtime and a chat. */
export interface WrapOptions {
  /**
   * Is given the connection, and returns the one that the chat is to use: `wrap: tap` shows what passes, and
   * `wrap: (connection) => chaos(connection, { seed })` tries the program on a bad network. Default: the connection
   * itself.
   */
  wrap?: ((connection: Connection) => Connection) | undefined;
}

/** @throws {TypeError} If `wrap` is no function. */
export function checkWrap({ wrap }: WrapOptions): void {
  if (wrap !== undefined) checkFunction("wrap", wrap, ", such as tap");
}

/** The names of the options of the chats, and of what comes between. */
export const LISTENER_OPTIONS: OptionNames<ChatOptions & WrapOptions> = {
  ...CHAT_OPTIONS,
  wrap: 1,
};

/** The names of what `connect()` and `listen()` are told alike. `host` is among them because it has an error of its own. */
export const OPENING_OPTIONS: OptionNames<OpeningOptions & { readonly host: never }> = {
  ...LISTENER_OPTIONS,
  noDelay: 1,
  keepAlive: 1,
  transport: 1,
  url: 1,
  hostname: 1,
  host: 1,
  port: 1,
  path: 1,
};

/** What `connect()` and `listen()` are told alike. */
interface OpeningOptions extends ChatOptions, WrapOptions, TcpOptions, EndpointOptions {}

/**
 * Checks what `connect()` and `listen()` are told alike, and gives back where.
 * @throws {TypeError | RangeError} If an option is not what it should be.
 */
export function checkOpening(options: OpeningOptions, lowestPort: number): Endpoint {
  const endpoint = { ...checkEndpoint(options, lowestPort), tcp: checkTcpOptions(options) };
  checkChatOptions(options);
  checkWrap(options);
  return endpoint;
}

/**
 * Makes the chat over a connection that was just opened, which is closed if that fails.
 * @param name The host name that was connected to, if there is one.
 */
export function openChat<T>(
  connection: Connection,
  options: ChatOptions & WrapOptions & FramesOf<T>,
  name: string = "",
): Chat<T> {
  const { wrap } = options;
  try {
    const wrapped = wrap === undefined ? connection : wrap(connection);
    const chat = new Chat<T>(
      wrapped,
      pickOptions(options, CHAT_OPTIONS) as ChatOptions & FramesOf<T>,
    );
    rememberName(wrapped, name);
    return chat;
  } catch (error) {
    connection.close(error);
    throw error;
  }
}
