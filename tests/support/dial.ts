import {
  Chat,
  type Connection,
  type ConnectOptions,
  type FramesOf,
  type Frame,
  memoryPair,
} from "../../mod.ts";

/** The option of a client that says how it connects. */
export interface Dial {
  readonly dial: (options: ConnectOptions & FramesOf<Uint8Array>) => Promise<Chat>;
}

/** Lets a client talk over a connection that is there. */
export function dialing(connection: Connection): Dial {
  return { dial: (options) => Promise.resolve(new Chat(connection, options)) };
}

/** Lets a client talk, over memory, with a server that the test plays, and that closes when it has been played. */
export function playing<F extends Frame>(
  makeChat: (connection: Connection) => Chat<F>,
  play: (chat: Chat<F>) => Promise<unknown>,
): Dial {
  const [left, right] = memoryPair();
  const played = makeChat(right);
  void play(played).catch(() => {}).then(() => played.close());
  return dialing(left);
}
