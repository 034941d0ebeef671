// listen(): a chat for each connection that comes to a port or a path.

import { type Chat, CHAT_OPTIONS, type ChatOptions, checkChatOptions } from "../chat/chat.ts";
import { onAbort } from "../common/abort.ts";
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  type OptionNames,
  pickOptions,
  typeName,
} from "../common/checks.ts";
import { ignoreRejection, rejected } from "../common/deferred.ts";
import type { Address, ConnectionListener } from "../connection/connection.ts";
import { checkWrap, type Wrap, wrapConnection, type WrapTarget } from "../connection/wrap.ts";
import type { Encoding } from "../common/latin1.ts";
import type { FramedBy, FrameOf, FramesOf } from "../framer/framer.ts";
import type { Endpoint } from "./endpoint.ts";
import { checkOpening, openChat, OPENING_OPTIONS, toWrap } from "./opening.ts";
import { socketsFor } from "./sockets.ts";
import { listenOnPath } from "./unix_listener.ts";
import type { TlsServerOptions } from "../tls/options.ts";
import { WrappingListener } from "./wrapping_listener.ts";

/** How a {@linkcode Listener} makes chats. The `signal` ends the listening, too. */
export interface ListenerOptions extends ChatOptions {
  /**
   * Puts something between each connection and its chat: `wrap: tap` shows what passes. Where it returns a promise, as
   * `tls()` of `asynchat/tls` does, up to 1,000 of them are under way at a time, so a slow peer holds up no other, and a
   * chat is handed out when its own is ready. With `tls`, TLS comes first, and this over it. Default: the chat has the
   * connection itself.
   */
  wrap?: Wrap | undefined;
  /**
   * Is called with the error when the promise of `wrap` has rejected, as it does when a TLS handshake fails; the
   * connection is closed then. (If `wrap` throws at once, {@linkcode Listener.accept} rejects.) What it throws is
   * ignored. Default: no one is told; of `serve()`, its own `onError`.
   */
  onError?: ((error: unknown, chat: undefined) => void) | undefined;
}

const LISTENER_OPTIONS: OptionNames<ListenerOptions> = { ...CHAT_OPTIONS, wrap: 1, onError: 1 };

/** Where to listen, and how to chat with whoever connects. The `signal` ends the listening, too. */
export interface ListenOptions extends ListenerOptions {
  /** The address to listen on: `"0.0.0.0"` or `"::"` for every one. Default: `"127.0.0.1"`, this machine only. */
  hostname?: string | undefined;
  /** The port, 0 to 65535; 0 lets the system choose one, and {@linkcode Listener.address} tells which. */
  port?: number | undefined;
  /**
   * The path of a Unix socket, instead of a port: at most 103 bytes. The socket is removed when the listener is closed,
   * and one that a program has left behind, and nobody listens on, when another begins to listen.
   */
  path?: string | undefined;
  /** `"tcp"`, or `"unix"` for a path: an {@linkcode Address} is where to listen, too. Default: what the others say. */
  transport?: "tcp" | "unix" | undefined;
  /**
   * `"tcp://127.0.0.1:6000"`, `"tcp://[::1]:0"` or `"unix:/run/app.sock"`, instead of a host name and a port, or a path.
   */
  url?: string | { readonly href: string } | undefined;
  /**
   * Lets several listeners, as a rule in as many processes, have the same address and port: the system spreads the
   * connections over them. Each must ask for it. On Linux, with Bun, Node 22.12 or 23.1 and later (which has it on some
   * other systems, too), or Deno with `--unstable-net`. Default: `false`.
   */
  reusePort?: boolean | undefined;
  /**
   * Speaks TLS with each client. A chat is handed out when its handshake is done. A client whose handshake fails, or
   * takes longer than `tls.handshakeTimeout`, is closed, and `onError` is called. To replace certificates while the
   * server runs, give a function: it is asked for the options of each new connection. It is a short way to say
   * `wrap: tls(options)` with `tls()` of `asynchat/tls`, which is loaded when you use it.
   */
  tls?: TlsServerOptions | (() => TlsServerOptions) | undefined;
  /**
   * Whether what is written is sent at once (`TCP_NODELAY`), and does not wait for the peer to acknowledge what was sent
   * before. A chat gathers small pushes itself, so that waiting would only delay them. Default: `true`.
   */
  noDelay?: boolean | undefined;
  /**
   * Whether the system asks a silent peer now and then whether it is still there (`SO_KEEPALIVE`), so that a connection
   * whose peer has vanished breaks by itself, also while nothing is sent. `true` leaves the times to the system: on
   * Linux it asks after two hours. A number is how long the peer may be silent before it is asked first, in
   * milliseconds, 1,000 to 32,767,000, in whole seconds; Node and Bun then ask ten times, once a second. Deno takes no
   * time: `true` or `false`. An `idleTimeout` ends a chat sooner, and says so. Default: `false`.
   */
  keepAlive?: boolean | number | undefined;
}

