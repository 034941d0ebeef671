// fromBun(), and the sockets of Bun: TCP and Unix.

import { concat, toBytes } from "../common/bytes.ts";
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
import { ClosedError, UnsupportedError } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { tune } from "./tcp_options.ts";
import { startHandshakeTimer, toHandshakeError } from "../tls/handshake_error.ts";
import { infoOf, type TlsSocketLike } from "../tls/info.ts";
import type { TlsSettings } from "../tls/settings.ts";
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
  #upgrade: Upgrade | undefined;

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
    if (this.#upgrade !== undefined) {
      this.#upgrade.giveUp(new ClosedError("the connection is closed"));
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
  startTls(settings: TlsSettings): Promise<Connection> | undefined {
    const isOver = this.#isClosed || this.#hasEnded || this.#pending !== undefined;
    if (isOver || this.tls !== undefined || !("upgradeTLS" in this.#socket)) return undefined;
    this.#upgrade = upgrade(this.#socket as BunTlsSocketLike, settings);
    return this.#upgrade.connection;
  }

  onData(chunk: Uint8Array): void {
    if (this.#upgrade === undefined) this.#events.onChunk(chunk);
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
    if (this.#upgrade === undefined) this.#events.onEnd();
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

/** What TLS needs of a `Bun.Socket`. */
interface BunTlsSocketLike extends BunSocketLike, TlsSocketLike {
  /** Puts TLS over the socket: the two that it becomes, the second of which carries what is encrypted. */
  upgradeTLS(options: BunTlsUpgrade): readonly BunTlsSocketLike[];
  /** Of a socket that speaks TLS: whether the peer's certificate is in order. */
  readonly authorized?: boolean;
}

/** What `upgradeTLS` of a `Bun.Socket` is given. */
interface BunTlsUpgrade {
  /** Whether this is the server's side. */
  readonly isServer: boolean;
  /** Certificates, keys, and names. */
  readonly tls: object;
  /** The handlers of the socket that carries what is encrypted. */
  readonly socket: BunTlsHandlers;
}

/** The handlers of a socket that speaks TLS. */
interface BunTlsHandlers extends BunHandlers {
  /** The handshake is done, or has failed. */
  handshake(socket: BunTlsSocketLike, success: boolean, error: Error | null): void;
}

/** A handshake. */
interface Upgrade {
  readonly connection: Promise<Connection>;
  /** Ends it, unless it is done. */
  giveUp(reason: Error): void;
}

/**
 * Puts TLS over a socket of which nothing is read or written any more. (By `node:tls`, as elsewhere, Bun would send
 * nothing after the peer's end.)
 */
function upgrade(socket: BunTlsSocketLike, settings: TlsSettings): Upgrade {
  const { cert, key, ca, alpn, isServer, verifies } = settings;
  const shaken = new Deferred<Connection>();
  const remote = tcpAddress(socket.remoteAddress, socket.remotePort);
  let isDone = false;
  const onFailure = (error: unknown): void => {
    if (isDone) return;
    isDone = true;
    deadline?.clear();
    shaken.reject(toHandshakeError(error, settings, remote));
    secured?.terminate?.(); // end() would wait for the peer
  };
  const deadline = startHandshakeTimer(settings, onFailure);
  const serverName = settings.servername;
  const minVersion = settings.minVersion && VERSIONS[settings.minVersion];
  const options = { cert, key, ca, serverName, minVersion, ALPNProtocols: toWire(alpn) };
  socket.resume();
  const [, secured] = socket.upgradeTLS({
    isServer,
    tls: { ...options, requestCert: isServer && verifies, rejectUnauthorized: verifies },
    socket: {
      ...HANDLERS,
      open() {},
      handshake(secured, success, error) {
        const isSecure = verifies ? success && secured.authorized : success || isWrongName(error);
        if (!isSecure && (verifies || !isOutOfDate(error))) {
          return onFailure(error ?? new Error("the peer's certificate is refused"));
        }
        isDone = true;
        deadline?.clear();
        shaken.resolve(connectionOver(secured, {}, infoOf(secured)));
      },
      close(secured, error) {
        onFailure(error ?? new Error("disconnected before it was done"));
        transportOf(secured)?.onClose(error);
      },
      error: (secured, error) => transportOf(secured)?.onError(error),
    },
  });
  return { connection: shaken.promise, giveUp: onFailure };
}

/** The versions of TLS as they are sent, which is how Bun wants them. */
const VERSIONS = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const;

/** Bun says that a certificate is for another name also where that does not matter. */
function isWrongName(error: Error | null): boolean {
  return (error as { code?: string } | null)?.code === "ERR_TLS_CERT_ALTNAME_INVALID";
}

/** And that it is not valid any more, or not yet. */
function isOutOfDate(error: Error | null): boolean {
  const { code } = (error ?? {}) as { code?: string };
  return code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID";
}

/** The protocols as they are sent, which is how Bun wants them. */
function toWire(alpn: readonly string[]): Uint8Array | undefined {
  if (alpn.length === 0) return undefined;
  return concat(...alpn.flatMap((name) => [Uint8Array.of(name.length), toBytes("name", name)]));
}

function bun(): BunLike {
  return (globalThis as unknown as { Bun: BunLike }).Bun;
}
