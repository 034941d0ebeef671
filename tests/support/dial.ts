import {
  Chat,
  type Connection,
  type ConnectOptions,
  type FramesOf,
  memoryPair,
} from "../../mod.ts";
import { CHAT_OPTIONS } from "../../src/chat/chat.ts";
import { pickOptions } from "../../src/common/checks.ts";

/** The option of a client that says how it connects. */
export interface Dial<T = Uint8Array> {
  readonly dial: (options: ConnectOptions & FramesOf<T>) => Promise<Chat<T>>;
}

/** Lets a client talk over a connection that is there. */
export function dialing<T = Uint8Array>(connection: Connection): Dial<T> {
  const dial: Dial<T>["dial"] = (options) => {
    const own = pickOptions(options, CHAT_OPTIONS) as typeof options;
    return Promise.resolve(new Chat<T>(connection, own));
  };
  return { dial };
}

/** Lets a client talk, over memory, with a server that the test plays, and that closes when it has been played. */
export function playing<F, T = Uint8Array>(
  makeChat: (connection: Connection) => Chat<F>,
  play: (chat: Chat<F>) => Promise<unknown>,
): Dial<T> {
  const [left, right] = memoryPair();
  const played = makeChat(right);
  void play(played).catch(() => {}).then(() => played.close());
  return dialing(left);
}