/**
 * Listens on a TCP port, or on a Unix socket, with the sockets of the runtime that this runs on: Node's, Deno's or Bun's.
 *
 * @param options Where to listen, and how frames are cut: with an encoding the chats are of text. (For options that may
 * have one or not, it is a `Listener<Frame>`.)
 * @returns The listener, which gives a chat for each connection.
 * @throws {ConnectionError} If that fails: `code` says how (`"in-use"`, `"unavailable"`, ...), the message on what
 * address.
 * @throws {TypeError} If an option is of a wrong type, a delimiter or the host name is empty, or there is not exactly
 * one of a port, a path and a URL.
 * @throws {RangeError} If the port, a count or a limit is out of range, or the path too long.
 * @throws {UnsupportedError} If this runtime has no sockets, no `reusePort`, or no time for `keepAlive`.
 *
 * @example
 * ```ts
 * import { type Chat, connect, listen } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * async function echo(chat: Chat): Promise<void> {
 *   await using _ = chat;
 *   for await (const line of chat) await chat.push(line, "\n");
 * }
 *
 * await using listener = await listen({ port: 0, terminator: "\n" });
 * const client = await connect({ port: listener.address.port, terminator: "\n" });
 * client.push("hello\n");
 * client.closeWrite();
 * for await (const chat of listener) {
 *   await echo(chat);
 *   break;
 * }
 * assertEquals(await client.read(), new TextEncoder().encode("hello"));
 * await client.closeWhenDone();
 * ```
 */
export async function listen<E extends Encoding | undefined = undefined, M = Uint8Array>(
  options: ListenOptions & FramedBy<E, M>,
): Promise<Listener<FrameOf<E, M>>> {
  checkOptions(options, LISTEN_OPTIONS);
  const endpoint = checkOpening(options, 0);
  const { reusePort = false, tls, onError } = options as ListenOptions;
  if (onError !== undefined) checkFunction("onError", onError);
  checkReusePort(reusePort, endpoint);
  if (endpoint.isTls && tls === undefined) {
    throw new TypeError("a tls:// url to listen on needs the option tls, with cert and key");
  }
  const sockets = socketsFor();
  const wrap = await toWrap(tls, options.wrap, ACCEPTED);
  const { path } = endpoint;
  const listener = path === undefined
    ? await sockets.listen({ ...endpoint, reusePort })
    : await listenOnPath(sockets, { ...endpoint, path });
  const own = pickOptions<ListenerOptions>(options, LISTENER_OPTIONS);
  return new Listener<unknown>(listener, { ...own, wrap }) as Listener<FrameOf<E, M>>;
}

/** The names of the options of `listen()`. */
export const LISTEN_OPTIONS: OptionNames<ListenOptions> = {
  ...OPENING_OPTIONS,
  tls: 1,
  onError: 1,
  reusePort: 1,
};

/** What the connections are for that a listener accepts. */
const ACCEPTED: WrapTarget = { isServer: true };

