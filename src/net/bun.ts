// fromBun(), and the sockets of Bun: TCP and Unix.

import { concat, toBytes } from "../common/bytes.ts";
import { checkFunction } from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { type Ends, formatEndpoint, tcpAddress, unixAddress } from "../connection/address.ts";
import {
  CLOSING,
  Closing,
  connectionClosed,
  type WatchableConnection,
} from "../connection/closing.ts";
import { type ReceivableConnection, RECEIVE, type Receiver } from "../connection/receiving.ts";
import { ClosedError, ConnectionError, UnsupportedError } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { tune } from "./tcp_options.ts";
import type { TlsInfo } from "../tls/options.ts";
import type { TlsCapable } from "../tls/secure.ts";
import { startHandshakeTimer, toHandshakeError } from "../tls/handshake_error.ts";
import { infoOf, type TlsSocketLike } from "../tls/info.ts";
import type { TlsSettings } from "../tls/settings.ts";
import { builtin } from "../connection/builtin.ts";
import { Inbox } from "../connection/inbox.ts";
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

/** The handlers of a `Bun.connect` or `Bun.listen`, which lead each socket's events to its connection. */
export interface BunHandlers {
  /** The `Uint8Array` that `data` is to be given. */
  readonly binaryType: "uint8array";
  /** A socket has opened. */
  open(socket: BunSocketLike): void;
  /** Bytes have arrived. */
  data(socket: BunSocketLike, chunk: Uint8Array): void;
  /** There may be room to write. */
  drain(socket: BunSocketLike): void;
  /** The peer has ended its direction. */
  end(socket: BunSocketLike): void;
  /** The socket is closed. */
  close(socket: BunSocketLike, error?: Error): void;
  /** A handler has thrown. */
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

/** What {@linkcode fromBun} gives, to be spread into the options of `Bun.connect` or `Bun.listen`. */
export interface BunSocketOptions {
  /** The socket stays open when the peer ends its direction. */
  readonly allowHalfOpen: true;
  /** The handlers. */
  readonly socket: BunHandlers;
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
export function fromBun(onConnection: (connection: Connection) => void): BunSocketOptions {
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
        const connection = new BunConnection(socket, ends);
        socket.data = connection;
        onConnection(socket, connection);
      },
    },
  };
}

const HANDLERS: Omit<BunHandlers, "open"> = {
  binaryType: "uint8array",
  data: (socket, chunk) => connectionOf(socket)?.onData(chunk),
  drain: (socket) => connectionOf(socket)?.onDrain(),
  // Without this handler Bun closes the socket when the peer ends its direction, whatever `allowHalfOpen` says.
  end: (socket) => connectionOf(socket)?.onEnd(),
  close: (socket, error) => connectionOf(socket)?.onClose(error),
  error: (_socket, error) => {
    throw error;
  },
};

