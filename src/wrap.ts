import { Chat, type ChatOptions } from "./chat.ts";
import { describe, nameOf } from "./checks.ts";
import type { Connection, Endpoint } from "./connection.ts";
import type { Frame } from "./frame_text.ts";
import { datagrams } from "./framings/datagrams.ts";

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

/** Makes the chat over a connection that was just opened, which is closed if that fails. */
export function openChat(connection: Connection, options: ChatOptions & WrapOptions): Chat<Frame> {
  const { wrap } = options;
  try {
    return new Chat<Frame>(wrap === undefined ? connection : wrap(connection), options);
  } catch (error) {
    connection.close(error);
    throw error;
  }
}
