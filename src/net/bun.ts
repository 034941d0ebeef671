// fromBun(), and the sockets of Bun: TCP and Unix.

import { checkFunction } from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener, TlsInfo } from "../connection/connection.ts";
import { type Ends, formatEndpoint, tcpAddress, unixAddress } from "../connection/address.ts";
import {
  duplex,
  type Sink,
  type Source,
  type SourceEvents,
  type Whole,
} from "../connection/duplex.ts";
import type { Handshake, StartTls } from "../connection/native.ts";
import { ClosedError, UnsupportedError } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { tune } from "./tcp_options.ts";
import { builtin } from "../connection/builtin.ts";
import { DescriptorWatch, PushedListener } from "./pushed_listener.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/** What a connection needs of a `Bun.Socket`. */
export interface BunSocketLike {
  /** Writes a part of the data, and says how much; -1 if the connection is broken or closed. */
  write(data: Uint8Array): number;
  /** Stops reading. */
  pause(): unknown;
  /** Reads on. */
  resume(): unknown;
  /** Ends the writing side. */
  shutdown(): unknown;
  /** Closes both sides. */
  end(): unknown;
  /** Breaks off. */
  terminate?(): unknown;
  /** Lets the socket keep the process alive. */
  ref?(): unknown;
  /** Lets the process end though the socket is open. */
  unref?(): unknown;
  /** Whatever belongs to the socket: here, its connection. */
  data: unknown;
  /** This end's IP address. */
  readonly localAddress: string;
  /** This end's port. */
  readonly localPort: number;
  /** The peer's IP address. */
  readonly remoteAddress: string;
  /** The peer's port. */
  readonly remotePort?: number;
  /** Of a TCP socket: whether what is written is sent at once. */
  setNoDelay?(noDelay: boolean): boolean;
  /** Of a TCP socket: whether the system asks a silent peer whether it is there, and after how many milliseconds. */
  setKeepAlive?(enable: boolean, initialDelay?: number): boolean;
}

/** What `fromBun()` returns, with the socket that its handlers are given: programs have Bun's own types for it. */
interface BunSocketOptions {
  readonly allowHalfOpen: true;
  readonly socket: BunHandlers;
}

export interface BunHandlers {
  readonly binaryType: "uint8array";
  open(socket: BunSocketLike): void;
  data(socket: BunSocketLike, chunk: Uint8Array): void;
  drain(socket: BunSocketLike): void;
  end(socket: BunSocketLike): void;
  close(socket: BunSocketLike, error?: Error): void;
  error(socket: BunSocketLike, error: Error): void;
}

interface BunListenerLike {
  stop(): void;
  readonly port: number;
}

/** Where to connect to, or to listen, as Bun says it. */
type BunWhere = { hostname: string; port: number } | { unix: string };

interface BunLike {
  connect(options: BunWhere & BunSocketOptions): Promise<BunSocketLike>;
  listen(options: BunWhere & BunSocketOptions & { reusePort: boolean }): BunListenerLike;
}

/**
 * Options for `Bun.connect` and `Bun.listen` that make a connection of each socket: a Bun socket cannot be made one
 * later, because its handlers are set when it is made. The connection owns `socket.data`.
 *
 * @param onConnection Is called with the connection when a socket has opened.
 * @returns What to spread into the options, beside the host name and the port.
 * @throws {TypeError} If `onConnection` is no function.
 *
 * @example
 * ```ts
 * import { Chat, fromBun } from "@asynchat/asynchat";
 *
 * const options = fromBun(async (connection) => {
 *   await using chat = new Chat(connection, { terminator: "\n" });
 *   chat.push("hello\n");
 * });
 * // Bun.listen({ hostname: "127.0.0.1", port: 6000, ...options });
 * ```
 */
export function fromBun(onConnection: (connection: Connection) => void): {
  /** The socket stays open when the peer ends its direction. */
  readonly allowHalfOpen: true;
  /** The handlers, which lead each socket's events to its connection. */
  readonly socket: {
    /** The `Uint8Array` that `data` is to be given. */
    readonly binaryType: "uint8array";
    /** A socket has opened. */
    open(socket: never): void;
    /** Bytes have arrived. */
    data(socket: never, chunk: Uint8Array): void;
    /** There may be room to write. */
    drain(socket: never): void;
    /** The peer has ended its direction. */
    end(socket: never): void;
    /** The socket is closed. */
    close(socket: never, error?: Error): void;
    /** A handler has thrown. */
    error(socket: never, error: Error): void;
  };
} {
  checkFunction("onConnection", onConnection);
  return optionsFor((_socket, connection) => onConnection(connection), {});
}

