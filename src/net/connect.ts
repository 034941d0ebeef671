// connect(): opens a connection with the sockets of the runtime, and chats over it.

import { type Chat, CHAT_OPTIONS, type ChatOptions } from "../chat/chat.ts";
import { onAbort } from "../common/abort.ts";
import {
  checkOptions,
  checkTimeout,
  describe,
  type OptionNames,
  pickOptions,
} from "../common/checks.ts";
import { Deadline } from "../common/deadline.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { type Wrap, wrapConnection, type WrapTarget } from "../connection/wrap.ts";
import { ConnectionError } from "../errors.ts";
import type { Encoding } from "../common/latin1.ts";
import type { FramedBy, FrameOf } from "../framer/framer.ts";
import type { Endpoint } from "./endpoint.ts";
import { isUrl } from "./endpoint_url.ts";
import { checkOpening, openChat, OPENING_OPTIONS, toWrap } from "./opening.ts";
import { type Sockets, socketsFor } from "./sockets.ts";
import type { TlsClientOptions } from "../tls/options.ts";

/** Where to connect to, and how to chat there. */
export interface ConnectOptions extends ChatOptions {
  /**
   * A host name or an IP address. The runtime looks a name up, and tries its addresses, of both IP versions. Default:
   * `"127.0.0.1"`.
   */
  hostname?: string | undefined;
  /** The port, 1 to 65535. */
  port?: number | undefined;
  /** The path of a Unix socket, instead of a port: at most 103 bytes. */
  path?: string | undefined;
  /** `"tcp"`, or `"unix"` for a path: an `Address` is where to connect to, too. Default: what the others say. */
  transport?: "tcp" | "unix" | undefined;
  /**
   * `"tcp://127.0.0.1:6000"`, `"tls://example.com:6000"` or `"unix:/run/app.sock"`, instead of a host name and a port,
   * or a path. It may as well be given in front of the options.
   */
  url?: string | { readonly href: string } | undefined;
  /**
   * Speaks TLS: `true`, or with options. The server's certificate must be valid, be signed by an authority that the
   * runtime trusts, and be for `hostname`, unless the options say otherwise. It is a short way to say
   * `wrap: tls(options)` with `tls()` of `asynchat/tls`, which is loaded when you use it.
   */
  tls?: true | TlsClientOptions | undefined;
  /**
   * Puts something between the connection and the chat: `wrap: tap` shows what passes, and
   * `wrap: (connection) => chaos(connection, { seed })` tries the program on a bad network. With `tls`, TLS comes first,
   * and this over it. Default: the chat has the connection itself.
   */
  wrap?: Wrap | undefined;
  /**
   * How long connecting may take, in milliseconds, the look-up of the host name, TLS and `wrap` included: 0 to 2,147,483,647,
   * or `Infinity`, the default, which leaves it to the system (about two minutes on Linux).
   */
  timeout?: number | undefined;
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
 * Connects over TCP, or to a Unix socket, with the sockets of the runtime that this runs on: Node's, Deno's or Bun's.
 *
 * @param options Where to connect to, and how frames are cut: with an encoding it is a chat of text. (For options that
 * may have one or not, it is a `Chat<Frame>`.)
 * @returns The chat, connected.
 * @throws {ConnectionError} If that fails: `code` says how (`"refused"`, `"not-found"`, ...), the message with what
 * address. With TLS it is `"tls"` if the server's certificate is not in order, or the server speaks none.
 * @throws The reason of `signal`, if that is aborted before the connection is there.
 * @throws {TypeError} If an option is of a wrong type, a delimiter or the host name is empty, or there is not exactly
 * one of a port, a path and a URL.
 * @throws {RangeError} If the port, a time, a count or a limit is out of range.
 * @throws {UnsupportedError} If this runtime has no sockets, or no time for `keepAlive`.
 *
 * @example
 * ```ts
 * import { connect, ConnectionError } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * try {
 *   await connect({ port: 1, terminator: "\n" });
 * } catch (error) {
 *   assertEquals((error as ConnectionError).code, "refused");
 * }
 * ```
 */
export function connect<E extends Encoding | undefined = undefined, M = Uint8Array>(
  options: ConnectOptions & FramedBy<E, M>,
): Promise<Chat<FrameOf<E, M>>>;
/**
 * Connects to where a URL leads: `connect(url, options)` is `connect({ url, ...options })`.
 * @param url `"tcp://127.0.0.1:6000"`, `"tls://example.com:6000"` or `"unix:/run/app.sock"`.
 * @param options How frames are cut, and how to connect.
 * @returns The chat, connected.
 */
export function connect<E extends Encoding | undefined = undefined, M = Uint8Array>(
  url: string | { readonly href: string },
  options: ConnectOptions & FramedBy<E, M>,
): Promise<Chat<FrameOf<E, M>>>;
export async function connect(
  first: string | { readonly href: string } | ConnectOptions,
  beside?: ConnectOptions,
): Promise<Chat<unknown>> {
  if (beside?.url !== undefined) {
    throw new TypeError(`expected one url, not another in the options: ${describe(beside.url)}`);
  }
  const options = beside === undefined && !isUrl(first)
    ? first as ConnectOptions
    : { ...beside!, url: first as string | { readonly href: string } };
  checkOptions(options, CONNECT_OPTIONS);
  const endpoint = checkOpening(options, 1);
  checkTimeout("timeout", options.timeout);
  const tls = options.tls ?? (endpoint.isTls ? true : undefined);
  const { hostname } = endpoint; // empty, where there is a path
  const to = hostname === "" ? { isServer: false } : { hostname, isServer: false };
  const sockets = socketsFor();
  const wrap = await toWrap(tls === true ? {} : tls, options.wrap, to);
  if (options.signal?.aborted) throw options.signal.reason;
  const connection = await connectInTime(sockets, endpoint, options, { wrap, to });
  return openChat<unknown>(connection, pickOptions(options, CHAT_OPTIONS), to);
}

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = { ...OPENING_OPTIONS, tls: 1, timeout: 1 };

/** How many turns of I/O connecting takes: the look-up of the name, and the connection. */
const CONNECT_TURNS = 2;
/** How many more a wrap takes: the handshake of TLS 1.2 goes back and forth twice. */
const WRAP_TURNS = 4;

/** What the connection is wrapped with. */
interface Wrapping {
  readonly wrap: Wrap | undefined;
  readonly to: WrapTarget;
}

/** The connection, unless it is given up first: then the attempt is, too, and what it brings all the same is closed. */
async function connectInTime(
  sockets: Sockets,
  endpoint: Endpoint,
  { signal, timeout = Infinity }: ConnectOptions,
  { wrap, to }: Wrapping,
): Promise<Connection> {
  // Only where it may be given up: the signal was 7 % of what connecting took on Node (by its profile).
  const attempt = signal || timeout < Infinity ? new AbortController() : undefined;
  let plain: Connection | undefined;
  const open = async (): Promise<Connection> => {
    plain = await sockets.connect(endpoint, attempt?.signal);
    if (wrap === undefined || attempt?.signal.aborted) return plain;
    return await wrapConnection(plain, wrap, to);
  };
  if (attempt === undefined) return await open();
  const connecting = open();
  const givenUp = new Deferred<never>();
  const giveUp = (reason: unknown): void => {
    givenUp.reject(reason);
    attempt.abort();
    plain?.close(reason);
    connecting.then((connection) => connection.close(reason), () => {});
  };
  const forgetSignal = signal && onAbort(signal, () => giveUp(signal.reason));
  const onTimeout = (): void => giveUp(timeoutError(endpoint, timeout));
  const turns = wrap === undefined ? CONNECT_TURNS : CONNECT_TURNS + WRAP_TURNS;
  const deadline = timeout === Infinity ? undefined : new Deadline(timeout, onTimeout, turns);
  try {
    return await Promise.race([givenUp.promise, connecting]);
  } finally {
    deadline?.clear();
    forgetSignal?.();
  }
}

function timeoutError(endpoint: Endpoint, timeout: number): ConnectionError {
  const what = `cannot connect to ${formatEndpoint(endpoint)}`;
  return new ConnectionError("timeout", `${what}: it took longer than ${timeout} ms`);
}
