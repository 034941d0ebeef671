import { Chat, type ChatOptions } from "../chat.ts";
import { checkFunction, describe, nameOf } from "../common/checks.ts";
import type { Connection, Endpoint } from "../connection.ts";
import type { Frame } from "../framer/frame_text.ts";
import { UnsupportedError } from "../errors.ts";
import { datagrams } from "../framings/datagrams.ts";
import { rememberName } from "../tls.ts";

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
  if (wrap !== undefined) checkFunction("wrap", wrap, ", such as tap");
}

/**
 * Checks that frames are what the transport carries.
 * @throws {TypeError} If there are datagrams, and the terminator is not `datagrams()`.
 */
export function checkFraming({ transport }: Endpoint, { terminator }: ChatOptions): void {
  if (transport !== "udp" || terminator === datagrams()) return;
  const met = terminator !== null && typeof terminator === "object"
    ? nameOf(terminator)
    : describe(terminator);
  throw new TypeError(`over UDP a datagram is a frame: terminator must be datagrams(), not ${met}`);
}

/**
 * Checks that TLS is asked for where it can be spoken.
 * @throws {UnsupportedError} If there are datagrams: that would be DTLS.
 */
export function checkTlsTransport({ transport }: Endpoint, tls: unknown): void {
  if (transport !== "udp" || tls === undefined) return;
  throw new UnsupportedError("tls goes over TCP and Unix sockets; over UDP it would be DTLS");
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