function optionsFor(
  onConnection: (socket: BunSocketLike, connection: Connection) => void,
  ends: Ends,
): BunSocketOptions {
  return {
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open(socket) {
        onConnection(socket, connectionOver(socket, ends));
      },
    },
  };
}

const HANDLERS: Omit<BunHandlers, "open"> = {
  binaryType: "uint8array",
  data: (socket, chunk) => transportOf(socket)?.onData(chunk),
  drain: (socket) => transportOf(socket)?.onDrain(),
  // Without this handler Bun closes the socket when the peer ends its direction, whatever `allowHalfOpen` says.
  end: (socket) => transportOf(socket)?.onEnd(),
  close: (socket, error) => transportOf(socket)?.onClose(error),
  error: (_socket, error) => {
    throw error;
  },
};

/** Those of a socket that speaks TLS, which has no connection before its handshake is done. */
const TLS_HANDLERS: BunHandlers = {
  ...HANDLERS,
  open() {},
  error: (socket, error) => transportOf(socket)?.onError(error),
};

/** What belongs to a socket once it is open, and has shaken hands if it speaks TLS. */
function transportOf(socket: BunSocketLike): BunSocket | undefined {
  return socket.data as BunSocket | undefined;
}

function connectionOver(socket: BunSocketLike, ends: Ends, tls?: TlsInfo): Connection {
  const transport = new BunSocket(socket, ends, tls);
  socket.data = transport;
  return duplex(transport, transport, transport);
}

/**
 * Opens a connection over TCP or a Unix socket with `Bun.connect`. An attempt cannot be called off: it goes on until
 * the system gives it up.
 */
export async function connectBun(endpoint: Endpoint): Promise<Connection> {
  const opened = new Deferred<Connection>();
  try {
    const ends = { remote: unixAddress(endpoint.path) };
    const options = optionsFor((socket, connection) => {
      tune(socket, endpoint.tcp);
      opened.resolve(connection);
    }, ends);
    await bun().connect({ ...whereOf(endpoint), ...options });
  } catch (cause) {
    throw toConnectionError(cause, `connect to ${formatEndpoint(endpoint)}`);
  }
  return opened.promise;
}

function whereOf({ hostname, port, path }: Endpoint): BunWhere {
  return path === undefined ? { hostname, port } : { unix: path };
}

/** Listens on a TCP port or a Unix socket with `Bun.listen`. */
export function listenBun(endpoint: ListenEndpoint): ConnectionListener {
  const { hostname, path, reusePort = false } = endpoint;
  const { platform } = builtin("node:process");
  if (reusePort && platform !== "linux") {
    // Elsewhere Bun ignores the option, or the system does not spread the connections.
    throw new UnsupportedError(`reusePort needs Linux, not ${platform}`);
  }
  let listener: PushedListener;
  const accept = (socket: BunSocketLike, connection: Connection): void => {
    tune(socket, endpoint.tcp);
    listener.put(connection);
  };
  const options = optionsFor(accept, { local: unixAddress(path) });
  try {
    const server = bun().listen({ ...whereOf(endpoint), reusePort, ...options });
    const address = unixAddress(path) ?? tcpAddress(hostname, server.port)!;
    return listener = new PushedListener(address, () => server.stop(), new DescriptorWatch());
  } catch (cause) {
    throw toConnectionError(cause, `listen on ${formatEndpoint(endpoint)}`);
  }
}

interface PendingWrite {
  rest: Uint8Array;
  readonly done: Deferred;
}

class BunSocket implements Source, Sink, Whole {
  readonly localAddress: Address | undefined;
  readonly remoteAddress: Address | undefined;
  readonly tls: TlsInfo | undefined;
  readonly #socket: BunSocketLike;
  #events!: SourceEvents;
  #pending: PendingWrite | undefined;
  #isClosed = false;
  #hasEnded = false;
  #isUnref = false;
  /** What broke TLS: Bun closes the socket after it, and does not say why again. */
  #cause: Error | undefined;
  /** The socket speaks TLS now: what is heard of it here is what passes encrypted. */
  #handshake: Handshake | undefined;

