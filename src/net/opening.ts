// What `connect()` and `listen()` have in common: the checks before, and the chat after.

import { Chat, CHAT_OPTIONS, type ChatOptions, checkChatOptions } from "../chat/chat.ts";
import type { OptionNames } from "../common/checks.ts";
import type { Connection } from "../connection/connection.ts";
import {
  checkWrap,
  rememberTarget,
  type Wrap,
  wrapConnection,
  type WrapTarget,
} from "../connection/wrap.ts";
import type { FramesOf } from "../framer/framer.ts";
import type { TlsClientOptions, TlsServerOptions } from "../tls/options.ts";
import { checkEndpoint, type Endpoint, type EndpointOptions } from "./endpoint.ts";
import { checkTcpOptions, type TcpOptions } from "./tcp_options.ts";

/** The names of what `connect()` and `listen()` are told alike. `host` is among them because it has an error of its own. */
export const OPENING_OPTIONS: OptionNames<OpeningOptions & { readonly host: never }> = {
  ...CHAT_OPTIONS,
  wrap: 1,
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
interface OpeningOptions extends ChatOptions, TcpOptions, EndpointOptions {
  readonly wrap?: Wrap | undefined;
}

/**
 * Checks what `connect()` and `listen()` are told alike, and gives back where.
 * @throws {TypeError | RangeError} If an option is not what it should be.
 */
export function checkOpening(options: OpeningOptions, lowestPort: number): Endpoint {
  const endpoint = { ...checkEndpoint(options, lowestPort), tcp: checkTcpOptions(options) };
  checkChatOptions(options);
  if (options.wrap !== undefined) checkWrap(options.wrap);
  return endpoint;
}

/**
 * The options `tls` and `wrap` as one wrap: TLS first, and over it what `wrap` makes. TLS is loaded when it is asked for.
 * @throws {TypeError | RangeError} If an option of `tls` is not what it should be.
 */
export async function toWrap(
  tls: TlsClientOptions | TlsServerOptions | (() => TlsServerOptions) | undefined,
  wrap: Wrap | undefined,
  to: WrapTarget,
): Promise<Wrap | undefined> {
  if (tls === undefined) return wrap;
  const entry = await import("../tls/mod.ts");
  const secure = entry.tls(tls, to);
  if (wrap === undefined) return secure;
  return async (connection, to) => wrapConnection(await secure(connection, to), wrap, to);
}

/**
 * Makes the chat over a connection that was just opened, which is closed if that fails.
 * @param options Those of the chat alone.
 */
export function openChat<T>(
  connection: Connection,
  options: ChatOptions & FramesOf<T>,
  to: WrapTarget,
): Chat<T> {
  try {
    const chat = new Chat<T>(connection, options);
    rememberTarget(connection, to);
    return chat;
  } catch (error) {
    connection.close(error);
    throw error;
  }
}
