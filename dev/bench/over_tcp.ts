/**
 * Who takes a file over TCP, on the loopback interface. The sender is socat, in a process of its own: so the sender is the same for
 * all, and no JavaScript. A contestant is one connection that takes the whole file, from the start of socat to the end of the
 * stream.
 */
import { type Chat, listen, type Listener } from "../../mod.ts";
import type { Contestant, Tally } from "./contest.ts";
import { run, unlessFails } from "./external.ts";
import { type BareServer, listenBare } from "./peers/bare_socket.ts";

/** Sends a file, and ends the connection. */
export async function sendFile(path: string, port: number): Promise<void> {
  await run("socat", "-u", "-b", "262144", `FILE:${path}`, `TCP:127.0.0.1:${port}`);
}

/** What chunks are given to, and what it has counted. It must not keep a chunk. */
export interface Sink extends Tally {
  push(chunk: Uint8Array): void;
}

/** Takes files with chats, and with the runtime's own sockets, one connection at a time. */
export class Receivers implements AsyncDisposable {
  readonly #listener: Listener;
  readonly #sockets: Sockets;

  private constructor(listener: Listener, sockets: Sockets) {
    this.#listener = listener;
    this.#sockets = sockets;
  }

  static async listen(): Promise<Receivers> {
    return new Receivers(await listen({ port: 0, terminator: "\n" }), await Sockets.listen());
  }

  /** Takes the file with a chat, whose terminator is a newline, and which is read by `count`. */
  byChat(path: string, count: (chat: Chat) => Promise<Tally>): Contestant {
    return async () => {
      const sending = sendFile(path, this.#listener.address.port);
      const chat = (await unlessFails(this.#listener.accept(), sending))!;
      const tally = await count(chat);
      await Promise.all([sending, chat.closeWhenDone()]);
      return tally;
    };
  }

  /** Takes the file with a socket, which gives each chunk to the sink. */
  bySocket(path: string, newSink: () => Sink): Contestant {
    return () => this.#sockets.take(path, newSink());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sockets.close();
    await this.#listener.close();
  }
}

class Sockets {
  #server: BareServer | undefined;
  #sink: Sink | undefined;
  #onEnd: (() => void) | undefined;

  static async listen(): Promise<Sockets> {
    const sockets = new Sockets();
    sockets.#server = await listenBare({
      data: (chunk) => sockets.#sink?.push(chunk),
      end: () => sockets.#onEnd?.(),
    });
    return sockets;
  }

  async take(path: string, sink: Sink): Promise<Tally> {
    this.#sink = sink;
    const ended = new Promise<void>((resolve) => this.#onEnd = resolve);
    await Promise.all([sendFile(path, this.#server!.port), ended]);
    return sink;
  }

  close(): void {
    this.#server!.close();
  }
}
