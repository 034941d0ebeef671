// fromDeno(), and the sockets of Deno: TCP and Unix.

import type { AbortSignalLike } from "../common/abort.ts";
import { typeName } from "../common/checks.ts";
import { Deferred, NOW } from "../common/deferred.ts";
import { attempt } from "../common/attempt.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint, tcpAddress, unixAddress } from "../connection/address.ts";
import {
  CLOSING,
  Closing,
  connectionClosed,
  type WatchableConnection,
} from "../connection/closing.ts";
import { type ReceivableConnection, RECEIVE, type Receiver } from "../connection/receiving.ts";
import { type ClosedError, UnsupportedError, withHint } from "../errors.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";
import { BACKLOG, type TcpOptions, tune } from "./tcp_options.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/** What {@linkcode fromDeno} needs of a connection: a `Deno.TcpConn`, and any other `Deno.Conn`, has it. */
export interface DenoConnLike {
  /** Reads into the buffer: the number of bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes a part of the data, and says how much. */
  write(data: Uint8Array): Promise<number>;
  /** Ends the writing side. */
  closeWrite(): Promise<void>;
  /** Closes both sides now. */
  close(): void;
  /** Lets a read that waits keep the process alive. */
  ref?(): void;
  /** Lets the process end though a read waits. */
  unref?(): void;
  /** This end's address. */
  readonly localAddr: {
    /** `"tcp"`, or another transport, which has no host name and no port. */
    readonly transport: string;
    /** The IP address. */
    readonly hostname?: string;
    /** The port. */
    readonly port?: number;
    /** The path of a Unix socket. */
    readonly path?: string | null;
  };
  /** The peer's address. */
  readonly remoteAddr: DenoConnLike["localAddr"];
}

type DenoAddrLike = DenoConnLike["localAddr"];

interface DenoSocketLike extends DenoConnLike {
  /** Of a TCP connection, as the next. */
  setNoDelay?(noDelay: boolean): void;
  setKeepAlive?(keepAlive: boolean): void;
}

interface DenoListenerLike {
  accept(): Promise<DenoSocketLike>;
  close(): void;
  readonly addr: DenoAddrLike;
}

/** Where to connect to, or to listen, as Deno says it. */
type DenoWhere = { hostname: string; port: number } | { transport: "unix"; path: string };

interface DenoLike {
  connect(options: DenoWhere & { signal: AbortSignalLike | undefined }): Promise<DenoSocketLike>;
  listen(options: DenoWhere & { reusePort: boolean; tcpBacklog: number }): DenoListenerLike;
  readonly build: { readonly os: string };
  readonly permissions: {
    querySync(permission: { name: "net"; host: string }): { readonly state: string };
  };
}

/** What `accept()` fails with when the connection that it would give was reset meanwhile. */
const GONE: ReadonlySet<string> = new Set(["NotConnected", "ConnectionAborted", "ConnectionReset"]);

/** The buffer that a connection reads into grows and shrinks between these, by how much a read brings. */
const SMALLEST_BUFFER = 4 * 1024;
const LARGEST_BUFFER = 64 * 1024;

/**
 * A connection over a `Deno.Conn`, which it takes over: nobody else should read from it, write to it, or close it.
 *
 * @param conn An open connection, from which nobody else reads.
 * @returns The connection.
 * @throws {TypeError} If it is no `Deno.Conn`.
 *
 * @example
 * ```ts
 * import { Chat, fromDeno } from "@asynchat/asynchat";
 *
 * async function greet(conn: Deno.Conn): Promise<void> {
 *   await using chat = new Chat(fromDeno(conn), { terminator: "\n" });
 *   chat.push("hello\n");
 * }
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * const greeted = greet(await listener.accept());
 * await client.read(new Uint8Array(16));
 * client.close();
 * listener.close();
 * await greeted;
 * ```
 */
export function fromDeno(conn: DenoConnLike): Connection {
  if (typeof conn?.closeWrite !== "function" || typeof conn.localAddr !== "object") {
    throw new TypeError(`conn must be a Deno.Conn, not ${typeName(conn)}`);
  }
  return new DenoConnection(conn);
}

/** Opens a connection over TCP or a Unix socket with `Deno.connect`, unless `calledOff` is aborted first. */
export async function connectDeno(
  endpoint: Endpoint,
  calledOff?: AbortSignalLike,
): Promise<Connection> {
  checkKeepAlive(endpoint);
  try {
    const conn = await deno().connect({ ...whereOf(endpoint), signal: calledOff });
    return connectionOver(conn, endpoint.tcp);
  } catch (cause) {
    throw toConnectionError(cause, `connect to ${formatEndpoint(endpoint)}`);
  }
}