  constructor(socket: BunSocketLike, ends: Ends, tls?: TlsInfo) {
    this.#socket = socket;
    this.tls = tls;
    this.localAddress = tcpAddress(socket.localAddress, socket.localPort) ?? ends.local;
    this.remoteAddress = tcpAddress(socket.remoteAddress, socket.remotePort) ?? ends.remote;
  }

  get name(): string {
    return formatEndpoint(this.remoteAddress);
  }

  get isOne(): true {
    return true;
  }

  get closed(): "source" {
    return "source";
  }

  open(events: SourceEvents): void {
    this.#events = events;
    this.#socket.pause();
  }

  pull(): void {
    this.#socket.resume();
  }

  hold(): void {
    this.#socket.pause();
  }

  write(data: Uint8Array): Promise<void> | undefined {
    const count = this.#socket.write(data);
    if (count === data.length) return undefined;
    // The peer has reset the connection, and Bun may report that as an orderly end.
    if (count < 0) return Promise.reject(this.#cause);
    const done = new Deferred();
    this.#pending = { rest: data.subarray(count), done };
    if (this.#isUnref) this.#socket.ref?.(); // until it is taken
    return done.promise;
  }

  end(): void {
    this.#hasEnded = true;
    this.#socket.shutdown();
  }

  release(): void {
    if (this.#isClosed) return;
    if (this.#handshake !== undefined) {
      this.#handshake.giveUp(new ClosedError("the connection is closed"));
    } else if (this.tls !== undefined) this.#endTls();
    else this.#socket.end();
  }

  ref(): void {
    this.#isUnref = false;
    this.#socket.ref?.();
  }

  unref(): void {
    this.#isUnref = true;
    if (this.#pending === undefined) this.#socket.unref?.();
  }

  /** Bun cannot be given what was read already: then it is done as elsewhere. */
  startTls(start: StartTls): Promise<Connection> | undefined {
    const isOver = this.#isClosed || this.#hasEnded || this.#pending !== undefined;
    if (isOver || this.tls !== undefined || !("upgradeTLS" in this.#socket)) return undefined;
    const adopt = (secured: BunSocketLike, info: TlsInfo): Connection =>
      connectionOver(secured, {}, info);
    this.#handshake = start(this.#socket as never, TLS_HANDLERS, adopt as never);
    return this.#handshake.connection;
  }

  onData(chunk: Uint8Array): void {
    if (this.#handshake === undefined) this.#events.onChunk(chunk);
  }

  onError(cause: Error): void {
    this.#cause ??= cause;
  }

  /** Writes on. Bun takes a part of what it is given, and says `drain` when it may take more, or for no reason at all. */
  onDrain(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const count = this.#socket.write(pending.rest);
    if (count >= 0) pending.rest = pending.rest.subarray(count);
    if (count >= 0 && pending.rest.length > 0) return;
    this.#pending = undefined;
    if (this.#isUnref) this.#socket.unref?.();
    if (count < 0) pending.done.reject(this.#cause);
    else pending.done.resolve();
  }

  onEnd(): void {
    if (this.#handshake === undefined) this.#events.onEnd();
  }

  onClose(cause: Error | undefined): void {
    this.#isClosed = true;
    this.#cause ??= cause;
    // After our own shutdown() the peer's end is reported as a close without an error, not as an end.
    if (this.#cause !== undefined) this.#events.onFailure(this.#cause);
    else if (this.#hasEnded) this.#events.onEnd();
    this.#pending?.done.reject(this.#cause);
    this.#pending = undefined;
    this.#events.onGone();
  }

  /** By itself end() waits for the peer, 12 s, if this side has not sent its close_notify, or cannot. */
  #endTls(): void {
    if (this.#pending !== undefined) return void this.#socket.terminate?.();
    if (!this.#hasEnded) this.#socket.shutdown();
    this.#socket.end();
  }
}

function bun(): BunLike {
  return (globalThis as unknown as { Bun: BunLike }).Bun;
}