function checkReusePort(reusePort: boolean, { path }: Endpoint): void {
  if (!checkBoolean("reusePort", reusePort) || path === undefined) return;
  throw new TypeError(`reusePort needs a port, not the path ${path}`);
}

/** The chats of those who connect, in the order they came. */
export class Listener<T = Uint8Array> implements AsyncIterable<Chat<T>>, AsyncDisposable {
  readonly #listener: ConnectionListener;
  readonly #options: ChatOptions & FramesOf<T>;

  /**
   * Makes chats of what a listener of your own accepts.
   * @param listener Where connections come from; it belongs to this from now on.
   * @param options The options of each chat: with an encoding it is one of text. (For options that may have one or not,
   * it is a `Listener<Frame>`.)
   * @throws {TypeError | RangeError} If the listener is none, or an option is not what it should be.
   */
  constructor(listener: ConnectionListener, options: ListenerOptions & FramesOf<T>) {
    const { accept, close, closed } = (listener ?? {}) as Partial<ConnectionListener>;
    if (![accept, close, closed?.then].every((method) => typeof method === "function")) {
      throw new TypeError(`listener must be a ConnectionListener, not ${typeName(listener)}`);
    }
    checkOptions(options, LISTENER_OPTIONS);
    checkChatOptions(options);
    const { wrap, onError = () => {}, signal } = options as ListenerOptions;
    if (wrap !== undefined) checkWrap(wrap);
    checkFunction("onError", onError);
    this.#listener = wrap === undefined
      ? listener
      : new WrappingListener(listener, (each) => wrapConnection(each, wrap, ACCEPTED), onError);
    this.#options = pickOptions(options, CHAT_OPTIONS) as ChatOptions & FramesOf<T>;
    if (signal?.aborted) this.#listener.close();
    else if (signal) listener.closed.then(onAbort(signal, () => this.#listener.close()));
  }

  /** Where it listens, with the port that the system chose if 0 was asked for. */
  get address(): Address {
    return this.#listener.address;
  }

  /** Resolves when the port is free again, after {@linkcode Listener.close}. */
  get closed(): Promise<void> {
    return this.#listener.closed;
  }

  /**
   * Accepts one connection.
   *
   * When too many files are open, it rejects with a `ConnectionError` whose code is `"exhausted"`. Wait until a chat
   * has ended, or for a moment, and accept again, as `serve()` does; a loop over the listener throws that error, and a
   * later loop goes on. On Deno the connection stays with the system, and is accepted later; Bun closes it. Node closes
   * it, too, and does not say so: `accept()` waits for the next one.
   * @returns Its chat; `null` once the listener is closed.
   * @throws {ConnectionError} If the system refuses to accept: the listener goes on.
   */
  async accept(): Promise<Chat<T> | null> {
    const connection = await this.#listener.accept();
    if (connection === null) return null;
    return openChat<T>(connection, this.#options, ACCEPTED);
  }

  /**
   * The chats, until the listener is closed. Leaving the loop closes nothing; it throws what {@linkcode Listener.accept}
   * rejects with, and closes nothing then, either.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Chat<T>> {
    const next = async (): Promise<IteratorResult<Chat<T>, undefined>> => {
      const chat = await this.accept();
      return chat === null ? { done: true, value: undefined } : { done: false, value: chat };
    };
    // No generator: its return() would wait for the next connection, and an error would end it.
    const iterator: AsyncIterableIterator<Chat<T>> = {
      next: () => ignoreRejection(next()),
      return: () => Promise.resolve({ done: true, value: undefined }),
      throw: (error) => rejected(error),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Stops listening, and ends the loops over this listener. Accepted chats go on; connections that nobody has accepted
   * are closed. Harmless when repeated.
   * @returns Resolves when the port is free again.
   */
  close(): Promise<void> {
    this.#listener.close();
    return this.#listener.closed;
  }

  /** Calls {@linkcode Listener.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