/** The connection of a socket, which has one once it is open, and has shaken hands if it speaks TLS. */
function connectionOf(socket: BunSocketLike): BunConnection | undefined {
  return socket.data as BunConnection | undefined;
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

class BunConnection implements TlsCapable, WatchableConnection, ReceivableConnection {
  readonly localAddress: Address | undefined;
  readonly remoteAddress: Address | undefined;
  readonly tls: TlsInfo | undefined;

  readonly #socket: BunSocketLike;
  readonly #inbox: Inbox;
  readonly [CLOSING]: Closing = new Closing(this);
  #pending: PendingWrite | undefined;
  #closeError: ClosedError | undefined;
  #isClosed = false;
  /** What Bun said when it closed the socket. */
  #cause: Error | undefined;
  #writeEnded = false;
  #isUnref = false;
  /** A write was refused: the peer has reset the connection, and Bun may report that as an orderly end. */
  #broken = false;
  /** The socket speaks TLS now: what is heard of it here is what passes encrypted. */
  #upgrade: Upgrade | undefined;

  constructor(socket: BunSocketLike, ends: Ends, tls?: TlsInfo) {
    this.#socket = socket;
    this.tls = tls;
    this.localAddress = tcpAddress(socket.localAddress, socket.localPort) ?? ends.local;
    this.remoteAddress = tcpAddress(socket.remoteAddress, socket.remotePort) ?? ends.remote;
    this.#inbox = new Inbox(socket);
    socket.pause();
  }

  get closed(): Promise<void> {
    return this[CLOSING].closed;
  }

  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  [RECEIVE](receiver: Receiver | undefined): void {
    this.#inbox.receive(receiver);
  }

  write(data: Uint8Array): Promise<void> {
    if (this.#isClosed || this.#broken) return Promise.reject(this.#failWriting());
    if (data.length === 0) return Promise.resolve();
    const done = new Deferred();
    this.#pending = { rest: data, done };
    this.onDrain();
    if (this.#isUnref && this.#pending !== undefined) this.#socket.ref?.(); // until it is taken
    return done.promise;
  }

  closeWrite(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    if (this.#isClosed || this.#broken) return Promise.reject(this.#failWriting());
    this.#writeEnded = true;
    this.#socket.shutdown();
    return Promise.resolve();
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = connectionClosed(reason);
    this.#inbox.shut(this.#closeError);
    if (this.#isClosed) return;
    if (this.#upgrade !== undefined) this.#upgrade.giveUp(this.#closeError);
    else if (this.tls !== undefined) this.#endTls();
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
    const isBusy = this.#inbox.length > 0 || this.#pending !== undefined || this.#writeEnded;
    if (isBusy || this.#isClosed || this.#broken || this.#closeError !== undefined) {
      return undefined;
    }
    if (this.tls !== undefined || !("upgradeTLS" in this.#socket)) return undefined;
    this.#inbox.shut(new ClosedError("the connection speaks TLS now")); // a read that is under way
    this.#upgrade = upgrade(this.#socket as BunTlsSocketLike, settings);
    return this.#upgrade.connection;
  }

  onData(chunk: Uint8Array): void {
    if (this.#upgrade === undefined) this.#inbox.put(chunk);
  }

  /** TLS was broken. Bun closes the socket after it, and does not say why again. */
  onError(cause: Error): void {
    this.#cause ??= cause;
  }

  /** Writes on. Bun takes a part of what it is given, and says `drain` when it may take more, or for no reason at all. */
  onDrain(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const count = this.#socket.write(pending.rest);
    if (count < 0) return this.#break(pending);
    pending.rest = pending.rest.subarray(count);
    if (pending.rest.length > 0) return;
    this.#pending = undefined;
    if (this.#isUnref) this.#socket.unref?.();
    pending.done.resolve();
  }

  onEnd(): void {
    if (this.#upgrade !== undefined) return;
    if (this.#broken) this.#inbox.fail(this.#error("read from"));
    else this.#inbox.end();
  }

  onClose(cause: Error | undefined): void {
    this.#isClosed = true;
    this.#cause ??= cause;
    // After our own shutdown() the peer's end is reported as a close without an error, not as an end.
    if (this.#cause === undefined && this.#writeEnded && !this.#broken) this.#inbox.end();
    else if (!this.#inbox.hasEnded || this.#isLoss) this.#inbox.fail(this.#error("read from"));
    this.#pending?.done.reject(this.#failWriting());
    this.#pending = undefined;
    this[CLOSING].happen();
  }

  /** The peer has refused what was written after its end. */
  get #isLoss(): boolean {
    return this.#cause !== undefined && !this.#writeEnded;
  }

  /** Bun closes a Unix socket by itself when the peer has: then there is nothing left to end. */
  get #isOver(): boolean {
    const isBroken = this.#broken || (this.#closeError ?? this.#cause) !== undefined;
    return this.#isClosed && this.#inbox.hasEnded && !isBroken;
  }

  /** By itself end() waits for the peer, 12 s, if this side has not said goodbye, or cannot. */
  #endTls(): void {
    if (this.#pending !== undefined) return void this.#socket.terminate?.();
    if (!this.#writeEnded) this.#socket.shutdown();
    this.#socket.end();
  }

  #break(pending: PendingWrite): void {
    this.#pending = undefined;
    pending.done.reject(this.#failWriting());
  }

  /** A write that has failed breaks reading, too, also after the peer's end. (Before it, something may still arrive.) */
  #failWriting(): Error {
    this.#broken = true;
    if (this.#inbox.hasEnded) this.#inbox.fail(this.#error("read from"));
    return this.#error("write to");
  }

  #error(tried: string): Error {
    if (this.#closeError !== undefined) return this.#closeError;
    const what = `${tried} ${formatEndpoint(this.remoteAddress)}`;
    if (this.#cause !== undefined) return toConnectionError(this.#cause, what);
    return new ConnectionError("reset", `cannot ${what}: the connection was reset by the peer`);
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
  const { cert, key, ca, alpn, isServer, serverName, verifies } = settings;
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
  const options = { cert, key, ca, serverName, ALPNProtocols: toWire(alpn) };
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
        const connection = new BunConnection(secured, {}, infoOf(secured));
        secured.data = connection;
        shaken.resolve(connection);
      },
      close(secured, error) {
        onFailure(error ?? new Error("disconnected before it was done"));
        connectionOf(secured)?.onClose(error);
      },
      error: (secured, error) => connectionOf(secured)?.onError(error),
    },
  });
  return { connection: shaken.promise, giveUp: onFailure };
}

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