function connectionOver(conn: DenoSocketLike, tcp: TcpOptions | undefined): Connection {
  tune(conn, tcp);
  return new DenoConnection(conn);
}

/** Listens on a TCP port or a Unix socket with `Deno.listen`. */
export function listenDeno(endpoint: ListenEndpoint): ConnectionListener {
  const { reusePort = false } = endpoint;
  if (reusePort) checkReusePort();
  checkKeepAlive(endpoint);
  const options = { ...whereOf(endpoint), reusePort, tcpBacklog: BACKLOG };
  try {
    return new DenoListener(deno().listen(options), endpoint.tcp);
  } catch (cause) {
    throw toConnectionError(cause, `listen on ${formatEndpoint(endpoint)}`);
  }
}

function whereOf({ hostname, port, path }: Endpoint): DenoWhere {
  return path === undefined ? { hostname, port } : { transport: "unix", path };
}

/** Elsewhere Deno ignores the option; without the flag, which brings `Deno.listenDatagram`, too, it ends the process. */
function checkReusePort(): void {
  const { build: { os } } = deno();
  if (os !== "linux") throw new UnsupportedError(`reusePort needs Linux, not ${os}`);
  if ("listenDatagram" in deno()) return;
  throw new UnsupportedError(
    'reusePort needs --unstable-net with Deno, or "unstable": ["net"] in its deno.json',
  );
}

function checkKeepAlive({ tcp }: Endpoint): void {
  if (typeof tcp?.keepAlive !== "number") return;
  throw withHint(
    new UnsupportedError(`keepAlive with a time (${tcp.keepAlive}) needs Node or Bun`),
    "Deno has keepAlive: true, with the system's time; an idleTimeout ends a silent chat after a time of your own",
  );
}

/** Whether the program may look the name up, or connect to the port, without anybody being asked. */
export function mayUseNet(hostname: string, port?: number): boolean {
  const name = hostname.includes(":") ? `[${hostname}]` : hostname;
  const host = port === undefined ? name : `${name}:${port}`;
  try {
    return deno().permissions.querySync({ name: "net", host }).state === "granted";
  } catch {
    return false; // Deno does not take it for a host: it has an error for whoever connects there
  }
}

class DenoListener implements ConnectionListener {
  readonly address: Address;
  readonly #listener: DenoListenerLike;
  readonly #tcp: TcpOptions | undefined;
  readonly #closed = new Deferred();
  #isClosed = false;
  /** The accept that was asked for last: Deno allows one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(listener: DenoListenerLike, tcp: TcpOptions | undefined) {
    this.#listener = listener;
    this.#tcp = tcp;
    this.address = addressOf(listener.addr)!;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  accept(): Promise<Connection | null> {
    const accepted = this.#last.then(() => this.#acceptNext());
    this.#last = accepted.catch(() => {});
    return accepted;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    // An accept that is under way holds the port, or the socket's path, until it has ended.
    this.#last.then(() => this.#closed.resolve());
  }

  async #acceptNext(): Promise<Connection | null> {
    while (!this.#isClosed) {
      try {
        return connectionOver(await this.#listener.accept(), this.#tcp);
      } catch (cause) {
        // A peer that was gone before it was accepted: the next one is not.
        if (GONE.has((cause as Error).name)) continue;
        if (this.#isClosed) break;
        throw toConnectionError(cause, `accept on ${formatEndpoint(this.address)}`);
      }
    }
    return null;
  }
}

class DenoConnection implements WatchableConnection, ReceivableConnection {
  readonly localAddress: Address | undefined;
  readonly remoteAddress: Address | undefined;

  readonly #conn: DenoConnLike;
  readonly [CLOSING]: Closing = new Closing(this);
  #closeError: ClosedError | undefined;
  /** What broke the connection: Deno reports a reset once, to whoever reads or writes, and the end of the stream after it. */
  #cause: unknown;
  #readEnded = false;
  /** What asks for the next chunk, whether one is under way, and what came when nothing asked any more. */
  #receiver: Receiver | undefined;
  #isReading = false;
  #kept: Uint8Array | undefined;
  #writeEnded = false;
  #released = false;
  #bufferSize = SMALLEST_BUFFER;
  #buffer = new Uint8Array(0);
  #used = 0;

