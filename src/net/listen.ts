// listen(): a chat for each connection that comes to a port or a path.

import { type Chat, type ChatOptions, checkChatOptions } from "../chat/chat.ts";
import { onAbort } from "../common/abort.ts";
import {
  checkBoolean,
  checkFunction,
  checkOptions,
  type OptionNames,
  pickOptions,
  typeName,
} from "../common/checks.ts";
import { ignoreRejection } from "../common/deferred.ts";
import type { Address, ConnectionListener, Transport } from "../connection/connection.ts";
import type { FramesOf } from "../framer/framer.ts";
import type { Endpoint } from "./endpoint.ts";
import type { UrlLike } from "./endpoint_url.ts";
import {
  checkOpening,
  checkWrap,
  LISTENER_OPTIONS,
  openChat,
  OPENING_OPTIONS,
  type WrapOptions,
} from "./opening.ts";
import { socketsFor } from "./sockets.ts";
import type { TcpOptions } from "./tcp_options.ts";
import { listenOnPath } from "./unix_listener.ts";
import type { TlsServerOptions } from "../tls/options.ts";
import { checkCertificates } from "../tls/secure.ts";
import { TlsListener } from "./tls_listener.ts";
import { toServerSettings } from "../tls/settings.ts";

/** How a {@linkcode Listener} makes chats. The `signal` ends the listening, too. */
export interface ListenerOptions extends ChatOptions, WrapOptions {}

/** TLS, as a server that listens. */
export interface ListenTlsOptions extends TlsServerOptions {
  /**
   * Is told of each client that was closed because its handshake failed. What it throws is ignored. Default: nobody is
   * told; of `serve()`, its own `onError`.
   */
  onError?: ((error: Error) => void) | undefined;
}

/** Where to listen, and how to chat with whoever connects. The `signal` ends the listening, too. */
export interface ListenOptions extends ListenerOptions, TcpOptions {
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
  transport?: Transport | undefined;
  /**
   * `"tcp://127.0.0.1:6000"`, `"tcp://[::1]:0"` or `"unix:/run/app.sock"`, instead of a host name and a port, or a path.
   */
  url?: string | UrlLike | undefined;
  /**
   * Lets several listeners, as a rule in as many processes, have the same address and port: the system spreads the
   * connections over them. Each must ask for it. On Linux, with Bun, Node 22.12 or 23.1 and later (which has it on some
   * other systems, too), or Deno with `--unstable-net`. Default: `false`.
   */
  reusePort?: boolean | undefined;
  /**
   * Speaks TLS with whoever connects. A chat is handed out when its handshake is done; a client whose handshake fails,
   * or takes longer than `tls.handshakeTimeout`, is closed, and `tls.onError` told.
   */
  tls?: ListenTlsOptions | undefined;
}

/**
 * Listens on a TCP port, or on a Unix socket, with the sockets of the runtime that this runs on: Node's, Deno's or Bun's.
 *
 * @param options Where to listen, and how frames are cut: with an encoding the chats are of text. (For options that may
 * have one or not, it is `listen<Frame>(options)`.)
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
export async function listen<T = Uint8Array>(
  options: ListenOptions & FramesOf<T>,
): Promise<Listener<T>> {
  checkOptions(options, LISTEN_OPTIONS);
  const endpoint = checkOpening(options, 0);
  const { reusePort = false, tls } = options;
  checkReusePort(reusePort, endpoint);
  if (endpoint.isTls && tls === undefined) {
    throw new TypeError("a tls:// url to listen on needs the option tls, with cert and key");
  }
  const settings = tls === undefined ? undefined : toServerSettings(tls);
  const { onError = () => {} } = tls ?? {};
  checkFunction("tls.onError", onError);
  const sockets = socketsFor();
  if (settings !== undefined) await checkCertificates(settings);
  const { path } = endpoint;
  const listener = path === undefined
    ? await sockets.listen({ ...endpoint, reusePort })
    : await listenOnPath(sockets, { ...endpoint, path });
  const own = pickOptions(options, LISTENER_OPTIONS) as ListenerOptions & FramesOf<T>;
  if (settings === undefined) return new Listener<T>(listener, own);
  return new Listener<T>(new TlsListener(listener, settings, onError), own);
}

/** The names of the options of `listen()`. */
export const LISTEN_OPTIONS: OptionNames<ListenOptions> = {
  ...OPENING_OPTIONS,
  tls: 1,
  reusePort: 1,
};

function checkReusePort(reusePort: boolean, { path }: Endpoint): void {
  if (!checkBoolean("reusePort", reusePort) || path === undefined) return;
  throw new TypeError(`reusePort needs a port, not the path ${path}`);
}

/** The chats of those who connect, in the order they came. */
export class Listener<T = Uint8Array> implements AsyncIterable<Chat<T>>, AsyncDisposable {
  readonly #listener: ConnectionListener;
  readonly #options: ListenerOptions & FramesOf<T>;

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
    checkWrap(options);
    this.#listener = listener;
    this.#options = options;
    const { signal } = options;
    if (signal?.aborted) listener.close();
    else if (signal) listener.closed.then(onAbort(signal, () => listener.close()));
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
    return openChat<T>(connection, this.#options);
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
      throw: (error) => ignoreRejection(Promise.reject(error)),
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
