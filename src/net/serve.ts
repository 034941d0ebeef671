// serve(): a handler runs for each chat of a listener, so many at a time.

import type { Chat } from "../chat/chat.ts";
import {
  checkFunction,
  checkInteger,
  checkOptions,
  checkTimeout,
  describe,
  type OptionNames,
  pickOptions,
  typeName,
} from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import { notify } from "../common/attempt.ts";
import type { Address } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { ClosedError, ConnectionError } from "../errors.ts";
import type { Encoding } from "../common/latin1.ts";
import type { FramedBy, FrameOf } from "../framer/framer.ts";
import { listen, LISTEN_OPTIONS, Listener, type ListenOptions } from "./listen.ts";

/** How many chats a {@linkcode Server} has at a time, and who is told of errors. `T` is what frames are. */
export interface ServerOptions<T = unknown> {
  /**
   * How many chats there may be at a time, 1 or more: one counts until it is closed and its handler has returned. Default:
   * `Infinity`, which is as many as the process may have files open, often 1024; `onError` is told when these are too few.
   */
  maxConnections?: number | undefined;
  /**
   * What becomes of further connections: they wait until a chat has ended (`"wait"`, the default), or are closed at
   * once (`"refuse"`). Some hundreds may wait: with the system on Deno; on Node and Bun as open files of the process,
   * 511 at most.
   */
  whenFull?: "wait" | "refuse" | undefined;
  /**
   * Is told what a handler threw, and with which chat; or, with no chat, why the system refused to accept (which is
   * tried again after a tenth of a second), what `wrap` threw, or why a client's TLS handshake failed. What it throws
   * itself is ignored. Default: `console.error`, with one line for a
   * `ConnectionError`, and the stack of what else was thrown.
   */
  onError?: ((error: unknown, chat: Chat<T> | undefined) => void) | undefined;
  /**
   * Ends the listening when it is aborted, and the chats: what their handlers throw for this reason is no error. If it is
   * aborted already, the server has ended from the start.
   */
  signal?: ListenOptions["signal"];
}

/** Where to serve, how frames are cut, and how many chats there may be. */
export interface ServeOptions<T = unknown>
  extends Omit<ListenOptions, "onError">, ServerOptions<T> {}

/** What is done with one chat. When it has returned, what was pushed is sent, and the chat closed. */
export type Handler<T = unknown> = (chat: Chat<T>) => void | Promise<void>;

const SERVER_OPTIONS: OptionNames<ServerOptions> = {
  maxConnections: 1,
  whenFull: 1,
  onError: 1,
  signal: 1,
};
const SERVE_OPTIONS: OptionNames<ServeOptions> = { ...LISTEN_OPTIONS, ...SERVER_OPTIONS };
const SHUTDOWN_OPTIONS = { grace: 1 } as const;

/** How long the server waits when the system refuses to accept, as it does when too many files are open. Milliseconds. */
const ACCEPT_PAUSE = 100;
const DEFAULT_GRACE = 10_000;

/**
 * Listens on a port, or on a Unix socket, and runs the handler for each chat, at the same time. A handler that throws
 * ends its own chat only.
 *
 * @param options Where to listen, how frames are cut, and how many chats there may be: of text, with an encoding. (For
 * options that may have one or not, they are of type `Chat<Frame>`.)
 * @param handler What is done with a chat.
 * @returns The server, listening.
 * @throws {ConnectionError} If it cannot listen, as for `listen()`.
 * @throws {TypeError} If an option is of a wrong type.
 * @throws {RangeError} If a number is out of range.
 * @throws {UnsupportedError} If this runtime has no sockets, or no `reusePort`.
 *
 * @example
 * ```ts
 * import { connect, serve } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const server = await serve({ port: 0, terminator: "\n", encoding: "utf-8" }, async (chat) => {
 *   for await (const line of chat) await chat.send(line.toUpperCase());
 * });
 *
 * const client = await connect({ port: server.address.port, terminator: "\n", encoding: "utf-8" });
 * await client.send("hello");
 * assertEquals(await client.read(), "HELLO");
 * await client.closeWhenDone();
 * await server.shutdown();
 * ```
 */
export async function serve<E extends Encoding | undefined = undefined, M = Uint8Array>(
  options: ServeOptions<FrameOf<E, M>> & FramedBy<E, M>,
  handler: Handler<FrameOf<E, M>>,
): Promise<Server<FrameOf<E, M>>> {
  checkOptions(options, SERVE_OPTIONS);
  checkServing(handler, options);
  const { onError = printError } = options;
  const listening = { ...pickOptions(options, LISTEN_OPTIONS), onError };
  const listener = await listen<E, M>(listening as ListenOptions & FramedBy<E, M>);
  return new Server(listener, handler, pickOptions(options, SERVER_OPTIONS));
}