  constructor(conn: DenoConnLike) {
    this.#conn = conn;
    this.localAddress = addressOf(conn.localAddr);
    this.remoteAddress = addressOf(conn.remoteAddr);
  }

  get closed(): Promise<void> {
    return this[CLOSING].closed;
  }

  read(): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) =>
      this[RECEIVE]({ onChunk: resolve, onReadFailure: reject })
    );
  }

  [RECEIVE](receiver: Receiver | undefined): void {
    this.#receiver = receiver;
    if (receiver === undefined || this.#isReading) return;
    if (this.#kept !== undefined || this.#readEnded || this.#closeError !== undefined) {
      return void NOW.then(() => this.#receiver === receiver && this.#answer());
    }
    this.#isReading = true;
    this.#conn.read(this.#makeSpace()).then(
      (count) => this.#onRead(count),
      (cause) => this.#onRead(null, cause),
    );
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#closeError !== undefined) throw this.#closeError;
    try {
      for (let rest = data; rest.length > 0;) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    } catch (cause) {
      throw this.#failWriting(cause);
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#closeError !== undefined) throw this.#closeError;
    try {
      await this.#conn.closeWrite();
    } catch (cause) {
      throw this.#failWriting(cause);
    }
    this.#writeEnded = true;
    this.#closeWhenBothEnded();
  }

  close(reason?: unknown): void {
    if (this.#closeError !== undefined) return;
    this.#closeError = connectionClosed(reason);
    this.#release();
  }

  ref(): void {
    this.#conn.ref?.();
  }

  unref(): void {
    this.#conn.unref?.();
  }

  /** What is read into: the unused rest of the buffer, so that a small chunk does not cost a buffer of its own. */
  #makeSpace(): Uint8Array {
    if (this.#buffer.length - this.#used < this.#bufferSize / 4) {
      this.#buffer = new Uint8Array(this.#bufferSize);
      this.#used = 0;
    }
    return this.#buffer.subarray(this.#used);
  }

  /** Hands out what was read: that part is never read into again. */
  #takeFilled(count: number): Uint8Array {
    const space = this.#buffer.length - this.#used;
    if (count === space) this.#bufferSize = Math.min(LARGEST_BUFFER, this.#bufferSize * 2);
    else if (count < space / 8) this.#bufferSize = Math.max(SMALLEST_BUFFER, this.#bufferSize / 2);
    return this.#buffer.subarray(this.#used, this.#used += count);
  }

  #endReading(): void {
    this.#readEnded = true;
    this.#buffer = new Uint8Array(0);
    this.#closeWhenBothEnded();
  }

  #onRead(count: number | null, cause?: unknown): void {
    this.#isReading = false;
    if (count !== null) this.#kept = this.#takeFilled(count);
    else {
      this.#cause ??= cause;
      this.#endReading();
    }
    if (this.#receiver !== undefined) this.#answer();
  }

  #answer(): void {
    const receiver = this.#receiver!;
    const kept = this.#kept ?? null;
    this.#receiver = this.#kept = undefined;
    const isBroken = this.#closeError !== undefined || (kept === null && this.#cause !== undefined);
    if (isBroken) receiver.onReadFailure(this.#error("read from"));
    else receiver.onChunk(kept);
  }

  #closeWhenBothEnded(): void {
    if (this.#readEnded && (this.#writeEnded || this.#cause !== undefined)) this.#release();
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    attempt(() => this.#conn.close()); // somebody else may have closed it
    this[CLOSING].happen();
  }

  #failWriting(cause: unknown): Error {
    this.#cause ??= cause;
    this.#closeWhenBothEnded();
    return this.#error("write to");
  }

  #error(tried: string): Error {
    if (this.#closeError !== undefined) return this.#closeError;
    return toConnectionError(this.#cause, `${tried} ${formatEndpoint(this.remoteAddress)}`);
  }
}

/** A TCP address of Deno's is an `Address` already, and is kept anyway: a copy would cost each connection memory. */
function addressOf(address: DenoAddrLike): Address | undefined {
  const { transport, hostname, port, path } = address;
  if (transport === "tcp" && hostname !== undefined && port !== undefined) {
    return address as Address;
  }
  return tcpAddress(hostname, port) ?? unixAddress(path);
}

function deno(): DenoLike {
  return (globalThis as unknown as { Deno: DenoLike }).Deno;
}