/**
 * A listener, and the chats that it has brought.
 *
 * ```text
 *   accept ──▶ is there room? ──▶ handler(chat) ──▶ closeWhenDone() ──▶ room for another
 *     ▲            │ no: wait, or refuse    └─ throws: close(error), onError(error, chat)
 *     └── pause ◀──┴── the system refuses: onError(error)
 * ```
 */
export class Server<T = Uint8Array> implements AsyncDisposable {
  readonly #listener: Listener<T>;
  readonly #handler: Handler<T>;
  readonly #options: ServerOptions<T>;
  /** Each until it is closed and its handler has returned. */
  readonly #connected: Set<Chat<T>> = new Set();
  /** Each while its handler runs. A set of its own: nothing here depends on what a program does with it. */
  readonly #chats: Set<Chat<T>> = new Set();
  readonly #finished: Promise<void>;
  /** Resolves when a chat has ended, or the listening has. */
  #changed = new Deferred();
  #isClosed = false;
  /** What chats were closed with that had not ended in time. */
  #closing: ClosedError | undefined;
  /** Resolves when these are closed, and their handlers have had a moment to return. */
  readonly #graceOver = new Deferred();

  /**
   * Serves what a listener of your own brings.
   * @param listener Where chats come from; it belongs to the server from now on.
   * @param handler What is done with a chat.
   * @param options How many chats there may be at a time, and who is told of errors.
   * @throws {TypeError} If an option is of a wrong type.
   * @throws {RangeError} If `maxConnections` is no number of chats.
   */
  constructor(
    listener: Listener<T>,
    handler: Handler<T>,
    options: ServerOptions<T> = {},
  ) {
    if (!(listener instanceof Listener)) {
      throw new TypeError(`listener must be a Listener, not ${typeName(listener)}`);
    }
    checkOptions(options, SERVER_OPTIONS);
    checkServing(handler, options);
    this.#listener = listener;
    this.#handler = handler;
    this.#options = options;
    listener.closed.then(() => {
      this.#isClosed = true;
      this.#onChange();
    });
    this.#finished = this.#run();
  }

  /** Where it listens. */
  get address(): Address {
    return this.#listener.address;
  }

  /**
   * The open chats: each from the call of its handler until the handler returns or throws. To broadcast, push to each of
   * them and do not await it.
   *
   * The set is live, and you may iterate over it while chats come and go, also with an `await` in the loop: a chat that
   * leaves is skipped, and one that comes is visited. A chat that ends while its handler still runs stays until the handler
   * does: a push to it rejects, which is never reported as unhandled.
   *
   * @example
   * ```ts
   * import { connect, serve } from "@asynchat/asynchat";
   * import { assertEquals } from "@std/assert";
   *
   * const lines = { terminator: "\n", encoding: "utf-8" } as const;
   * const server = await serve({ port: 0, ...lines }, async (chat) => {
   *   for await (const line of chat) {
   *     for (const each of server.chats) each.push(`${line}\n`); // a slow reader does not hold up the others
   *   }
   * });
   *
   * const client = await connect({ port: server.address.port, ...lines });
   * await client.send("hello, everybody");
   * assertEquals(await client.read(), "hello, everybody");
   * await client.closeWhenDone();
   * await server.shutdown();
   * ```
   */
  get chats(): ReadonlySet<Chat<T>> {
    return this.#chats;
  }

  /**
   * How many chats count towards `maxConnections`: those in {@linkcode Server.chats}, and those whose handler has ended and
   * that are not closed yet, because the last bytes are still on their way.
   */
  get connections(): number {
    return this.#connected.size;
  }

  /**
   * Resolves when nothing is listened for any more, the last chat is closed, and the last handler has returned: not at
   * all if one never does. It never rejects.
   */
  get finished(): Promise<void> {
    return this.#finished;
  }

  /**
   * Stops accepting, lets the chats end by themselves, and closes those that have not ended in time: their reads reject
   * with a `ClosedError`. Harmless when repeated, also with a shorter time. Connections that wait to be accepted are
   * closed at once. A handler that awaits it waits for itself, as long as the grace is: call it, and return.
   * @param options How long the chats have.
   * @returns Resolves when the last chat has ended. A handler that does not return though its chat was closed is not
   * waited for; {@linkcode Server.finished} tells when it has.
   * @throws {TypeError | RangeError} (The promise rejects with these.) If `grace` is no time.
   */
  async shutdown(
    options: {
      /** How long the chats have to end by themselves, in milliseconds, or `Infinity`. Default: 10,000. */
      grace?: number | undefined;
    } = {},
  ): Promise<void> {
    const { grace = DEFAULT_GRACE } = checkOptions(options, SHUTDOWN_OPTIONS);
    checkTimeout("grace", grace);
    this.#listener.close();
    const timer = grace === Infinity ? undefined : setTimeout(() => this.#closeChats(), grace);
    await Promise.race([this.#finished, this.#graceOver.promise]);
    clearTimeout(timer);
  }

  /** Calls {@linkcode Server.shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #run(): Promise<void> {
    const { maxConnections = Infinity, whenFull = "wait" } = this.#options;
    for (;;) {
      while (whenFull === "wait" && this.#connected.size >= maxConnections && !this.#isClosed) {
        await this.#changed.promise;
      }
      const chat = await this.#accept();
      if (chat === null) break;
      if (this.#connected.size < maxConnections) this.#handle(chat);
      else chat.close();
    }
    while (this.#connected.size > 0) await this.#changed.promise;
  }

  async #accept(): Promise<Chat<T> | null> {
    for (;;) {
      try {
        return await this.#listener.accept();
      } catch (error) {
        this.#report(error, undefined);
        // What `wrap` throws is about one connection: the others need not wait.
        await this.#pause(error instanceof ConnectionError ? ACCEPT_PAUSE : 0);
      }
    }
  }

  /** Waits so long, and no longer than the server listens. (A race with `closed` would leave a reaction on it each time.) */
  async #pause(milliseconds: number): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.#onChange();
    }, milliseconds);
    while (!isOver && !this.#isClosed) await this.#changed.promise;
    clearTimeout(timer);
  }

  /** (With two async functions in its place each chat would take 600 bytes more on Node while its handler runs.) */
  #handle(chat: Chat<T>): void {
    this.#connected.add(chat);
    this.#chats.add(chat);
    this.#runHandler(chat).then(() => this.#end(chat), (error) => this.#end(chat, { error }));
  }

  #runHandler(chat: Chat<T>): Promise<void> {
    try {
      return Promise.resolve(this.#handler(chat));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The handler of the chat has returned, or has thrown something. */
  async #end(chat: Chat<T>, thrown?: { readonly error: unknown }): Promise<void> {
    this.#chats.delete(chat);
    try {
      if (thrown !== undefined) throw thrown.error;
      await chat.closeWhenDone();
    } catch (error) {
      chat.close(error);
      if (!this.#isOwnDoing(error)) this.#report(error, chat);
    }
    await chat.closed;
    this.#connected.delete(chat);
    this.#onChange();
  }

  /** What this side has ended the chat with is no news. A reason that is no `Error` is the cause of one. */
  #isOwnDoing(error: unknown): boolean {
    if (this.#closing !== undefined && error === this.#closing) return true;
    const { signal } = this.#options;
    if (!signal?.aborted) return false;
    return error === signal.reason ||
      (error instanceof ClosedError && error.cause === signal.reason);
  }

  async #closeChats(): Promise<void> {
    this.#closing ??= new ClosedError("the server is shutting down");
    const chats = [...this.#connected];
    for (const chat of chats) chat.close(this.#closing);
    await Promise.all(chats.map((chat) => chat.closed));
    // A turn of the event loop, for handlers that end because their chat has.
    setTimeout(this.#graceOver.resolve, 0);
  }

  #onChange(): void {
    this.#changed.resolve();
    this.#changed = new Deferred();
  }

  #report(error: unknown, chat: Chat<T> | undefined): void {
    const { onError = printError } = this.#options;
    notify(() => onError(error, chat));
  }
}

function checkServing(handler: unknown, options: ServerOptions<never>): void {
  const { maxConnections = Infinity, whenFull = "wait", onError } = options;
  checkFunction("handler", handler);
  if (maxConnections !== Infinity) checkInteger("maxConnections", maxConnections, 1);
  if (whenFull !== "wait" && whenFull !== "refuse") {
    throw new TypeError(`whenFull must be "wait" or "refuse", not ${describe(whenFull)}`);
  }
  if (onError !== undefined) checkFunction("onError", onError);
}

/** What a network does needs a line; what a program does wrong, its stack. */
function printError<T>(error: unknown, chat: Chat<T> | undefined): void {
  const where = chat ? formatEndpoint(chat.remoteAddress) : "accept";
  if (!(error instanceof ConnectionError)) return console.error(`${where}:`, error);
  const { message, hint } = error;
  console.error(`${where}: ${message}${hint === undefined ? "" : `: ${hint}`}`);
}
